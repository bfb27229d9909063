"""Markup of web pages in attributes and titles, such as `&amp;` and `</span>`."""

from __future__ import annotations

from collections.abc import Iterator

from sirec.data.prepare.findings import ValueFinding, counted
from sirec.data.prepare.value_checks.base import ReadValues, ValueCheck
from sirec.data.value_forms.html_text import with_markup

NAME = "markup"


def find_markup(values: ReadValues) -> Iterator[ValueFinding]:
    """Find markup in attributes, titles and behaviours of texts.

    Args:
        values: the values that were read.
    """
    for field in values.of_role("title", "attribute", "behaviour"):
        found = with_markup(field.texts)
        if found.any():
            count = field.count(found)
            what = f"{counted(count, field.unit)} with markup"
            yield ValueFinding(NAME, field.name, count, what, field.samples(found), "--clean")


MARKUP = ValueCheck(NAME, find_markup)
