"""Calls that are over, read once more from their journals, in a thread of its own.

    a call's end ──its name──> queue ──> journal ──lines──> those who judge it, or tell of it

So nothing of that is on a call's way, and nothing has to be kept while a call goes on. One call is
read at a time. The queue is bounded: a call for which there is no room is not read, and those who
read are told.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
import trio

from adapters.front.http import Routes
from adapters.stores.files import path_in
from engine.errors import JournalError
from engine.journal import AnyLine, End, Head, read_journal
from engine.session import Watcher

log = structlog.get_logger()

WAITING_MOST = 1000
WRITTEN_S = 5.0
"""For a journal's last line to be on disk."""

LAST_S = 5.0
"""For what is still to be read when the service ends."""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """One that is over: its whole journal, and when it began (nanoseconds since 1970)."""

    head: Head
    lines: Sequence[AnyLine]
    began_ns: int


class Reader(Protocol):
    """Whoever wants to know of calls that are over. All of it is called in a thread, one at a
    time, and may take its time."""

    def read(self, call: FinishedCall) -> None:
        """Take in one call."""
        ...

    def missed(self) -> None:
        """There was one whose journal could not be read. May be called in any thread."""
        ...

    def close(self) -> None:
        """There will be no more."""
        ...


@dataclass(slots=True)
class _Call:
    head: Head
    began_ns: int = field(default_factory=time.time_ns)


class Afterwards:
    """Has the calls of one service read, from the journals in ``folder``; None: there are none."""

    def __init__(self, folder: Path | None, readers: Sequence[Reader]) -> None:
        self._folder, self._readers = folder, tuple(readers)
        self._over, self._waiting = trio.open_memory_channel[_Call](WAITING_MOST)

    @property
    def routes(self) -> Routes:
        """It answers nothing."""
        return {}

    def watchers(self) -> list[Watcher]:
        """Waits for the end of one call."""
        if self._folder is None:
            return []
        call: _Call | None = None

        def watch(line: AnyLine) -> None:
            nonlocal call
            if isinstance(line, Head):
                call = _Call(line)
            elif isinstance(line, End) and call is not None:
                self._is_over(call)

        return [watch]

    def _is_over(self, call: _Call) -> None:
        try:
            self._over.send_nowait(call)
        except (trio.WouldBlock, trio.ClosedResourceError):
            self._miss()

    async def run(self) -> None:
        """Read call after call, until cancelled; then what is left, within ``LAST_S``."""
        if self._folder is None:
            return
        async with trio.open_nursery() as nursery:
            working = trio.CancelScope(shield=True)
            nursery.start_soon(self._work, working)
            try:
                await trio.sleep_forever()
            finally:
                self._over.close()
                working.deadline = trio.current_time() + LAST_S

    async def _work(self, scope: trio.CancelScope) -> None:
        in_thread = partial(trio.to_thread.run_sync, abandon_on_cancel=True)
        with scope:
            async for call in self._waiting:
                lines = await self._lines(call)
                if lines:
                    await in_thread(self._read, FinishedCall(call.head, lines, call.began_ns))
                else:
                    self._miss()
            for reader in self._readers:
                await in_thread(reader.close)

    async def _lines(self, call: _Call) -> Sequence[AnyLine]:
        """The journal, as soon as all of it is written; nothing if it never is."""
        assert self._folder is not None
        until_s = trio.current_time() + WRITTEN_S
        while True:
            lines = await trio.to_thread.run_sync(
                _journal_of, self._folder, call.head, abandon_on_cancel=True
            )
            if lines or trio.current_time() >= until_s:
                return lines
            await trio.sleep(0.1)

    def _read(self, call: FinishedCall) -> None:
        for reader in self._readers:
            try:
                reader.read(call)
            except Exception:
                log.exception("call_not_read", call=call.head.call_id)
                reader.missed()

    def _miss(self) -> None:
        for reader in self._readers:
            reader.missed()


def _journal_of(folder: Path, head: Head) -> Sequence[AnyLine]:
    """All lines of a call; nothing if they are not there (yet). Its file is named by the moment
    just before its head was written."""
    started = datetime.fromisoformat(head.started)
    for earlier_s in (0, 1):
        path = path_in(folder, head.call_id, started - timedelta(seconds=earlier_s))
        try:
            lines = list(read_journal(path))
        except JournalError:
            continue
        if lines and lines[0] == head and isinstance(lines[-1], End):
            return lines
    return []
