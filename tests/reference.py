"""The formulas once more, in plain loops: one loop per letter, nothing vectorised, nothing shared
with `sirec`.

Vectors are lists of numbers, matrices lists of rows. Letters: l slots of one row, h heads, w width
of a head, S sources, n the window, d width of a state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Vector = Sequence[float]
Matrix = Sequence[Vector]
Visible = Sequence[Sequence[bool]]
Weights = Mapping[str, Any]


def dot(a: Vector, b: Vector) -> float:
    """Σ_c a_c b_c."""
    return sum(a[c] * b[c] for c in range(len(a)))


def linear(x: Vector, weight: Matrix, bias: Vector | None = None) -> list[float]:
    """W x + b."""
    return [dot(weight[o], x) + (bias[o] if bias is not None else 0.0) for o in range(len(weight))]


def softmax(x: Vector) -> list[float]:
    """e^{x_i} / Σ_j e^{x_j}; -inf counts as nothing."""
    top = max(x)
    powers = [math.exp(value - top) for value in x]
    return [power / sum(powers) for power in powers]


def logsumexp(x: Vector) -> float:
    """The logarithm of Σ_i e^{x_i}."""
    top = max(x)
    return top + math.log(sum(math.exp(value - top) for value in x))


def norm(x: Vector, weight: Vector, bias: Vector) -> list[float]:
    """Zero mean and unit variance, then scale and shift."""
    mean = sum(x) / len(x)
    variance = sum((value - mean) ** 2 for value in x) / len(x)
    return [
        (x[c] - mean) / math.sqrt(variance + 1e-12) * weight[c] + bias[c] for c in range(len(x))
    ]


def gelu(x: float) -> float:
    """The exact form, by the error function."""
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def add(*parts: Vector) -> list[float]:
    """Σ_s x_s."""
    return [sum(part[c] for part in parts) for c in range(len(parts[0]))]


def concat(parts: Sequence[Vector], weight: Matrix, bias: Vector) -> list[float]:
    """W [x_1; …; x_S] + b."""
    return linear([value for part in parts for value in part], weight, bias)


def energy(x: Vector, weights: Weights) -> float:
    """The scorer of a gate: v · relu(W x + b) + c, or of one vector, v · x."""
    if "hidden" not in weights:
        return dot(weights["energy"], x)
    hidden = [max(0.0, value) for value in linear(x, weights["hidden"], weights["hidden_bias"])]
    return dot(weights["energy"], hidden) + weights["energy_bias"]


def gate(parts: Sequence[Vector], weights: Weights) -> list[float]:
    """Σ_s g_s x_s with g = softmax over the parts' energies."""
    shares = softmax([energy(part, weights) for part in parts])
    return [sum(shares[s] * parts[s][c] for s in range(len(parts))) for c in range(len(parts[0]))]


def visible(real: Sequence[bool], past: bool) -> list[list[bool]]:
    """[t][k]: whether slot t may read slot k."""
    return [[real[k] and (k <= t or not past) for k in range(len(real))] for t in range(len(real))]


def raw_scores(queries: Matrix, keys: Matrix, head: int, heads: int) -> list[list[float]]:
    """[t][k]: the product of one head's part of query t with that of key k."""
    width = len(queries[0]) // heads
    first, last = head * width, (head + 1) * width
    return [
        [dot(queries[t][first:last], keys[k][first:last]) for k in range(len(keys))]
        for t in range(len(queries))
    ]


def fuse_scores(scores: Sequence[Matrix], may: Visible, weights: Weights) -> list[list[float]]:
    """[t][k]: one matrix from S; `masked` rows hold 0 where a key may not be read, `reference` rows
    hold its score.
    """
    name, form = weights["name"], weights["form"]
    sources, length = range(len(scores)), range(len(scores[0]))
    if name == "sum":
        return [[sum(scores[s][t][k] for s in sources) for k in length] for t in length]
    if form == "source_axis":
        mix, bias = weights["weight"], weights["bias"]
        return [
            [sum(mix[s] * scores[s][t][k] for s in sources) + bias for k in length] for t in length
        ]
    beyond = [0.0] * (weights["window"] - len(length))  # a key that is not there scores 0
    fused = []
    for t in length:
        shown = [may[t][k] or form == "reference" for k in length]
        rows = [[*(scores[s][t][k] if shown[k] else 0.0 for k in length), *beyond] for s in sources]
        row = (
            concat(rows, weights["weight"], weights["bias"])
            if name == "concat"
            else gate(rows, weights)
        )
        fused.append(row[: len(length)])
    return fused


def attention(
    value: Matrix, sources: Mapping[str, Matrix], may: Visible, weights: Weights
) -> list[list[float]]:
    """One row: every source scores for itself; the scores are fused, divided, masked and applied to
    the values.
    """
    length, heads, scale = range(len(value)), weights["heads"], weights["scale"]
    queries = {s: [linear(x, *weights["query"][s]) for x in sources[s]] for s in weights["query"]}
    keys = {s: [linear(x, *weights["key"][s]) for x in sources[s]] for s in weights["key"]}
    values = [linear(x, *weights["value"]) for x in value]
    width = len(values[0]) // heads
    mixed: list[list[float]] = [[] for _ in length]
    for head in range(heads):
        scores = [raw_scores(queries[s], keys[s], head, heads) for s in queries]
        fused = fuse_scores(scores, may, weights["fusion"])
        for t in length:
            shares = softmax([fused[t][k] * scale if may[t][k] else -math.inf for k in length])
            mixed[t] += [
                sum(shares[k] * values[k][head * width + c] for k in length) for c in range(width)
            ]
    return [linear(x, *weights["out"]) for x in mixed]


def block(
    x: Matrix, sources: Mapping[str, Matrix], may: Visible, weights: Weights
) -> list[list[float]]:
    """Post-norm: Y = LN(X + attention), Z = LN(Y + FFN(Y)), slot by slot."""
    mixed = attention(x, sources, may, weights["attention"])
    result = []
    for t in range(len(x)):
        y = norm(add(x[t], mixed[t]), *weights["attention_norm"])
        inner = [gelu(value) for value in linear(y, *weights["expand"])]
        result.append(norm(add(y, linear(inner, *weights["contract"])), *weights["forward_norm"]))
    return result


def pooled(table: Matrix, values: Sequence[int], pooling: str) -> list[float]:
    """The vectors of an item's values, added or averaged; no value, no vector."""
    held = [value for value in values if value != 0]
    if not held:
        return [0.0] * len(table[0])
    total = add(*(table[value] for value in held))
    return total if pooling == "sum" else [value / len(held) for value in total]


def item_cross_entropy(states: Matrix, table: Matrix, targets: Sequence[int], first: int) -> float:
    """Mean over targets of log Σ_{v >= first} exp(h · e_v) - h · e_target."""
    losses = []
    for state, target in zip(states, targets, strict=True):
        logits = [dot(state, table[v]) for v in range(first, len(table))]
        losses.append(logsumexp(logits) - dot(state, table[target]))
    return sum(losses) / len(losses)


def attribute_prediction(
    states: Matrix,
    weight: Matrix,
    bias: Vector,
    values: Sequence[Sequence[int]],
    targets: Sequence[int],
) -> float:
    """Mean over targets and real values of the binary cross-entropy of `value is among the
    target's`.
    """
    losses = []
    for state, target in zip(states, targets, strict=True):
        logits = linear(state, weight, bias)
        for value in range(1, len(logits)):
            probability = 1 / (1 + math.exp(-logits[value]))
            losses.append(-math.log(probability if value in values[target] else 1 - probability))
    return sum(losses) / len(losses)


def alignment(
    items: Matrix, table: Matrix, values: Sequence[Sequence[int]], chosen: Sequence[int], kind: str
) -> float:
    """Mean over chosen items: -mean log p of each value held, or -log of the probability of all of
    them.
    """
    losses = []
    for item in chosen:
        probabilities = softmax([dot(items[item], table[value]) for value in range(1, len(table))])
        held = [probabilities[value - 1] for value in values[item] if value != 0]
        losses.append(
            -math.log(sum(held))
            if kind == "multi_positive"
            else -sum(math.log(p) for p in held) / len(held)
        )
    return sum(losses) / len(losses)


def preference(true: Vector, false: Matrix, kept: Sequence[Sequence[bool]]) -> float:
    """Mean over prefixes p with a version left of -log(e^{true_p} / (e^{true_p} + Σ_j
    e^{false_jp})).
    """
    losses = []
    for p in range(len(true)):
        others = [false[j][p] for j in range(len(false)) if kept[j][p]]
        if others:
            losses.append(logsumexp([true[p], *others]) - true[p])
    return sum(losses) / len(losses) if losses else 0.0
