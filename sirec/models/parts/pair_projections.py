"""Queries and keys of MSSR's attention: every source has queries for the keys of every other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.attention import ITEM
from sirec.core.layers.by_field import ByField
from sirec.models.parts.sources import Sources

Vectors = Mapping[str, Tensor]


class PairProjections(nn.Module):
    """The projections X_x W_xy and X_y Wk_y of `parts/source_pairs.py`.

    Args:
        sources: the sources and their widths.
        heads: h, the number of heads.
        has_attribute_streams: whether there are attribute streams, or the item stream alone.
    """

    def __init__(self, sources: Sources, heads: int, *, has_attribute_streams: bool) -> None:
        super().__init__()
        self.sources, self.heads = sources, heads
        self.streams = tuple(sources.attribute_widths) if has_attribute_streams else ()
        queries, keys = {}, {}
        for name in sources.item_stream:
            queries[name] = self._query_projections(name)
        for name in sources.item_stream:
            keys[name] = Linear(sources.width(name), sources.width(name))
        self.queries, self.keys = ByField(queries), ByField(keys)

    def _query_projections(self, query_source: str) -> ByField[Linear]:
        """The projections of one query source, by the name that `query_projection` gives.

        A projection that several pairs share is drawn once for each of them, and the last draw
        counts: stored runs drew their weights in this order.
        """
        sources = self.sources
        projections: dict[str, Linear] = {}
        for key_source in sources.item_stream:
            name = sources.query_projection(query_source, key_source)
            projections[name] = Linear(sources.width(query_source), sources.width(key_source))
        return ByField(projections)

    def key_sets(self, x: Tensor, streams: Vectors, fields: Vectors) -> list[Tensor]:
        """Keys: one set for each item-stream source, then one for each attribute stream.

        Args:
            x: Float[T, d], the item stream.
            streams: Float[T, w] of every attribute stream, by attribute.
            fields: Float[T, w] of every field as embedded, by name.

        Returns:
            Float[T, w] for each set.
        """
        embedded = {ITEM: x, **fields}
        keys = []
        for name in self.sources.item_stream:
            keys.append(self.keys[name](embedded[name]))
        for name in self.streams:
            keys.append(self.keys[name](streams[name]))
        return keys

    def query_sets(self, x: Tensor, streams: Vectors, fields: Vectors) -> list[Tensor]:
        """For each set of keys, in the order of `key_sets`, the queries of all its query sources.

        Args:
            x: Float[T, d], the item stream.
            streams: Float[T, w] of every attribute stream, by attribute.
            fields: Float[T, w] of every field as embedded, by name.

        Returns:
            Float[T, h, X·w] for each set: the X queries beside each other.
        """
        sources = self.sources
        embedded = {ITEM: x, **fields}
        of_items: dict[str, dict[str, Tensor]] = {}
        for name in sources.item_stream:
            of_items[name] = self._queries(name, embedded[name], sources.item_stream)
        of_streams: dict[str, dict[str, Tensor]] = {}
        for name in self.streams:
            of_streams[name] = self._queries(name, streams[name], sources.attribute_stream)
        sets = []
        for key_source in sources.item_stream:
            queries = self._for_keys(key_source, of_items, sources.item_stream)
            if key_source in sources.behaviours:
                # Behaviours are the same in both kinds of streams: only the queries of attribute
                # streams are new.
                queries += self._for_keys(key_source, of_streams, self.streams)
            sets.append(torch.cat(queries, dim=-1))
        for key_source in self.streams:
            among = {**of_items, **of_streams}
            queries = self._for_keys(key_source, among, sources.attribute_stream)
            sets.append(torch.cat(queries, dim=-1))
        return sets

    def _for_keys(
        self, key_source: str, queries: Mapping[str, Vectors], query_sources: Sequence[str]
    ) -> list[Tensor]:
        """The queries of these sources for the keys of one source."""
        chosen = []
        for name in query_sources:
            chosen.append(queries[name][self.sources.query_projection(name, key_source)])
        return chosen

    def _queries(
        self, query_source: str, vectors: Tensor, key_sources: Sequence[str]
    ) -> dict[str, Tensor]:
        """By projection, the queries Float[T, h, w] of a source for the keys of others."""
        queries: dict[str, Tensor] = {}
        for key_source in key_sources:
            name = self.sources.query_projection(query_source, key_source)
            if name not in queries:
                queries[name] = self.split(self.queries[query_source][name](vectors))
        return queries

    def split(self, vectors: Tensor) -> Tensor:
        """Heads apart: Float[T, h·w] -> Float[T, h, w]."""
        return vectors.unflatten(-1, (self.heads, -1))

    def query_count(self, index: int) -> int:
        """X: the number of query sources of the set of keys with this index."""
        names = self.sources.item_stream
        if index >= len(names):
            return len(self.sources.attribute_stream)
        is_shared = names[index] in self.sources.behaviours
        return len(names) + (len(self.streams) if is_shared else 0)
