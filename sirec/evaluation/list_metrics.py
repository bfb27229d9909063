"""Metrics of lists: what a recommender shows to all users, whether or not they take it.

    Coverage@K          share of the catalogue that is in some list               (Ge et al. 2010)
    Gini@K              Σ_i (2i − n − 1) c_(i) / (n Σ_i c_i) of how often each of the n items is
                        listed, in ascending order: 0 if all are listed equally often, towards 1 if
                        few are                                     (Fleder and Hosanagar 2009)
    Popularity@K        training interactions of a listed item, on average  (Yin et al. 2012, ARP)
    Novelty@K           −log2(u_i / U) of a listed item i, on average; u_i of U users have it in
                        their training part, at least one               (Zhou et al. 2010; Vargas
                        and Castells 2011: mean self-information)
    Diversity(A)@K      1 − |A_i ∩ A_j| / |A_i ∪ A_j| of two listed items' values of attribute A, on
                        average over pairs of a list, then over lists   (Ziegler et al. 2005)

Averages are over the items of a list, then over users. Pairs with an item without values do not
count, nor do lists without a pair. A new metric is an instance of `ListMetricKind` here or in
another package (entry-point group `sirec.list_metrics`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from sirec.config import check_number
from sirec.config.plain_values import MOST_DIGITS
from sirec.config.quantities import Cutoff
from sirec.errors import SirecError, unknown
from sirec.evaluation.lists import ListCodes, ListedItems, TopLists
from sirec.evaluation.metrics import METRIC_KINDS, Metric, parse_metric
from sirec.evaluation.ranks import HistoryRule
from sirec.registry import Registry

WRITTEN = re.compile(r"\s*([a-z]+)(?:\((.*)\))?@(.*?)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class ListMetricKind:
    """A metric of lists without its cutoff.

    Attributes:
        name: the name in front of `@K`, as tables print it.
        value: computes the metric from lists int[U, K], what is known of the items, and the name of
            an attribute, which is empty where the metric needs none.
        meaning: what the metric says, in one sentence.
        direction: which values are better.
        decimals: decimals that tables print.
        needs_attribute: whether it is written with an attribute, `Diversity(brand)@K`.
    """

    name: str
    value: Callable[[ListCodes, ListedItems, str], float]
    meaning: str
    direction: Literal["higher", "lower", "none"] = "none"
    decimals: int = 4
    needs_attribute: bool = False


def coverage(lists: ListCodes, items: ListedItems, attribute: str) -> float:
    """The share of the catalogue that is in some list.

    Args:
        lists: int[U, K], 0 where there is no item.
        items: what is known of the V item codes.
        attribute: not used.
    """
    return len(np.unique(lists[lists > 0])) / (len(items.users) - 1)


def gini(lists: ListCodes, items: ListedItems, attribute: str) -> float:
    """How unevenly items are listed, 0 to 1; see the module's equation.

    Args:
        lists: int[U, K], 0 where there is no item.
        items: what is known of the V item codes.
        attribute: not used.
    """
    counts = np.sort(np.bincount(lists.ravel(), minlength=len(items.users))[1:])
    number = len(counts)
    weights = 2 * np.arange(1, number + 1) - number - 1
    return float((weights * counts).sum() / (number * counts.sum()))


def popularity(lists: ListCodes, items: ListedItems, attribute: str) -> float:
    """Training interactions of a listed item, on average.

    Args:
        lists: int[U, K], 0 where there is no item.
        items: what is known of the V item codes.
        attribute: not used.
    """
    return _mean_of_items(lists, items.interactions.astype(np.float64))


def novelty(lists: ListCodes, items: ListedItems, attribute: str) -> float:
    """Self-information of a listed item in bits, on average.

    Args:
        lists: int[U, K], 0 where there is no item.
        items: what is known of the V item codes.
        attribute: not used.
    """
    shares = np.maximum(items.users, 1) / items.users[0]
    return _mean_of_items(lists, -np.log2(shares))


def diversity(lists: ListCodes, items: ListedItems, attribute: str) -> float:
    """How different the values of two items of a list are, on average.

    Args:
        lists: int[U, K], 0 where there is no item.
        items: what is known of the V item codes.
        attribute: name of the attribute.
    """
    values = list(map(frozenset, items.attributes[attribute]))

    @lru_cache(maxsize=1 << 20)
    def distance(one: int, other: int) -> float:
        together = values[one] | values[other]
        return 1 - len(values[one] & values[other]) / len(together)

    means: list[float] = []
    for row in lists.tolist():
        known = sorted(code for code in row if code and values[code])
        pairs = [distance(one, other) for one, other in combinations(known, 2)]
        if pairs:
            means.append(sum(pairs) / len(pairs))
    return sum(means) / len(means) if means else float("nan")


def _mean_of_items(lists: ListCodes, values: npt.NDArray[np.float64]) -> float:
    """The mean of a value of items over each list, then over lists; empty lists do not count."""
    is_item = lists > 0
    sums = np.where(is_item, values[lists], 0.0).sum(axis=1)
    lengths = is_item.sum(axis=1)
    return float((sums[lengths > 0] / lengths[lengths > 0]).mean())


COVERAGE = ListMetricKind(
    "Coverage", coverage, "The share of the catalogue that is in some list.", "higher"
)
GINI = ListMetricKind(
    "Gini", gini, "How unevenly items are listed: 0 if all equally often, 1 if one alone.", "lower"
)
POPULARITY = ListMetricKind(
    "Popularity", popularity, "Training interactions of a listed item, on average.", decimals=1
)
NOVELTY = ListMetricKind(
    "Novelty",
    novelty,
    "Bits of surprise, -log2 of the share of users who have a listed item, on average.",
    decimals=2,
)
DIVERSITY = ListMetricKind(
    "Diversity",
    diversity,
    "How different two items of a list are in an attribute: 1 - Jaccard's index of their values.",
    needs_attribute=True,
)

LIST_METRIC_KINDS: Registry[ListMetricKind] = Registry(
    "list metric", ListMetricKind, "sirec.evaluation.list_metrics", instances=True
)


@dataclass(frozen=True)
class ListMetric:
    """A metric of lists at a cutoff.

    Attributes:
        kind: name of a `ListMetricKind`.
        cutoff: K, how many of the first items count.
        attribute: name of the attribute; empty where the metric needs none.
    """

    kind: str
    cutoff: int
    attribute: str = ""

    @property
    def name(self) -> str:
        """The name as tables print it, for example `Diversity(brand)@10`."""
        attribute = f"({self.attribute})" if self.attribute else ""
        return f"{self.kind}{attribute}@{self.cutoff}"

    def of(self, lists: TopLists, rule: HistoryRule) -> float:
        """The metric of lists.

        Args:
            lists: the lists.
            rule: whether items of the history may be in them.

        Raises:
            SirecError: if they are shorter than the cutoff, or the attribute is not known.
        """
        if self.attribute and self.attribute not in lists.items.attributes:
            raise unknown("attribute", self.attribute, lists.items.attributes, self.name)
        first = lists.first(rule, self.cutoff)
        return LIST_METRIC_KINDS[self.kind].value(first, lists.items, self.attribute)


def split_metrics(texts: Sequence[str]) -> tuple[tuple[Metric, ...], tuple[ListMetric, ...]]:
    """Metrics that a person wrote, those of ranks and those of lists, in order, each once.

    >>> ranks, lists = split_metrics(["recall@20", "diversity(brand)@10", "Gini@10"])
    >>> [metric.name for metric in (*ranks, *lists)]
    ['Recall@20', 'Diversity(brand)@10', 'Gini@10']

    Args:
        texts: what a person wrote.

    Raises:
        SirecError: for what is no metric, lacks a cutoff, or lacks an attribute.
    """
    of_ranks: dict[Metric, None] = {}
    of_lists: dict[ListMetric, None] = {}
    for text in texts:
        metric = _parsed(text)
        if isinstance(metric, Metric):
            of_ranks[metric] = None
        else:
            of_lists[metric] = None
    return tuple(of_ranks), tuple(of_lists)


def _parsed(text: str) -> Metric | ListMetric:
    names = {name.lower(): name for name in LIST_METRIC_KINDS}
    found = WRITTEN.fullmatch(text)
    word = found[1].lower() if found else text.partition("@")[0].strip().lower()
    if found is None or word not in names:
        _refuse_near_list_metric(text, word, names)
        return parse_metric(text)
    kind, attribute, cutoff = LIST_METRIC_KINDS[names[word]], (found[2] or "").strip(), found[3]
    if kind.needs_attribute != bool(attribute):
        hint = f"for example: {kind.name}{'(brand)' if kind.needs_attribute else ''}@10"
        what = "needs an attribute" if kind.needs_attribute else "takes no attribute"
        raise SirecError(f"'{text}': {kind.name} {what}", hint)
    if not cutoff.isdecimal() or len(cutoff) > MOST_DIGITS or int(cutoff) < 1:
        hint = f"write a whole number of 1 or more after '@': {kind.name}@10"
        raise SirecError(f"'{text}' has no cutoff", hint)
    check_number(f"the cutoff of {kind.name}", int(cutoff), Cutoff)
    return ListMetric(kind.name, int(cutoff), attribute)


def _refuse_near_list_metric(text: str, word: str, names: dict[str, str]) -> None:
    """Raise `SirecError` for a word that is nearest to a metric of lists, and to none of ranks."""
    if word in {name.lower() for name in METRIC_KINDS}:
        return
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        known = ", ".join(f"{name}@K" for name in LIST_METRIC_KINDS)
        raise SirecError(
            f"'{text}' is not a metric",
            f"did you mean '{names[near[0]]}@10'? metrics of lists: {known}",
        )
