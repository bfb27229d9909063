"""Gaussians and filters: STOSA, DLFS-Rec and BSARec against loops, written as their authors have
them, right-aligned.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import reference
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.core.layers.filters import CircularFilter, low_pass
from sirec.core.layers.gaussian import gaussian
from sirec.core.model import SequentialModel
from sirec.core.shape import Shape
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.models.bsarec import BSARec
from sirec.models.declaration import Declaration
from sirec.models.dlfs_rec import DLFSRec
from sirec.models.stosa import STOSA
from sirec.run.config import resolve
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

Rows = list[list[float]]
N = builders.WINDOW


def loud_model(config: Declaration, data: Dataset) -> Any:
    """Loud and in 64 bit, so that loops may agree to the last digits."""
    return builders.loud(config.build(data.schema(N, with_position=True))).double()


def rows_of(batch: Batch) -> list[list[int]]:
    """The items of each row."""
    return [
        items[:length]
        for items, length in zip(batch.items.tolist(), batch.lengths.tolist(), strict=True)
    ]


def elu(x: float) -> float:
    """x, or e^x − 1 below 0."""
    return x if x > 0 else math.exp(x) - 1


def each(function: Callable[[float], float], x: Sequence[float]) -> list[float]:
    """A function of every entry."""
    return [function(value) for value in x]


def positive(x: Sequence[float]) -> list[float]:
    """ELU(x) + 1."""
    return [elu(value) + 1 for value in x]


def centred(variance: float) -> float:
    """How a variance stands in a Gaussian's vector: √A − 1."""
    return math.sqrt(variance) - 1


def linear(x: Sequence[float], layer: nn.Module) -> list[float]:
    """W x + b of a layer."""
    return reference.linear(x, *builders.numbers(layer))


def norm(x: Sequence[float], layer: nn.Module) -> list[float]:
    """Zero mean, unit variance, the norm's scale and shift."""
    return reference.norm(x, *builders.numbers(layer))


def wasserstein(
    a: Sequence[float],
    variances_a: Sequence[float],
    b: Sequence[float],
    variances_b: Sequence[float],
) -> float:
    """Σ (a − b)² + (√A − √B)²."""
    means = sum((a[c] - b[c]) ** 2 for c in range(len(a)))
    return means + sum(
        (math.sqrt(variances_a[c]) - math.sqrt(variances_b[c])) ** 2 for c in range(len(a))
    )


def filtered(x: Rows, weight: Callable[[int, int], complex]) -> Rows:
    """Each channel's transform times `weight(frequency, channel)`, transformed back: all in sums
    over slots.
    """
    n = len(x)
    result: Rows = [[0.0] * len(x[0]) for _ in range(n)]
    for c in range(len(x[0])):
        spectrum = [
            sum(x[t][c] * cmath.exp(-2j * math.pi * f * t / n) for t in range(n)) for f in range(n)
        ]
        for f in range(n):
            mirrored = f > n // 2
            factor = weight(n - f, c).conjugate() if mirrored else weight(f, c)
            spectrum[f] *= factor.real if f in (0, n / 2) else factor
        for t in range(n):
            result[t][c] = (
                sum((spectrum[f] * cmath.exp(2j * math.pi * f * t / n)).real for f in range(n)) / n
            )
    return result


# --- the distance
# ------------------------------------------------------------------------------------------


def test_a_score_is_the_negative_distance_of_two_gaussians(tiny: Dataset) -> None:
    """One product gives −W₂² of every state and item, as the sum over channels of the formula does;
    pairs give its diagonal.
    """
    model = loud_model(STOSA(**builders.SHAPE), tiny)
    generator = torch.Generator().manual_seed(0)
    mean, other_mean = torch.randn(2, 5, 8, generator=generator, dtype=torch.float64).unbind()
    spread, other_spread = torch.rand(2, 5, 8, generator=generator, dtype=torch.float64).unbind()
    states, items = gaussian(mean, spread), gaussian(other_mean, other_spread)
    expected = [
        [
            -wasserstein(a, v, b, w)
            for b, w in zip(other_mean.tolist(), other_spread.tolist(), strict=True)
        ]
        for a, v in zip(mean.tolist(), spread.tolist(), strict=True)
    ]
    torch.testing.assert_close(
        model.score(states, items), torch.tensor(expected, dtype=torch.float64)
    )
    torch.testing.assert_close(
        model.score_pairs(states, items), model.score(states, items).diagonal()
    )


def test_ranks_by_distance_need_no_more_digits_than_single_precision(tiny: Dataset) -> None:
    """Scores of variances around 1, as trained ones are, have the order that they have in double
    precision.
    """
    model = loud_model(STOSA(**builders.SHAPE), tiny)
    generator = torch.Generator().manual_seed(0)
    means = 0.1 * torch.randn(2, 400, 128, generator=generator, dtype=torch.float64)
    variances = 1 + 0.1 * torch.rand(2, 400, 128, generator=generator, dtype=torch.float64)
    states, items = gaussian(means, variances)
    exact = model.score(states, items)

    def misplaced(of_states: Tensor, of_items: Tensor) -> float:
        order = model.score(of_states.float(), of_items.float()).argsort(dim=1)
        return (order != exact.argsort(dim=1)).double().mean().item()

    shared = torch.cat([torch.zeros(128), torch.ones(128)])
    assert misplaced(states, items) < 0.1 * misplaced(
        states + shared, items + shared
    )  # control: √A as it is


# --- STOSA
# ------------------------------------------------------------------------------------------


def stosa_attention(means: Rows, variances: Rows, block: Any, heads: int) -> tuple[Rows, Rows]:
    """Causal attention by distance of every slot of one row."""
    attention, d = block.attention, len(means[0])
    width, length = d // heads, range(len(means))
    at = [linear(mean, attention.mean) for mean in means]
    spread = [positive(linear(variance, attention.covariance)) for variance in variances]
    mixed_means, mixed_variances = [[0.0] * d for _ in length], [[0.0] * d for _ in length]
    for t in length:
        for head in range(heads):
            query, key, value = (
                slice(part * d + head * width, part * d + (head + 1) * width) for part in range(3)
            )
            near = [
                -wasserstein(at[t][query], spread[t][query], at[k][key], spread[k][key])
                for k in range(t + 1)
            ]
            share = reference.softmax([score / math.sqrt(width) for score in near])
            for c in range(width):
                mixed_means[t][head * width + c] = sum(
                    share[k] * at[k][value][c] for k in range(t + 1)
                )
                mixed_variances[t][head * width + c] = sum(
                    share[k] ** 2 * spread[k][value][c] for k in range(t + 1)
                )
    return [linear(x, attention.mean_out) for x in mixed_means], [
        linear(x, attention.covariance_out) for x in mixed_variances
    ]


def stosa_forward(x: Sequence[float], part: Any) -> list[float]:
    """LN(x + W₂ ELU(W₁ x))."""
    return norm(
        reference.add(x, linear(each(elu, linear(x, part.expand)), part.contract)), part.norm
    )


def stosa_states(model: Any, items: Sequence[int], ratings: Sequence[int], config: STOSA) -> Rows:
    """[mean ; √covariance] after each slot of one row, which ends at the window's right edge or
    begins at its left.
    """
    first = N - len(items) if config.positions == "right" else 0
    fields = model.behaviours
    starts = []
    for kind in ("mean", "covariance"):
        tables = [
            getattr(part, kind).weight.tolist()
            for part in (model.items, fields["rating"], fields["position"])
        ]
        codes = zip(items, ratings, range(first, first + len(items)), strict=True)
        sums = [
            reference.add(*(table[c] for table, c in zip(tables, code, strict=True)))
            for code in codes
        ]
        starts.append([norm(x, model.norm) for x in sums])
    means, variances = [each(elu, x) for x in starts[0]], [positive(x) for x in starts[1]]
    for block in model.blocks:
        more_means, more_variances = stosa_attention(means, variances, block, config.heads)
        mixed = [
            norm(reference.add(a, b), block.attention_norm)
            for a, b in zip(means, more_means, strict=True)
        ]
        wider = [
            norm(reference.add(a, b), block.attention_norm)
            for a, b in zip(variances, more_variances, strict=True)
        ]
        if config.fix_mean_stream:
            means = [stosa_forward(x, block.mean) for x in mixed]
        variances = [positive(stosa_forward(x, block.covariance)) for x in wider]
    return [
        [*mean, *each(centred, variance)] for mean, variance in zip(means, variances, strict=True)
    ]


@pytest.mark.parametrize("fix_mean_stream", [True, False])
@pytest.mark.parametrize("positions", ["forward", "right"])
def test_stosa_equals_its_loops(positions: Any, fix_mean_stream: bool, tiny: Dataset) -> None:
    """Every state of every row, and the table: means, and roots of variances."""
    config = STOSA(**builders.SHAPE, positions=positions, fix_mean_stream=fix_mean_stream)
    model, batch = loud_model(config, tiny), builders.a_batch(tiny)
    with torch.no_grad():
        states, table = model.encode(batch).final.tolist(), model.item_table().tolist()
    for row, items in enumerate(rows_of(batch)):
        expected = stosa_states(
            model, items, batch.behaviours["rating"][row, : len(items)].tolist(), config
        )
        for slot in range(len(items)):
            assert states[row][slot] == pytest.approx(expected[slot], rel=1e-9, abs=1e-11)
    means, variances = model.items.mean.weight.tolist(), model.items.covariance.weight.tolist()
    for item in (1, 7, builders.ITEMS):
        assert table[item] == pytest.approx(
            [*means[item], *each(centred, positive(variances[item]))]
        )


@pytest.mark.parametrize("fix_mean_stream", [True, False])
def test_the_released_encoder_forgets_all_means_but_the_last(
    fix_mean_stream: bool, tiny: Dataset
) -> None:
    """Other items before the last change a state's variances, and its mean only where means pass
    through the blocks.
    """
    model = loud_model(STOSA(**builders.SHAPE, fix_mean_stream=fix_mean_stream), tiny)
    batch = builders.spans(tiny, [(tiny.user_count, 0, 8)])
    other = builders.changed(batch, 0)
    other.items[0, 8], other.behaviours["rating"][0, 8] = (
        batch.items[0, 8],
        batch.behaviours["rating"][0, 8],
    )
    with torch.no_grad():
        (mean, variance), (mean_after, variance_after) = (
            model.encode(b).final[0, 8].chunk(2) for b in (batch, other)
        )
    assert torch.equal(mean, mean_after) != fix_mean_stream
    assert not torch.allclose(variance, variance_after)


def test_stosa_draws_its_weights_around_a_hundredth(tiny: Dataset) -> None:
    """Weights have mean .01 as the authors', where all other models have 0; variances of fresh
    items are near 1.
    """
    torch.manual_seed(0)
    model = STOSA(width=64).build(tiny.schema(N, with_position=True))
    weights = torch.cat(
        [part.weight.flatten() for part in model.modules() if isinstance(part, nn.Linear)]
    )
    assert weights.mean().item() == pytest.approx(0.01, abs=5e-4)
    assert weights.std().item() == pytest.approx(0.02, abs=5e-4)
    assert model.item_table()[1:, 64:].mean().item() == pytest.approx(centred(1.0), abs=0.02)


# --- DLFS-Rec
# ------------------------------------------------------------------------------------------


def dlfs_vector(stream: Any, item: int, data: Dataset, fusion: str) -> list[float]:
    """F(e_v, Σ_j AE_j(v) + b)."""
    values = {
        field.name: field.values[item].tolist()
        for field in data.fields
        if field.kind == "attribute"
    }
    side = [
        reference.pooled(stream.values[name].values.weight.tolist(), held, "sum")
        for name, held in values.items()
    ]
    parts = [stream.items.weight[item].tolist(), reference.add(*side, stream.bias.tolist())]
    if fusion == "concat":
        return reference.concat(parts, *builders.numbers(stream.fusion.map))
    if fusion == "gate":
        return reference.gate(parts, builders.vector_gate_weights(stream.fusion))
    return reference.add(*parts)


def dlfs_states(model: Any, items: Sequence[int], data: Dataset, fusion: str) -> Rows:
    """[mean ; √covariance] of a window of n slots whose row ends at its right edge, empty slots
    filled with zeros first.
    """
    streams = []
    for stream in (model.mean, model.covariance):
        empty = [[0.0] * model.mean_norm.weight.numel() for _ in range(N - len(items))]
        streams.append([*empty, *(dlfs_vector(stream, item, data, fusion) for item in items)])
    means = [norm(x, model.mean_norm) for x in streams[0]]
    variances = [positive(norm(x, model.covariance_norm)) for x in streams[1]]
    for block in model.blocks:
        moved = [
            filtered(rows, kernel(part))
            for rows, part in ((means, block.mean), (variances, block.covariance))
        ]
        means = [
            norm(reference.add(a, b), block.norm) for a, b in zip(means, moved[0], strict=True)
        ]
        variances = [
            positive(norm(reference.add(a, b), block.norm))
            for a, b in zip(variances, moved[1], strict=True)
        ]
    return [
        [*mean, *each(centred, variance)] for mean, variance in zip(means, variances, strict=True)
    ]


def kernel(part: CircularFilter) -> Callable[[int, int], complex]:
    """K as a function of frequency and channel."""
    weight = part.weight.tolist()
    return lambda frequency, channel: complex(*weight[frequency][channel])


@pytest.mark.parametrize(
    ("fusion", "gate_form"),
    [("sum", "two_layer"), ("concat", "two_layer"), ("gate", "two_layer"), ("gate", "vector")],
)
def test_dlfs_rec_equals_its_loops_in_the_authors_alignment(
    fusion: Any, gate_form: Any, tiny: Dataset
) -> None:
    """Left-aligned rows get the states of right-aligned ones, transforms in sums, attributes value
    by value; the table too.
    """
    width = 6 if fusion == "concat" else None
    config = DLFSRec(
        width=8,
        layers=2,
        dropout=0.0,
        attribute_fusion=fusion,
        attribute_width=width,
        gate_form=gate_form,
    )
    model, batch = loud_model(config, tiny), builders.a_batch(tiny, lengths=(9, 1, 12, 4))
    with torch.no_grad():
        states, table = model.encode(batch).final.tolist(), model.item_table().tolist()
    for row, items in enumerate(rows_of(batch)):
        expected = dlfs_states(model, items, tiny, fusion)[N - len(items) :]
        for slot in range(len(items)):
            assert states[row][slot] == pytest.approx(expected[slot], rel=1e-8, abs=1e-10)
    for item in (1, 9, builders.ITEMS):
        mean, spread = (
            dlfs_vector(model.mean, item, tiny, fusion),
            dlfs_vector(model.covariance, item, tiny, fusion),
        )
        assert table[item] == pytest.approx([*mean, *each(centred, positive(spread))])


@pytest.mark.parametrize("window", [7, 8])
def test_a_circular_filter_commutes_with_shifts(window: int) -> None:
    """A shifted window gives the shifted result; and the result is the convolution with the filter
    of one slot.
    """
    torch.manual_seed(0)
    layer = CircularFilter(3, window)
    nn.init.normal_(layer.weight)
    x = torch.randn(window, 2, 3)
    with torch.no_grad():
        y, one = layer(x), torch.zeros(window, 1, 3)
        one[0] = 1
        for by in range(window):
            torch.testing.assert_close(
                layer(x.roll(by, dims=0)), y.roll(by, dims=0), rtol=1e-4, atol=1e-5
            )
        response = layer(one)[:, 0]
        expected = torch.stack(
            [sum(response[(t - s) % window] * x[s] for s in range(window)) for t in range(window)],
        )  # type: ignore[misc]
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(y[1:], y[:-1])  # control: slots differ


@pytest.mark.parametrize("window", [1, 2, 7, 8])
def test_a_circular_filter_equals_its_transforms(window: int) -> None:
    """In values and gradients, for windows with and without a frequency of their own halves, and
    for rows that do not fill the window.
    """
    torch.manual_seed(0)
    layer = CircularFilter(3, window).double()
    nn.init.normal_(layer.weight)

    for length in {1, window // 2 or 1, window}:
        x = torch.randn(length, 4, 3, dtype=torch.float64, requires_grad=True)
        plain = by_transforms(layer, x)
        torch.testing.assert_close(layer(x), plain)
        assert_equal_gradients(layer, x, layer(x), plain)
    before = layer(x)
    with torch.no_grad():
        layer.weight *= 2
    torch.testing.assert_close(layer(x), 2 * before)  # control: the filter decides
    assert not torch.allclose(layer(x), before)


@pytest.mark.parametrize("window", [1, 2, 7, 8])
def test_a_circular_filter_gives_the_last_slot_alone(window: int) -> None:
    """As the last of all slots, in values and gradients."""
    torch.manual_seed(0)
    layer = CircularFilter(3, window).double()
    nn.init.normal_(layer.weight)
    x = torch.randn(window, 4, 3, dtype=torch.float64, requires_grad=True)
    whole, last = layer(x), layer(x, last_slot_only=True)
    torch.testing.assert_close(last, whole[-1])
    assert_equal_gradients(layer, x, last, whole[-1])
    if window > 1:
        assert not torch.allclose(last, whole[0])  # control: slots differ


def by_transforms(layer: CircularFilter, x: Tensor) -> Tensor:
    """K(X) of slots-first rows by torch's fast transforms."""
    whole = nn.functional.pad(x, (0, 0, 0, 0, 0, layer.window - len(x)))
    spectrum = torch.fft.rfft(whole, dim=0) * torch.view_as_complex(layer.weight)[:, None]
    return torch.fft.irfft(spectrum, n=layer.window, dim=0)[: len(x)]


def assert_equal_gradients(layer: CircularFilter, x: Tensor, *results: Tensor) -> None:
    """Both results have the same gradients by the rows and by the filter."""
    wanted = torch.randn_like(results[0])
    gradients = []
    for values in results:
        gradients.append(torch.autograd.grad(values, (x, layer.weight), wanted, retain_graph=True))
    torch.testing.assert_close(*gradients)


def test_dlfs_rec_without_attributes_reads_bare_items(tiny: Dataset) -> None:
    """Where the data have none there is nothing to fuse; the table is the items' own."""
    bare = tiny.select((), ("position",))
    model = loud_model(DLFSRec(width=8, layers=1, dropout=0.0), bare)
    with torch.no_grad():
        expected = gaussian(
            model.mean.items.weight, nn.functional.elu(model.covariance.items.weight) + 1
        )
        torch.testing.assert_close(model.item_table(), expected)
        assert model.scores(builders.a_batch(bare)).isfinite().all()


def test_bare_candidates_are_a_switch(tiny: Dataset) -> None:
    """`candidates: id` scores items without their attributes; the states are the same."""
    fused, bare = (
        loud_model(DLFSRec(width=8, layers=1, dropout=0.0, candidates=kind), tiny)
        for kind in ("fused", "id")
    )
    batch = builders.a_batch(tiny)
    with torch.no_grad():
        torch.testing.assert_close(fused.encode(batch).final, bare.encode(batch).final)
        assert not torch.allclose(fused.item_table(), bare.item_table())


# --- BSARec
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 2, 5, 8, 12])
def test_the_low_pass_is_a_cut_transform(window: int) -> None:
    """The matrix does what dropping all but the first c // 2 + 1 frequencies of a real transform
    does, for any c.
    """
    x = torch.randn(window, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for components in (1, 3, 5, 7, 13, 15):
        spectrum = torch.fft.rfft(x, dim=0)
        spectrum[components // 2 + 1 :] = 0
        expected = torch.fft.irfft(spectrum, n=window, dim=0)
        torch.testing.assert_close(low_pass(window, components, torch.float64) @ x, expected)


def bsarec_states(model: Any, items: Sequence[int], config: BSARec) -> Rows:
    """States of one row at the right edge of its window; with `zeros` empty slots are left out of
    all but the window.
    """
    n, length = N, len(items)
    tokens = config.window == "tokens"
    codes = [*([0] * (n - length) if tokens else []), *items]
    table, fields = model.items.weight.tolist(), model.behaviours
    places, ratings = (
        fields["position"].values.weight.tolist(),
        fields["rating"].values.weight.tolist(),
    )
    first = n - len(codes)
    real = [code > 0 for code in codes]
    may = [
        [(k <= t and real[k]) or not real[t] for k in range(len(codes))] for t in range(len(codes))
    ]
    x = [
        norm(reference.add(table[code], places[first + t], ratings[0]), model.norm)
        for t, code in enumerate(codes)
    ]
    for block in model.blocks:
        empty = [[0.0] * len(x[0]) for _ in range(first)]
        keep = config.low_frequencies // 2
        low = filtered([*empty, *x], lambda f, _, keep=keep: complex(f <= keep))[first:]
        beta = [value**2 for value in block.filter.beta.tolist()]
        passed = [
            [low[t][c] + beta[c] * (x[t][c] - low[t][c]) for c in range(len(beta))]
            for t in range(len(x))
        ]
        smooth = [
            norm(reference.add(a, b), block.filter_norm) for a, b in zip(x, passed, strict=True)
        ]
        scale = 1 / math.sqrt(config.width // config.heads)
        weights = builders.attention_weights(block.attention, ["item"], "masked", scale)
        mixed = reference.attention(x, {"item": x}, may, weights)
        attended = [
            norm(reference.add(a, b), block.attention_norm) for a, b in zip(x, mixed, strict=True)
        ]
        share = config.alpha
        both = [
            [share * f + (1 - share) * a for f, a in zip(*pair, strict=True)]
            for pair in zip(smooth, attended, strict=True)
        ]
        inner = [
            linear(each(reference.gelu, linear(y, block.expand)), block.contract) for y in both
        ]
        x = [
            norm(reference.add(a, b), block.forward_norm) for a, b in zip(both, inner, strict=True)
        ]
    return x[len(codes) - length :]


@pytest.mark.parametrize("window", ["zeros", "tokens"])
@pytest.mark.parametrize(("alpha", "low_frequencies"), [(0.7, 5), (0.3, 1), (0.0, 3)])
def test_bsarec_equals_its_loops_in_the_authors_alignment(
    alpha: float, low_frequencies: int, window: Any, tiny: Dataset
) -> None:
    """Left-aligned rows get the states of right-aligned ones; without tokens in empty slots these
    are zeros to the filter.
    """
    config = BSARec(**builders.SHAPE, alpha=alpha, low_frequencies=low_frequencies, window=window)
    model, batch = loud_model(config, tiny), builders.a_batch(tiny, lengths=(9, 1, 12, 4))
    for block in model.blocks:
        block.filter.low.copy_(low_pass(N, low_frequencies, torch.float64))
    batch.behaviours[
        "rating"
    ].zero_()  # the loops have items and positions; no rating is the vector 0
    with torch.no_grad():
        states = model.encode(batch).final.tolist()
    for row, items in enumerate(rows_of(batch)):
        expected = bsarec_states(model, items, config)
        for slot in range(len(items)):
            assert states[row][slot] == pytest.approx(expected[slot], rel=1e-8, abs=1e-10)


def test_what_empty_slots_hold_matters_but_to_full_windows(tiny: Dataset) -> None:
    """Zeros and tokens differ for a short row, and not for one without empty slots."""
    short, full = builders.spans(tiny, [(30, 0, 4)]), builders.spans(tiny, [(30, 0, N - 1)])
    models = [
        loud_model(BSARec(**builders.SHAPE, window=kind), tiny) for kind in ("zeros", "tokens")
    ]
    with torch.no_grad():
        assert not torch.isclose(*(model.scores(short)[:, 1:] for model in models)).any()
        torch.testing.assert_close(*(model.scores(full) for model in models), rtol=1e-6, atol=1e-6)


# --- all three
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (lambda: BSARec(alpha=1.1), "alpha"),
        (lambda: BSARec(low_frequencies=4), "low_frequencies"),
        (lambda: DLFSRec(use_time_context=True), "no times"),
        (lambda: DLFSRec(attribute_width=32), "attribute_width 32"),
        (lambda: DLFSRec(layers=0), "layers"),
        (lambda: STOSA(heads=3), "heads"),
    ],
)
def test_what_has_no_meaning_is_refused(config: Callable[[], object], part: str) -> None:
    """With the setting's name in the message."""
    with pytest.raises(SirecError, match=part):
        config()


@pytest.mark.parametrize("name", ["stosa", "dlfs-rec", "bsarec"])
def test_the_published_profile_resolves_and_trains(
    name: str, tiny: Dataset, schema: Schema
) -> None:
    """An epoch with the authors' switches gives a finite loss, and every switch of the profile has
    arrived.
    """
    sizes = {"width": 8, "layers": 2, "heads": 2, "inner": 8, "epochs": 1, "budget": 64}
    run = resolve(name, tiny, profile="published", shared=sizes)
    model = run.model.build(schema)
    assert isinstance(model, SequentialModel)
    [report] = Trainer(model, run.stages[0], tiny, schema, SeedKey(0, 0)).run(
        lambda: {"Recall@20": 0.0}
    )
    assert math.isfinite(report.loss)
    for path, value in MODELS[name].published.items():
        if path.startswith("model."):
            assert getattr(run.model, path.removeprefix("model.")) == value
    if name == "stosa":
        assert run.stages[0].objectives[0].exclude == "sequence"  # type: ignore[union-attr]
    assert isinstance(run.model, Shape) or name == "dlfs-rec"
