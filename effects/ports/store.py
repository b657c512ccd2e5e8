"""What outlives a call: its journal, and rendered phrases."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from effects.ports.provider import Provider


class JournalSink(Protocol):
    """Where one call's journal goes."""

    def write(self, line: bytes) -> None:
        """Append one line (without its newline). Never blocks; order is kept."""
        ...


class CallStore(Provider, Protocol):
    """Keeps journals."""

    def open(self, call_id: str) -> AbstractAsyncContextManager[JournalSink]:
        """A sink for one call; leaving the context makes every line durable, within a bounded
        time."""
        ...


class PhraseStore(Protocol):
    """Keeps rendered audio from one run of the service to the next."""

    async def load(self, key: str) -> bytes | None:
        """The µ-law audio kept under ``key`` (letters and digits); None if there is none that is
        whole. Never raises."""
        ...

    async def save(self, key: str, audio: bytes) -> None:
        """Keep audio. Whoever loads it meanwhile gets all of it or nothing. Never raises: what
        cannot be kept is logged."""
        ...
