"""Fusion of several vectors, and of several score matrices, into one.

Vectors (COMIF eq. 13-14, after NOVA):

    sum     Σ_s x_s
    concat  W[x_1; …; x_S] + b
    gate    Σ_s softmax_s(w(x_s)) x_s

where w is the two-layer network of the authors' code, or the product with one vector of COMIF eq.
14 (`gate_form: vector`).

Score matrices are fused by the same functions, row by row. A row holds one score for each key, so
that concat and gate mix *keys*, and their maps have the length n of the window as width. Three
forms say how invisible scores are treated: `reference` fuses before the mask, as the authors' code
does, so that a row reads scores of later keys, which is harmless only where no target lies among
them; `masked` sets invisible scores to 0 first, so that every row reads its own past; `source_axis`
gives each whole matrix one weight and never mixes keys.

For given gates every fusion is affine in its parts: F(x_1, …, x_S) = Σ_s M_s x_s + c. The method
`linearised` gives the maps M_s and c, so that the contribution of every part can be followed (COMIF
eq. 13-16).
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
GateForm = Literal["two_layer", "vector"]  # how a gate is computed from a part
Linearised = tuple[list[Callable[[Tensor], Tensor]], Tensor]  # M_1, …, M_S and c


class SumFusion(nn.Module):
    """Σ_s x_s of parts Float[..., w]."""

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum of parts of equal shape."""
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def linearised(self, parts: Sequence[Tensor]) -> Linearised:
        """The identity for every part, and c = 0."""
        return [_as_it_is] * len(parts), parts[0].new_zeros(())


class ConcatFusion(nn.Module):
    """W[x_1; …; x_S] + b.

    Args:
        widths: width of each part.
        out: width of the fused vector.
    """

    def __init__(self, widths: Sequence[int], out: int) -> None:
        super().__init__()
        self.map = Linear(sum(widths), out)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Parts Float[..., w_s] -> Float[..., out]."""
        mapped: Tensor = self.map(torch.cat(list(parts), dim=-1))
        return mapped

    def linearised(self, parts: Sequence[Tensor]) -> Linearised:
        """The columns of W that belong to each part, and c = b."""
        weights = self.map.weight.split([part.shape[-1] for part in parts], dim=-1)
        return [partial(nn.functional.linear, weight=weight) for weight in weights], self.map.bias


class GateFusion(nn.Module):
    """Σ_s softmax_s(w(x_s)) x_s: the weight of each part is computed from the part itself.

    Args:
        width: width of every part and of the fused vector.
        form: w is a network of two layers, or the product with a vector.
    """

    def __init__(self, width: int, form: GateForm = "two_layer") -> None:
        super().__init__()
        self.energy: nn.Module
        if form == "two_layer":
            self.energy = nn.Sequential(Linear(width, width), nn.ReLU(), Linear(width, 1))
        else:
            self.energy = Linear(width, 1, bias=False)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Parts Float[..., w] -> Float[..., w]: their average, weighted by the gates."""
        stacked = torch.stack(list(parts), dim=-2)  # [..., S, w]
        weights = self.energy(stacked).softmax(dim=-2)  # [..., S, 1]
        return (weights * stacked).sum(dim=-2)

    def linearised(self, parts: Sequence[Tensor]) -> Linearised:
        """The gates of these parts, and c = 0."""
        weights = self.energy(torch.stack(list(parts), dim=-2)).softmax(dim=-2)
        maps = [partial(torch.mul, weight) for weight in weights.unbind(dim=-2)]
        return [*maps], weights.new_zeros(())


VectorFusion = SumFusion | ConcatFusion | GateFusion


def vector_fusion(
    name: FusionName, widths: Sequence[int], out: int, gate_form: GateForm = "two_layer"
) -> VectorFusion:
    """A fusion of vectors.

    Args:
        name: sum, concat or gate.
        widths: width of each part; sum and gate need all of them equal to `out`.
        out: width of the fused vector.
        gate_form: how a gate is computed from a part.
    """
    if name == "concat":
        return ConcatFusion(widths, out)
    if name == "gate":
        return GateFusion(out, gate_form)
    return SumFusion()


class ScoreFusion(nn.Module):
    """Fuses S score matrices Float[b, h, l, l] into one; the caller scales and masks the result.

    Attributes:
        separable: whether the fusion is a sum, so that attention may compute it in one product.
        reads_all_keys: whether a row reads scores of keys that are invisible to it.
    """

    separable = False
    reads_all_keys = False

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """The fused matrix.

        Args:
            scores: Float[b, h, l, l] of each source, not scaled.
            visible: Bool, broadcastable to [b, h, l, l]: which key a query may read.
        """
        raise TypeError(f"{type(self).__name__} is abstract")

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """The maps M_s and the constant c of this fusion, with the gates of these scores.

        Args:
            scores: Float[b, h, l, l] of each source, not scaled.
            visible: Bool, broadcastable to [b, h, l, l]: which key a query may read.
        """
        raise TypeError(f"{type(self).__name__} is abstract")


class SumScores(ScoreFusion):
    """Σ_s S_s (DIF-SR eq. 10 with addition)."""

    separable = True

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """The sum of `scores`; `visible` does not matter to it."""
        return SumFusion()(scores)

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """The identity for each of `scores`, and c = 0; `visible` does not matter."""
        return SumFusion().linearised(scores)


class SourceAxisConcat(ScoreFusion):
    """Σ_s w_s S_s + b with one weight a source: a causal form of concatenation (not published).

    Args:
        sources: S, how many matrices are fused.
    """

    def __init__(self, sources: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(sources))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """The weighted sum of `scores`; `visible` does not matter to it."""
        weighted = [weight * part for weight, part in zip(self.weight, scores, strict=True)]
        return SumFusion()(weighted) + self.bias

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """The weight of each of `scores`, and c = b; `visible` does not matter."""
        return [partial(torch.mul, weight) for weight in self.weight.unbind()], self.bias


class RowFusion(ScoreFusion):
    """Base of the fusions that map whole rows of n scores.

    Args:
        form: `masked` sets invisible scores to 0 first, `reference` does not.
        max_length: n, the length of the window.
    """

    def __init__(self, form: FusionForm, max_length: int) -> None:
        super().__init__()
        self.hides = form == "masked"
        self.reads_all_keys = form == "reference"
        self.max_length = max_length

    def forward(self, scores: Sequence[Tensor], visible: Tensor) -> Tensor:
        """The fused matrix, from l ≤ n columns; missing columns count as 0.

        Args:
            scores: Float[b, h, l, l] of each source, not scaled.
            visible: Bool, broadcastable to [b, h, l, l]: which key a query may read.
        """
        return self.fuse([self.hide(part, visible) for part in scores])

    def linearised(self, scores: Sequence[Tensor], visible: Tensor) -> Linearised:
        """The maps M_s and the constant c, with the gates of these scores.

        Args:
            scores: Float[b, h, l, l] of each source, not scaled.
            visible: Bool, broadcastable to [b, h, l, l]; the maps of form `masked` begin with it.
        """
        maps, constant = self.linearise([self.hide(part, visible) for part in scores])
        return [partial(self._behind, through, visible) for through in maps], constant

    def hide(self, scores: Tensor, visible: Tensor) -> Tensor:
        """`scores` with those that are not `visible` at 0, if the form is `masked`."""
        return scores * visible if self.hides else scores

    def fuse(self, rows: list[Tensor]) -> Tensor:
        """The fusion of rows, whose invisible scores may be 0."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def linearise(self, rows: list[Tensor]) -> Linearised:
        """The fusion of rows as maps M_s and a constant c."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def _behind(
        self, through: Callable[[Tensor], Tensor], visible: Tensor, scores: Tensor
    ) -> Tensor:
        return through(self.hide(scores, visible))


class ConcatScores(RowFusion):
    """fused[t, j] = Σ_s Σ_k W_s[j, k] S_s[t, k] + b_j: a map from n·S to n scores of a row.

    Args:
        sources: S, how many matrices are fused.
        form: `masked` or `reference`.
        max_length: n, the length of the window.
    """

    def __init__(self, sources: int, form: FusionForm, max_length: int) -> None:
        super().__init__(form, max_length)
        self.map = Linear(max_length * sources, max_length)

    def fuse(self, rows: list[Tensor]) -> Tensor:
        """The map of concatenated rows.

        A batch of l < n columns uses the first l columns of each source and the first l outputs.
        """
        length = rows[0].shape[-1]
        weight = self._weight(len(rows), length)
        return linear(
            torch.cat(rows, dim=-1), weight.flatten(1), self.map.bias[:length], recurs=False
        )

    def linearise(self, rows: list[Tensor]) -> Linearised:
        """The columns of the map that belong to each source, and c = b."""
        length = rows[0].shape[-1]
        weights = self._weight(len(rows), length).unbind(dim=1)
        maps = [partial(nn.functional.linear, weight=weight) for weight in weights]
        return [*maps], self.map.bias[:length]

    def _weight(self, sources: int, length: int) -> Tensor:
        """[l, S, l]."""
        return self.map.weight.view(self.max_length, sources, self.max_length)[:length, :, :length]


class GateScores(RowFusion):
    """fused[t] = Σ_s g_s(t) S_s[t]: a gate for each source, head and row, computed from the row.

    Args:
        form: `masked` or `reference`.
        max_length: n, the length of the window.
        gate_form: Lin(n, n)-ReLU-Lin(n, 1), or the product with a vector.
    """

    def __init__(
        self, form: FusionForm, max_length: int, gate_form: GateForm = "two_layer"
    ) -> None:
        super().__init__(form, max_length)
        two = gate_form == "two_layer"
        self.hidden = Linear(max_length, max_length) if two else None
        self.energy = Linear(max_length, 1, bias=two)

    def fuse(self, rows: list[Tensor]) -> Tensor:
        """The average of rows, weighted by their gates.

        A batch of l < n columns uses the first l input columns of the network.
        """
        return self._averaged(torch.stack(rows, dim=-2))  # [b, h, l, S, l]

    def weighted(self, rows: Tensor, weights: Tensor, visible: Tensor) -> Tensor:
        """The fusion of matrices that are multiplied by a weight each.

        Args:
            rows: Float[b, h, l, S, l], the matrices beside each other.
            weights: Float[S].
            visible: Bool, broadcastable to [b, h, l, l]: which key a query may read.

        Returns:
            Float[b, h, l, l].
        """
        factors = weights[:, None]
        if self.hides:
            factors = factors * visible[..., None, :]
        return self._averaged(rows * factors)

    def linearise(self, rows: list[Tensor]) -> Linearised:
        """The gates of these rows, and c = 0."""
        gates = self._gates(torch.stack(rows, dim=-2))
        maps = [partial(torch.mul, gate) for gate in gates.unbind(dim=-2)]
        return [*maps], gates.new_zeros(())

    def _averaged(self, stacked: Tensor) -> Tensor:
        """[b, h, l, S, l] -> [b, h, l, l]."""
        return (self._gates(stacked) * stacked).sum(dim=-2)

    def _gates(self, stacked: Tensor) -> Tensor:
        """[b, h, l, S, l] -> [b, h, l, S, 1]."""
        length = stacked.shape[-1]
        if self.hidden is None:
            return linear(stacked, self.energy.weight[:, :length], None).softmax(dim=-2)
        weight = self.hidden.weight[:, :length]
        hidden = linear(stacked, weight, self.hidden.bias, recurs=False).relu()  # [b, h, l, S, n]
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
    """A fusion of score matrices; one source needs none, whatever the name.

    Args:
        name: sum, concat or gate.
        form: how invisible scores are treated.
        sources: S, how many matrices are fused.
        max_length: n, the length of the window.
        gate_form: how a gate is computed from a row.
    """
    if name == "sum" or sources == 1:
        return SumScores()
    if form == "source_axis":
        if name == "gate":
            raise ValueError("a gate needs rows of scores: source_axis goes with concat")
        return SourceAxisConcat(sources)
    if name == "concat":
        return ConcatScores(sources, form, max_length)
    return GateScores(form, max_length, gate_form)
