"""A prepared data set in memory: compressed rows of interactions, and the tables of the items'
attributes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sirec.data.fields import Field, Schema, position
from sirec.data.split import HeldOut, LeaveOneOut
from sirec.errors import unknown


@dataclass(frozen=True, eq=False)
class Dataset:
    """Every user's interactions in time order, without copies of prefixes.

    User u (codes 1..U) has the interactions `offsets[u-1]:offsets[u]` of `items` (Long[N], codes
    1..V-1) and of each of `behaviours` (name -> Long[N], codes from 1). `fields` describes the
    attributes (with their tables) and the stored behaviours; position is not stored. `item_names`
    are the raw ids (index 0 is padding) and `titles` what to show a person. `cut` is what a split
    holds out of training, nothing for leave-one-out; read it as `held_out`.
    """

    name: str
    offsets: Tensor
    items: Tensor
    fields: tuple[Field, ...] = ()
    behaviours: Mapping[str, Tensor] = field(default_factory=dict)
    item_names: Sequence[str] = ()
    user_names: Sequence[str] = ()
    titles: Sequence[str] | None = None
    vocabularies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cut: HeldOut | None = None

    @cached_property
    def held_out(self) -> HeldOut:
        """What training may not see and what is predicted of it."""
        return self.cut or LeaveOneOut().hold_out(self.offsets)

    @property
    def user_count(self) -> int:
        """Number of users."""
        return len(self.offsets) - 1

    @property
    def item_count(self) -> int:
        """Number of items, padding not counted."""
        return self.item_codes - 1

    @property
    def item_codes(self) -> int:
        """V: number of item codes, padding included."""
        tables = [table.shape[0] for table in (f.table for f in self.fields) if table is not None]
        return tables[0] if tables else max(len(self.item_names), int(self.items.max()) + 1)

    @property
    def lengths(self) -> Tensor:
        """Long[U]: interactions per user."""
        return self.offsets.diff()

    def select(self, attributes: Sequence[str] | None, behaviours: Sequence[str]) -> Dataset:
        """The same interactions with only these fields; `attributes=None` keeps every attribute.

        Raises `SirecError` for a name the data set does not have.
        """
        known = {f.name: f for f in self.fields}
        mine = [name for name, f in known.items() if f.kind == "attribute"]
        stored = [name for name, f in known.items() if f.kind == "behaviour"]
        for name in attributes or ():
            if name not in mine:
                raise unknown("attribute", name, mine, self.name)
        for name in behaviours:
            if name not in (*stored, "position"):
                raise unknown("behaviour", name, [*stored, "position"], self.name)
        chosen = [
            *(mine if attributes is None else attributes),
            *(name for name in behaviours if name != "position"),
        ]
        return replace(
            self,
            fields=tuple(known[name] for name in chosen),
            behaviours={name: self.behaviours[name] for name in behaviours if name != "position"},
        )

    def schema(self, max_length: int, *, with_position: bool) -> Schema:
        """What a model is built for, from the fields of this data set and position if it is
        wanted.
        """
        fields = (*self.fields, position(max_length)) if with_position else self.fields
        return Schema(self.item_codes, max_length, fields, self.user_count + 1)

    def to(self, device: torch.device) -> Dataset:
        """The same data set on another device."""
        return replace(
            self,
            offsets=self.offsets.to(device),
            items=self.items.to(device),
            fields=tuple(f.to(device) for f in self.fields),
            behaviours={name: values.to(device) for name, values in self.behaviours.items()},
            cut=self.cut and self.cut.to(device),
        )

    def fingerprint(self) -> str:
        """16 hex digits of a sha256 over the arrays (not over names or file bytes): equal data,
        equal fingerprint.

        What is held out counts where it is not what leave-one-out holds out.
        """
        digest = hashlib.sha256()
        arrays = {
            "offsets": self.offsets,
            "items": self.items,
            **{f"behaviour/{k}": v for k, v in self.behaviours.items()},
        }
        arrays |= {f"attribute/{f.name}": f.table for f in self.fields if f.table is not None}
        if not self.held_out.agrees_with(LeaveOneOut().hold_out(self.offsets)):
            arrays |= {
                f"held out/{name}": values for name, values in self.held_out.arrays().items()
            }
        for name in sorted(arrays):
            values = arrays[name].cpu().numpy().astype("<i8")
            digest.update(f"{name}{values.shape}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()[:16]
