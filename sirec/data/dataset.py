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

from sirec.data.fields import PADDING, UNKNOWN, Field, Schema, position
from sirec.data.split import HeldOut, LeaveOneOut
from sirec.errors import unknown


@dataclass(frozen=True, eq=False)
class Dataset:
    """The interactions of every user in the order of time, without copies of prefixes.

    Attributes:
        name: name of the data set.
        offsets: Long[U + 1]; user u (from 1) has the interactions `offsets[u-1]:offsets[u]`.
        items: Long[N], the item of each interaction, codes 1..V-1.
        fields: the attributes, with their tables, and the stored behaviours; position is computed.
        behaviours: Long[N] by name, codes from 1; 0 where nothing is known of a user.
        item_names: raw id of each item code; the first one is that of the padding.
        user_names: raw id of each user code.
        titles: title of each item code, or None.
        vocabularies: by field the name of each code; an attribute of vectors has none.
        cut: what the split holds out of training; None for leave-one-out. Read it as `held_out`.
        is_own: whether a person chose the fields of the data (`Source.is_own`). Then a model reads
            all attributes unless it is told otherwise; else those that the protocol prefers.
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
    is_own: bool = False

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

    @cached_property
    def training_interactions(self) -> Tensor:
        """Long[M]: indices of the interactions of the training part, in order."""
        stop = torch.repeat_interleave(self.held_out.train_stop, self.lengths)
        interactions = torch.arange(len(self.items), device=self.items.device)
        return (interactions < stop).nonzero().squeeze(1)

    @cached_property
    def item_codes(self) -> int:
        """V: number of item codes, padding included."""
        for each in self.fields:
            if each.table is not None:
                return each.table.shape[0]
        return max(len(self.item_names), int(self.items.max()) + 1)

    @property
    def lengths(self) -> Tensor:
        """Long[U]: interactions per user."""
        return self.offsets.diff()

    def select(self, attributes: Sequence[str] | None, behaviours: Sequence[str]) -> Dataset:
        """The same interactions with some of the fields.

        Args:
            attributes: names of the attributes to keep; None for all.
            behaviours: names of the behaviours to keep; `position` may be among them.

        Raises:
            SirecError: for a name that the data set does not have.
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
        kept = [name for name in behaviours if name != "position"]
        chosen = [*(mine if attributes is None else attributes), *kept]
        return replace(
            self,
            fields=tuple(known[name] for name in chosen),
            behaviours={name: self.behaviours[name] for name in kept},
        )

    def unknown_code(self, behaviour: str) -> int:
        """The code that a behaviour has where nobody says its value.

        Args:
            behaviour: name of a behaviour.

        Returns:
            The code of the value `unknown`, if interactions of the data have it; else 0, which is
            the padding.
        """
        names = self.vocabularies.get(behaviour, ())
        return names.index(UNKNOWN) if UNKNOWN in names else PADDING

    def schema(self, max_length: int, *, with_position: bool) -> Schema:
        """What a model is built for.

        Args:
            max_length: the longest history that the model reads.
            with_position: whether position is one of its behaviours.
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
        """The fingerprint of the data: 16 hexadecimal digits of a sha256 over all arrays.

        Names and bytes of files are not part of it; the split is, unless it holds out what
        leave-one-out holds out.
        """
        digest = hashlib.sha256()
        arrays = {"offsets": self.offsets, "items": self.items}
        # The key of an array says the form where it is not `values`: older fingerprints stay.
        forms = {each.name: each.form for each in self.fields if each.form != "values"}
        for name, values in self.behaviours.items():
            arrays[f"{forms.get(name, 'behaviour')}/{name}"] = values
        for each in self.fields:
            if each.table is not None:
                arrays[f"{forms.get(each.name, 'attribute')}/{each.name}"] = each.table
        if not self.held_out.agrees_with(LeaveOneOut().hold_out(self.offsets)):
            for name, values in self.held_out.arrays().items():
                arrays[f"held out/{name}"] = values
        for name in sorted(arrays):
            array = arrays[name].cpu().numpy()
            array = array.astype("<f4" if np.issubdtype(array.dtype, np.floating) else "<i8")
            digest.update(f"{name}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
