"""DIFF against its equations, one row at a time with a real Fourier transform, and its limits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import tiny as builders
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.core.layers.filters import RescaledFilter, low_pass
from sirec.core.layers.fusion import ConcatScores, GateScores
from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.next_item import NextItem
from sirec.errors import SirecError
from sirec.models.dif_sr import DIFSR
from sirec.models.diff import DIFF
from sirec.models.sasrec import SASRec
from sirec.objectives.base import EncoderPass
from sirec.objectives.window_alignment import WindowAlignment, same_attributes
from sirec.run.config import resolve
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

N = builders.WINDOW


def loud_model(config: Any, data: Dataset) -> Any:
    """Loud and in 64 bit, so that two ways of computing may agree to the last digits."""
    model: Any = builders.loud(config.build(data.schema(N, with_position=True))).double()
    for part in model.modules():
        if isinstance(part, RescaledFilter):
            part.low.copy_(low_pass(N, config.low_frequencies, torch.float64))
    return model


def filtered(x: Tensor, part: Any, low: int) -> Tensor:
    """LN(x + F(x)) of a whole window [n, d] by a transform that is cut."""
    spectrum = torch.fft.rfft(x, dim=0)
    spectrum[low // 2 + 1 :] = 0
    slow = torch.fft.irfft(spectrum, n=len(x), dim=0)
    return norm(part.norm, x + slow + part.filter.beta**2 * (x - slow))


def norm(layer: Any, x: Tensor) -> Tensor:
    """Zero mean, unit variance, the norm's scale and shift."""
    return F.layer_norm(x, (x.shape[-1],), layer.weight, layer.bias, 1e-12)


def fused_scores(scores: list[Tensor], may: Tensor, fusion: nn.Module, masked: bool) -> Tensor:
    """Score matrices [n, n] fused row by row over the whole window."""
    rows = [part * may if masked else part for part in scores]
    if isinstance(fusion, ConcatScores):
        return torch.cat(rows, dim=1) @ fusion.map.weight.T + fusion.map.bias
    if isinstance(fusion, GateScores):
        assert fusion.hidden is not None
        stacked = torch.stack(rows)  # [S, n, n]
        gates = fusion.energy(fusion.hidden(stacked).relu()).softmax(dim=0)
        return (gates * stacked).sum(dim=0)
    return torch.stack(scores).sum(dim=0)


def attended(
    part: Any, sources: dict[str, Tensor], value: Tensor, may: Tensor, masked: bool
) -> Tensor:
    """The output of an attention for a whole window."""
    width = value.shape[1] // part.heads
    outs = []
    for head in range(part.heads):
        own = slice(head * width, (head + 1) * width)
        scores = [
            part.queries[name](x)[:, own] @ part.keys[name](x)[:, own].T
            for name, x in sources.items()
        ]
        fused = fused_scores(scores, may, part.fusion, masked) / math.sqrt(width)
        shares = fused.masked_fill(~may, -torch.inf).softmax(dim=1)
        outs.append(shares @ part.value(value)[:, own])
    out: Tensor = part.out(torch.cat(outs, dim=1))
    return out


def states(model: Any, config: DIFF, batch: Batch, row: int) -> Tensor:
    """The states of the real slots of one row, computed over its whole window."""
    length = int(batch.lengths[row])
    codes = F.pad(batch.items[row, :length], (0, N - length))
    real = codes != 0
    keep = real[:, None] if config.window == "zeros" else torch.ones(N, 1, dtype=torch.bool)
    may = real[None, :] & torch.ones(N, N, dtype=torch.bool).tril()
    masked = config.fusion_form == "masked"
    side = dict(model.side.of_items(codes))
    for name in model.behaviours:
        known = F.pad(batch.behaviours[name][row, :length], (0, N - length))
        if name == "position":
            known = torch.arange(N)
        side[name] = model.side.behaviours[name](known)
    x = norm(model.norm, model.items(codes))
    g = model.fuse([x, *side.values()])
    for block in model.blocks:
        x = filtered(x * keep, block.item_filter, config.low_frequencies)
        g = filtered(g * keep, block.fused_filter, config.low_frequencies)
        guides = {}
        for name in model.attributes:
            own = block.attribute_filters[name]
            guides[name] = filtered(side[name] * keep, own, config.low_frequencies)
        guides |= {"item": x} | {name: side[name] for name in model.behaviours}
        y = norm(block.guided_norm, x + attended(block.guided, guides, x, may, masked))
        h = norm(block.plain_norm, g + attended(block.plain, {"item": g}, g, may, masked))
        x, g = (
            norm(block.forward_norm, z + block.contract(F.gelu(block.expand(z)))) for z in (y, h)
        )
    return (config.alpha * x + (1 - config.alpha) * g)[:length]


FORMS = [
    {"window": "zeros", "fusion_form": "masked"},
    {"window": "zeros", "fusion_form": "reference"},
    {"window": "tokens", "fusion_form": "masked"},
    {"window": "tokens", "fusion_form": "reference"},
]


@pytest.mark.parametrize("fusion", ["sum", "concat", "gate"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(form.values()))
def test_states_are_those_of_the_equations(form: Any, fusion: Any, tiny: Dataset) -> None:
    """Every state of every row, for each fusion and each reading of empty slots; with tokens the
    behaviours of an empty slot are those of padding, but for its place.
    """
    config = DIFF(**builders.SHAPE, early_fusion=fusion, score_fusion=fusion, **form)
    model, batch = loud_model(config, tiny), builders.a_batch(tiny)
    with torch.no_grad():
        found = model.encode(batch).final
        for row, length in enumerate(batch.lengths.tolist()):
            expected = states(model, config, batch, row)
            torch.testing.assert_close(found[row, :length], expected, rtol=1e-7, atol=1e-8)
        other = states(model, DIFF(**builders.SHAPE, low_frequencies=3, **form), batch, 0)
    assert not torch.allclose(found[0, : len(other)], other)  # control: another cut is seen


def test_alpha_one_and_an_open_filter_leave_dif_sr(tiny: Dataset) -> None:
    """Without the second encoder, and with β = 1, DIFF is DIF-SR on sources that are normalised;
    with norms that change nothing it has DIF-SR's states.
    """
    config = DIFF(**builders.SHAPE, alpha=1.0, score_fusion="concat")
    model = loud_model(config, tiny)
    twin = loud_model(DIFSR(**builders.SHAPE, score_fusion="concat"), tiny)
    _copy(model, twin)
    batch = builders.a_batch(tiny)
    with torch.no_grad():
        for block in model.blocks:
            for part in (block.item_filter, *block.attribute_filters.values()):
                part.filter.beta.fill_(1.0)
        normed = model.encode(batch).final
        assert not torch.allclose(normed, twin.encode(batch).final)  # control: the norms count
        for block in model.blocks:
            for part in (block.item_filter, *block.attribute_filters.values()):
                part.norm = nn.Identity()
                part.filter.beta.zero_()
                part.filter.low.zero_()  # the filter gives 0, so that x + F(x) is x
        torch.testing.assert_close(model.encode(batch).final, twin.encode(batch).final)


def _copy(model: Any, twin: Any) -> None:
    """Give DIF-SR the weights of DIFF's first encoder."""
    with torch.no_grad():
        twin.items.weight.copy_(model.items.weight)
        twin.side.load_state_dict(model.side.state_dict())
        twin.norm.load_state_dict(model.norm.state_dict())
        for theirs, ours in zip(twin.blocks, model.blocks, strict=True):
            theirs.attention.load_state_dict(ours.guided.state_dict())
            theirs.attention_norm.load_state_dict(ours.guided_norm.state_dict())
            for name in ("expand", "contract", "forward_norm"):
                getattr(theirs, name).load_state_dict(getattr(ours, name).state_dict())


def test_states_read_later_slots_so_that_prefixes_are_the_only_task(tiny: Dataset) -> None:
    """A later item changes an earlier state, and training on all positions at once is refused."""
    model, batch = loud_model(DIFF(**builders.SHAPE), tiny), builders.a_batch(tiny, lengths=(9, 9))
    with torch.no_grad():
        before = model.encode(batch).final[0, 3].clone()
        batch.items[0, 7] = batch.items[0, 7] % (builders.ITEMS - 1) + 1
        after = model.encode(batch).final[0, 3]
    assert not torch.allclose(before, after)
    schema = tiny.schema(N, with_position=True)
    stage = replace(resolve("diff", tiny).stages[0], task=NextItem())
    with pytest.raises(SirecError, match="cannot train on task next_item"):
        Trainer(model, stage, tiny, schema, SeedKey(0))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"low_frequencies": 4}, "odd"),
        ({"attribute_width": 4}, "attribute_width 4"),
        ({"alpha": 1.5}, "alpha"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings: Any, said: str) -> None:
    """One line that names the setting."""
    with pytest.raises(SirecError, match=said):
        DIFF(**settings)


# --- the alignment of a history
# ------------------------------------------------------------------------------------------


def alignment(model: Any, batch: Batch, data: Dataset, config: WindowAlignment) -> float:
    """The loss in plain loops over rows, slots and columns."""
    values = {
        field.name: field.values.tolist() for field in data.schema(N, with_position=True).attributes
    }
    total = 0.0
    for row, length in enumerate(batch.lengths.tolist()):
        codes = batch.items[row, :length].tolist()
        columns = codes + ([0] * (N - length) if config.columns == "window" else [])
        x = [F.normalize(model.items.weight[code], dim=0) for code in columns]
        a = [_pooled(model, code) for code in columns]
        loss = 0.0
        for t, item in enumerate(codes):
            p = torch.stack([x[t] @ a[k] for k in range(len(columns))]) / config.temperature
            r = torch.stack([a[t] @ x[k] for k in range(len(columns))]) / config.temperature
            for k, other in enumerate(codes):
                sets = [
                    {name: sorted(table[code]) for name, table in values.items()}
                    for code in (item, other)
                ]
                if sets[0] == sets[1] and any(any(v) for v in sets[0].values()):
                    loss -= float(p.log_softmax(dim=0)[k] + r.log_softmax(dim=0)[k])
        total += loss / length
    return total / len(batch.lengths)


def _pooled(model: Any, code: int) -> Tensor:
    vectors = model.side.of_items(torch.tensor([code])).values()
    return F.normalize(torch.stack(list(vectors)).sum(dim=0)[0], dim=0)


@pytest.mark.parametrize("columns", ["real", "window"])
def test_alignment_is_that_of_the_loops(columns: Any, tiny: Dataset) -> None:
    """To the last digits of fp32, in which similarities are computed; the two readings of empty
    slots differ.
    """
    model, batch = loud_model(DIFF(**builders.SHAPE), tiny), builders.a_batch(tiny)
    batch.items[0, 1] = batch.items[0, 0]  # an item twice: four ones in its row
    config = WindowAlignment(columns=columns)
    loss = config.build_for(tiny.schema(N, with_position=True), model)
    with torch.no_grad():
        found = float(loss(model, _pass(model, batch)))
        assert found == pytest.approx(alignment(model, batch, tiny, config), rel=1e-5)
        other = WindowAlignment(columns="window" if columns == "real" else "real")
        assert found != pytest.approx(alignment(model, batch, tiny, other), rel=1e-3)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (SASRec(**builders.SHAPE), "has no vectors of brand"),
        (DIFSR(**builders.SHAPE, attribute_width=4), "width 8 with brand of width 4"),
    ],
)
def test_what_has_no_vectors_to_compare_is_refused(config: Any, said: str, tiny: Dataset) -> None:
    """When the loss is built; a model that embeds attributes as wide as items (control) trains."""
    schema = tiny.schema(N, with_position=True)
    with pytest.raises(SirecError, match=said):
        WindowAlignment().build_for(schema, config.build(schema))
    WindowAlignment().build_for(schema, DIFSR(**builders.SHAPE).build(schema))


def _pass(model: Any, batch: Batch) -> EncoderPass:
    done = model.encode(batch)
    return EncoderPass(batch, done, done.at(batch.target_slots), model.item_table())


def test_equal_attributes_are_equal_in_any_order_and_nothing_is_equal_to_nothing(
    tiny: Dataset,
) -> None:
    """Numbers of the sets agree exactly where the sets do; items without a value have 0."""
    fields = tiny.schema(N, with_position=True).attributes
    numbers = same_attributes(fields).tolist()
    sets = [
        tuple(tuple(sorted(field.values[v].tolist())) for field in fields)
        for v in range(len(numbers))
    ]
    for v, own in enumerate(sets):
        assert (numbers[v] == 0) == (not any(any(values) for values in own))
        for w, other in enumerate(sets):
            assert (numbers[v] == numbers[w]) == (own == other)
    assert len(set(numbers)) > 2
