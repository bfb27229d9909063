"""What the differences mean, in sentences that somebody can act on who runs a shop."""

from __future__ import annotations

from collections.abc import Sequence

from sirec.evaluation.paired_means import MeanDifference
from sirec.studies.worth.effects import FieldEffect, WorthEffects, seeds_to_decide
from sirec.studies.worth.record import WorthRecord

CUSTOMERS = 1000
MOSTLY = 2 / 3  # of a worth, that a group makes up
COARSE = 3.0  # customers of 1,000: of narrower intervals one decimal is told


def decimals_of(found: WorthEffects) -> int:
    """How many decimals numbers of customers have: none where intervals are wide."""
    widest = max(effect.worth.half_width for effect in found.fields)
    return 0 if CUSTOMERS * widest >= COARSE else 1


def sentences(record: WorthRecord, found: WorthEffects) -> list[str]:
    """A sentence on each field, on all together, on what could be seen, and what to do next.

    Args:
        record: what was asked.
        found: what was found.
    """
    words = _Words(record, found)
    texts = [
        f"Of 1,000 customers, how many find their next purchase among the first {record.top} "
        f"suggestions ({record.model}; {found.users:,} customers of {record.data}, "
        f"{words.seeds}):"
    ]
    for effect in found.fields:
        texts.append(f"- {words.on(effect)}")
    if found.together is not None:
        texts.append(
            f"- All fields together find {words.with_interval(found.together)} more than the "
            "order of purchases alone."
        )
    texts.append(words.power())
    if found.seeds == 1:
        texts.append(
            "A hint only: with one seed, intervals do not know how much training varies, and "
            f"another seed may say otherwise. To decide: {record.decided_by}"
        )
    if not words.useful:
        texts.append("No field is known to help here, so the next command reads none.")
    texts.append(words.next_command())
    return texts


class _Words:
    """Sentences about a record and its effects.

    Args:
        record: what was asked.
        found: what was found.
    """

    def __init__(self, record: WorthRecord, found: WorthEffects) -> None:
        self.record, self.found = record, found
        self.decimals = decimals_of(found)

    @property
    def seeds(self) -> str:
        """`3 seeds`."""
        return f"{self.found.seeds} seed{'s' * (self.found.seeds > 1)}"

    def on(self, effect: FieldEffect) -> str:
        """The sentence on a field."""
        if effect.is_significant and effect.worth.difference > 0:
            where = self._where(effect)
            return f"{effect.field} finds {self.with_interval(effect.worth)} more{where}."
        if effect.is_significant:
            lost = self.with_interval(effect.worth, sign=-1)
            return f"{effect.field} costs {lost}: shuffled, it does less harm. Leave it out."
        if CUSTOMERS * effect.worth.high < self.record.margin:
            return self._nothing(effect)
        return self._undecided(effect)

    def with_interval(self, worth: MeanDifference, sign: int = 1) -> str:
        """`27 [19, 35]`.

        Args:
            worth: a difference.
            sign: −1 to tell what is lost.
        """
        low, high = sorted((sign * worth.low, sign * worth.high))
        return f"{self._count(sign * worth.difference)} [{self._count(low)}, {self._count(high)}]"

    def power(self) -> str:
        """What the study could have seen."""
        least = self._count(self.found.detectable)
        family = len(self.found.fields)
        corrected = f", corrected for {family} fields" if family > 1 else ""
        return (
            f"A field worth {least} or more would have been found in four of five such studies "
            f"(5 % level{corrected})."
        )

    def next_command(self) -> str:
        """The command to go on with, which trains as the study did."""
        return f"Next: {self.record.training.command(self.record.data, self.useful)}"

    @property
    def useful(self) -> list[str]:
        """Names of the fields that are worth something."""
        useful: list[str] = []
        for effect in self.found.fields:
            if effect.is_significant and effect.worth.difference > 0:
                useful.append(effect.field)
        return useful

    def _nothing(self, effect: FieldEffect) -> str:
        """A field whose worth is at most the margin."""
        most = f"at most {self._signed(max(effect.worth.high, 0.0))}"
        others = [other.field for other in self.found.fields if other.field != effect.field]
        if effect.alone is not None and effect.alone.low > 0 and others:
            alone = self.with_interval(effect.alone)
            return (
                f"{effect.field} adds nothing beyond {_listed(others)} ({most}); "
                f"alone it finds {alone} more."
            )
        return f"{effect.field} is no better than shuffled {effect.field} ({most})."

    def _undecided(self, effect: FieldEffect) -> str:
        """A field whose worth may be nothing or more than the margin."""
        worth = effect.worth
        between = f"between {self._signed(worth.low)} and {self._signed(worth.high)}"
        if self.found.seeds == 1:
            return f"{effect.field}: not decided, {between}."
        seeds = seeds_to_decide(worth, self.record.margin / CUSTOMERS)
        if seeds is None:
            remedy = "seeds would not decide it: that needs more customers"
        else:
            remedy = f"about {seeds} seeds would decide it"
        return f"{effect.field}: not decided, {between}; {remedy}."

    def _where(self, effect: FieldEffect) -> str:
        """Whose purchases they are mostly, where groups differ beyond chance."""
        places: list[str] = []
        for group in effect.groups:
            if group.share is None:
                continue
            if group.contrast.low > 0 and group.share >= MOSTLY:
                places.append(f"of {group.group}")
            elif group.contrast.high < 0 and group.share <= 1 - MOSTLY:
                places.append(f"of {group.other}")
        return f", mostly {' and '.join(places)}" if places else ""

    def _count(self, value: float) -> str:
        text = f"{CUSTOMERS * value + 0.0:.{self.decimals}f}"
        return text.replace("-", "−") if float(text) else text.lstrip("-")

    def _signed(self, value: float) -> str:
        text = self._count(value)
        return text if text.startswith("−") or not float(text) else f"+{text}"


def _listed(names: Sequence[str]) -> str:
    """`brand and price`; `the other fields` where they are many."""
    if len(names) > 3:
        return "the other fields"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
