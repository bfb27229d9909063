"""The states that an encoder computes, and how objectives read them.

Letters: B rows, L slots a row, T tokens, N states that are read, D width of a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from sirec.data.tasks.layout import TokenLayout, take_distinct
from sirec.errors import unknown


@dataclass(frozen=True, eq=False)
class States:
    """The states that an encoder computes for each slot.

    Attributes:
        final: Float[B, L, D], the states that are compared with items.
        streams: Float[B, L, w] of each stream that objectives may read, by name.
        hidden: Float[B, L, d], the states before an output layer, or None where there is none.
    """

    final: Tensor
    streams: Mapping[str, Tensor] = field(default_factory=dict)
    hidden: Tensor | None = None

    def at(self, slots: Tensor) -> Tensor:
        """Final states Float[N, D] of flat slots.

        Args:
            slots: Long[N], indices into [B · L], none of them twice.
        """
        return take_distinct(self.final.flatten(0, 1), slots)

    def stream_at(self, name: str, slots: Tensor) -> Tensor:
        """States Float[N, w] of a stream at flat slots.

        Args:
            name: name of the stream.
            slots: Long[N], indices into [B · L], none of them twice.

        Raises:
            SirecError: if the model has no such stream.
        """
        return take_distinct(_stream(self.streams, name).flatten(0, 1), slots)

    def hidden_at(self, slots: Tensor) -> Tensor | None:
        """States Float[N, d] before the output layer at flat slots; None where there is none.

        Args:
            slots: Long[N], indices into [B · L], none of them twice.
        """
        return None if self.hidden is None else take_distinct(self.hidden.flatten(0, 1), slots)


class TokenStates(States):
    """The states of tokens, which are laid into slots only where somebody asks for all of them.

    Where prefixes are rows of their own, slots are far more than the states that are read.

    Args:
        layout: where the tokens lie.
        final: Float[T, D], the states that are compared with items; with `readout` Float[N, D].
        streams: Float[T or N, w] of each stream, by name.
        hidden: Float[T or N, d], the states before an output layer.
        readout: Long[N], the tokens that the states belong to, at most one of each row; None means
            all tokens.
        length: L, the slots of a row, where the layout has more.
    """

    def __init__(
        self,
        layout: TokenLayout,
        final: Tensor,
        *,
        streams: Mapping[str, Tensor] | None = None,
        hidden: Tensor | None = None,
        readout: Tensor | None = None,
        length: int | None = None,
    ) -> None:
        values = {
            "layout": layout,
            "readout": readout,
            "length": layout.length if length is None else length,
            "tokens": final,
            "stream_tokens": streams or {},
            "hidden_tokens": hidden,
        }
        self.__dict__.update(values)  # the base class is frozen

    layout: TokenLayout
    readout: Tensor | None
    length: int
    tokens: Tensor
    stream_tokens: Mapping[str, Tensor]
    hidden_tokens: Tensor | None

    @cached_property
    def final(self) -> Tensor:
        """Float[B, L, D]: the states in their slots; 0 where there is none."""
        return self._by_slots(self.tokens)

    @cached_property
    def streams(self) -> Mapping[str, Tensor]:
        """Float[B, L, w]: the streams in their slots."""
        return {name: self._by_slots(values) for name, values in self.stream_tokens.items()}

    @cached_property
    def hidden(self) -> Tensor | None:
        """Float[B, L, d]: the states before the output layer in their slots."""
        return None if self.hidden_tokens is None else self._by_slots(self.hidden_tokens)

    def at(self, slots: Tensor) -> Tensor:
        """As of `States`; every slot must hold a state."""
        return take_distinct(self.tokens, self._index(slots))

    def stream_at(self, name: str, slots: Tensor) -> Tensor:
        """As of `States`; every slot must hold a state."""
        return take_distinct(_stream(self.stream_tokens, name), self._index(slots))

    def hidden_at(self, slots: Tensor) -> Tensor | None:
        """As of `States`; every slot must hold a state."""
        if self.hidden_tokens is None:
            return None
        return take_distinct(self.hidden_tokens, self._index(slots))

    def _by_slots(self, values: Tensor) -> Tensor:
        return self.layout.unflatten(values, self.readout)[:, : self.length]

    def _index(self, slots: Tensor) -> Tensor:
        """Long[N]: which of the states are those of flat slots Long[N] of [B · L]."""
        if self.length != self.layout.length:
            slots = slots + slots // self.length * (self.layout.length - self.length)
        tokens = self.layout.tokens_at(slots)
        return tokens if self.readout is None else self._state_of_token.index_select(0, tokens)

    @cached_property
    def _state_of_token(self) -> Tensor:
        """Long[T]: the state of each token that is read; −1, which no index is, of the others."""
        assert self.readout is not None
        device = self.readout.device
        states = torch.arange(self.readout.shape[0], device=device)
        none = torch.full((self.layout.slots.shape[0],), -1, device=device)
        return none.index_copy_(0, self.readout, states)


def _stream(streams: Mapping[str, Tensor], name: str) -> Tensor:
    """A stream by its name.

    Raises:
        SirecError: if there is none of this name.
    """
    if name not in streams:
        raise unknown("stream", name, streams, "this model's states")
    return streams[name]
