"""Fusion of several vectors, and of several score matrices, into one.

Vectors (COMIF eq. 13-14, after NOVA): sum Σ_s x_s; concat W[x_1; …; x_S] + b; gate Σ_s
softmax_s(w(x_s)) x_s, where w is the two-layer scorer of the authors' code or (`gate_form: vector`)
the one vector of COMIF eq. 14, w · x_s.

Scores: the same functions on rows of score matrices. A row holds one score a key, so concat and
gate mix *keys*, and a map of width n is tied to the window. Forms: `reference` fuses before the
mask, as the authors' code does: a row then reads scores of later keys, which is harmless only where
no target lies among them; `masked` sets invisible scores to 0 first, so every row reads its own
past; `source_axis` weighs whole matrices with one number each and never mixes keys.

Once gates are known every fusion is linear in its parts: F(x_1, …, x_S) = Σ_s M_s x_s + c.
`linearised` gives the M_s and c, so that parts can be split further and followed through (COMIF eq.
13-16).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.kernels.products import linear

FusionName = Literal["sum", "concat", "gate"]
FusionForm = Literal["masked", "reference", "source_axis"]
GateForm = Literal["two_layer", "vector"]  # what a gate's energy is read off a part with
Linearised = tuple[list[Callable[[Tensor], Tensor]], Tensor]  # M_1, …, M_S and c


class SumFusion(nn.Module):
    """Σ_s x_s: parts [..., w] -> [..., w]."""

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Parts of equal shape, added."""
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def linearised(self, parts: Sequence[Tensor]) -> Linearised:
        """Every part as it is, and no constant."""
        return [_as_it_is] * len(parts), parts[0].new_zeros(())


class ConcatFusion(nn.Module):
    """W[x_1; …; x_S] + b: parts [..., w_s] -> [..., out]."""

    def __init__(self, widths: Sequence[int], out: int) -> None:
        super().__init__()
        self.map = Linear(sum(widths), out)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Parts side by side, mapped."""
        mapped: Tensor = self.map(torch.cat(list(parts), dim=-1))
        return mapped

    def linearised(self, parts: Sequence[Tensor]) -> Linearised:
        """Each part through its own columns of W, and b."""
        weights = self.map.weight.split([part.shape[-1] for part in parts], dim=-1)
        return [partial(nn.functional.linear, weight=weight) for weight in weights], self.map.bias


class GateFusion(nn.Module):
    """Σ_s softmax_s(w(x_s)) x_s: each part's weight is read off the part itself; parts [..., w] ->
    [..., w].
    """

    def __init__(self, width: int, form: GateForm = "two_layer") -> None:
        super().__init__()
        two = form == "two_layer"
        self.energy = (
            nn.Sequential(Linear(width, width), nn.ReLU(), Linear(width, 1))
            if two
            else Linear(width, 1, bias=False)
        )

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Parts of equal shape, averaged with their gates."""
        stacked = torch.stack(list(parts), dim=-2)  # [..., S, w]
        weights = self.energy(stacked).softmax(dim=-2)  # [..., S, 1]
        return (weights * stacked).sum(dim=-2)

    def linearised(self, parts: Sequence[Tensor]) -> Linearised:
        """Each part times the gate it has here, and no constant."""
        weights = self.energy(torch.stack(list(parts), dim=-2)).softmax(dim=-2)
        return [partial(torch.mul, weight) for weight in weights.unbind(dim=-2)], weights.new_zeros(
            ()
        )


VectorFusion = SumFusion | ConcatFusion | GateFusion


def vector_fusion(
    name: FusionName, widths: Sequence[int], out: int, gate_form: GateForm = "two_layer"
) -> VectorFusion:
    """The fusion of vectors of these widths into one of width `out`; sum and gate need all widths
    equal to it.
    """
    if name == "concat":
        return ConcatFusion(widths, out)
    return SumFusion() if name == "sum" else GateFusion(out, gate_form)


class ScoreFusion(nn.Module):
    """Fuses S score matrices [b, h, l, l] into one; `scores` come unscaled, the result is masked by
    the caller.

    `separable` fusions weigh whole matrices, so attention may fold them into one product.
    """

    separable = False
    reads_all_keys = False

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """`visible` Bool, broadcastable to [b, h, l, l]: which key a query may read."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """What each matrix passes through on its way into the fused one, gates as they are here,
        and the constant added.
        """
        raise TypeError(f"{type(self).__name__} is abstract")


class SumScores(ScoreFusion):
    """Σ_s S_s (DIF-SR eq. 10 with addition)."""

    separable = True

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """The sum; what is visible does not matter before the mask."""
        return SumFusion()(scores)

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """Every matrix as it is, and no constant."""
        return SumFusion().linearised(scores)


class SourceAxisConcat(ScoreFusion):
    """Σ_s w_s S_s + b with one number a source: the causal reading of concatenation (ours, not
    published).
    """

    def __init__(self, sources: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(sources))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """The weighted sum; what is visible does not matter before the mask."""
        return (
            SumFusion()([weight * part for weight, part in zip(self.weight, scores, strict=True)])
            + self.bias
        )

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """Each matrix times its number, and the bias."""
        return [partial(torch.mul, weight) for weight in self.weight.unbind()], self.bias


class RowFusion(ScoreFusion):
    """Base of the fusions that map whole rows of n scores; `masked` hides invisible scores before
    it, `reference` does not.
    """

    def __init__(self, form: FusionForm, max_length: int) -> None:
        super().__init__()
        self.hides = form == "masked"
        self.reads_all_keys = form == "reference"
        self.max_length = max_length

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """[b, h, l, l] from l <= n columns; columns that are not there count as 0."""
        return self.fuse([self.hide(part, visible) for part in scores])

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """The maps of the given rows, each behind the mask if this form has one."""
        maps, constant = self.linearise([self.hide(part, visible) for part in scores])
        return [partial(self._behind, through, visible) for through in maps], constant

    def hide(self, scores: Tensor, visible: Tensor) -> Tensor:
        """Scores with the invisible ones at 0, if this form does that."""
        return scores * visible if self.hides else scores

    def fuse(self, rows: list[Tensor]) -> Tensor:
        """The fusion of the given (possibly zeroed) scores."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def linearise(self, rows: list[Tensor]) -> Linearised:
        """`fuse` of the given rows as maps and a constant."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def _behind(
        self, through: Callable[[Tensor], Tensor], visible: Tensor, scores: Tensor
    ) -> Tensor:
        return through(self.hide(scores, visible))


class ConcatScores(RowFusion):
    """fused[t, j] = Σ_s Σ_k W_s[j, k] S_s[t, k] + b_j: one map of [S_1[t]; …; S_S[t]] (length n·S)
    to n scores.
    """

    def __init__(self, sources: int, form: FusionForm, max_length: int) -> None:
        super().__init__(form, max_length)
        self.map = Linear(max_length * sources, max_length)

    def fuse(self, rows: list[Tensor]) -> Tensor:
        """Rows side by side, mapped; a trimmed batch uses the map's first l columns of each source
        and first l outputs.
        """
        length = rows[0].shape[-1]
        weight = self._weight(len(rows), length)
        return linear(
            torch.cat(rows, dim=-1), weight.flatten(1), self.map.bias[:length], recurs=False
        )

    def linearise(self, rows: list[Tensor]) -> Linearised:
        """Each source's rows through its own columns of the map, and the map's bias."""
        length = rows[0].shape[-1]
        weights = self._weight(len(rows), length).unbind(dim=1)
        return [partial(nn.functional.linear, weight=weight) for weight in weights], self.map.bias[
            :length
        ]

    def _weight(self, sources: int, length: int) -> Tensor:
        """[l, S, l]."""
        return self.map.weight.view(self.max_length, sources, self.max_length)[:length, :, :length]


class GateScores(RowFusion):
    """fused[t] = Σ_s g_s(t) S_s[t]: one gate a source, head and row, read off the row by
    Lin(n,n)-ReLU-Lin(n,1) or a vector.
    """

    def __init__(
        self, form: FusionForm, max_length: int, gate_form: GateForm = "two_layer"
    ) -> None:
        super().__init__(form, max_length)
        two = gate_form == "two_layer"
        self.hidden = Linear(max_length, max_length) if two else None
        self.energy = Linear(max_length, 1, bias=two)

    def fuse(self, rows: list[Tensor]) -> Tensor:
        """Rows averaged with their gates; a trimmed batch uses the scorer's first l input
        columns.
        """
        return self._averaged(torch.stack(rows, dim=-2))  # [b, h, l, S, l]

    def weighted(self, rows: Tensor, weights: Tensor, visible: Tensor) -> Tensor:
        """[b, h, l, l] from matrices that lie side by side, [b, h, l, S, l], each times its own of
        `weights` [S].
        """
        shares = weights[:, None]
        return self._averaged(rows * (shares * visible[..., None, :] if self.hides else shares))

    def linearise(self, rows: list[Tensor]) -> Linearised:
        """Each source's rows times the gates they have here, and no constant."""
        gates = self._gates(torch.stack(rows, dim=-2))
        return [partial(torch.mul, gate) for gate in gates.unbind(dim=-2)], gates.new_zeros(())

    def _averaged(self, stacked: Tensor) -> Tensor:
        """[b, h, l, S, l] -> [b, h, l, l]."""
        return (self._gates(stacked) * stacked).sum(dim=-2)

    def _gates(self, stacked: Tensor) -> Tensor:
        """[b, h, l, S, l] -> [b, h, l, S, 1]."""
        length = stacked.shape[-1]
        if self.hidden is None:
            return linear(stacked, self.energy.weight[:, :length], None).softmax(dim=-2)
        hidden = linear(
            stacked, self.hidden.weight[:, :length], self.hidden.bias, recurs=False
        ).relu()  # [b, h, l, S, n]
        gates: Tensor = self.energy(hidden).softmax(dim=-2)
        return gates


def _as_it_is(part: Tensor) -> Tensor:
    return part


def score_fusion(
    name: FusionName,
    form: FusionForm,
    sources: int,
    max_length: int,
    gate_form: GateForm = "two_layer",
) -> ScoreFusion:
    """The fusion of `sources` score matrices; one source needs none, whatever the name."""
    if name == "sum" or sources == 1:
        return SumScores()
    if form == "source_axis":
        if name == "gate":
            raise ValueError("a gate read off one number is no gate: source_axis goes with concat")
        return SourceAxisConcat(sources)
    return (
        ConcatScores(sources, form, max_length)
        if name == "concat"
        else GateScores(form, max_length, gate_form)
    )
