"""The sources of MSSR's attention, and which projection gives a source its queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sirec.core.layers.attention import ITEM


@dataclass(frozen=True)
class Sources:
    """The sources of an attention, and their widths.

    Attributes:
        model_width: d, the width of items and behaviours.
        attribute_widths: the width of each attribute, by name.
        behaviours: names of the behaviours.
    """

    model_width: int
    attribute_widths: Mapping[str, int]
    behaviours: tuple[str, ...]

    @property
    def item_stream(self) -> tuple[str, ...]:
        """The S sources of the item stream: items, attributes, behaviours."""
        return (ITEM, *self.attribute_widths, *self.behaviours)

    @property
    def attribute_stream(self) -> tuple[str, ...]:
        """The P sources of the attribute streams: behaviours, attributes."""
        return (*self.behaviours, *self.attribute_widths)

    def width(self, name: str) -> int:
        """The width of a source."""
        return self.attribute_widths.get(name, self.model_width)

    def query_projection(self, query_source: str, key_source: str) -> str:
        """Name of the projection that gives `query_source` its queries for the keys of a source.

        Item and behaviours have the model's width and share one projection for all such keys; an
        attribute has its own width, so that every pair with an attribute needs a projection of its
        own.

        Args:
            query_source: the source whose states become queries.
            key_source: the source whose states become keys.

        Returns:
            `query_source` where both have the model's width, else `key_source`.
        """
        attributes = self.attribute_widths
        has_attribute = query_source in attributes or key_source in attributes
        return key_source if has_attribute else query_source
