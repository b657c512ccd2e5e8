"""The carrier: the telephone line, as messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec


class Media(msgspec.Struct, frozen=True):
    """Caller audio off the wire: µ-law at 8 kHz, usually but not always 160 bytes."""

    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """The carrier has played (or, after a clear, thrown away) all that was sent before the
    mark of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key: one of ``0123456789*#``."""

    digit: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over at the carrier's end. ``reason`` is for the journal."""

    reason: str


CarrierMessage = Media | Mark | Dtmf | Stop


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Who is calling, as the carrier told it. ``parameters`` come from the webhook."""

    call_id: str
    stream_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Carrier(Protocol):
    """One call's media stream, already answered.

    Sending never blocks: messages go to a bounded outbox with one writer, in order. A carrier
    that reads so slowly that the outbox is full is reported as a :class:`Stop`.
    """

    info: CallInfo

    async def receive(self) -> CarrierMessage:
        """The next message. After a :class:`Stop` nothing follows. Never raises for what the
        other side does: a broken or lost connection is a :class:`Stop` with its reason."""
        ...

    def send_audio(self, mulaw: bytes) -> None:
        """Queue audio for the caller."""
        ...

    def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far has been played."""
        ...

    def send_clear(self) -> None:
        """Throw away what the carrier has buffered, and what is still in the outbox."""
        ...

    async def transfer(self, to: str) -> None:
        """Put the caller through to a number or address, and return when that is done: the call
        is over for us then. Raises :class:`ProviderError`."""
        ...

    async def hang_up(self) -> None:
        """End the call from our side; bounded in time, idempotent."""
        ...
