"""Calls that are over are read from their journals, beside those that go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import trio

from adapters.stores.files import path_in
from engine import afterwards
from engine.afterwards import Afterwards, FinishedCall
from engine.journal import AnyLine, Head
from tests import inspector_kit
from tests.inspector_kit import LINES

GENEROUS_S = 10.0


def a_call(call_id: str) -> list[AnyLine]:
    """A call's lines, with a time at which it began."""
    head, *rest = inspector_kit.a_call(call_id)
    assert isinstance(head, Head)
    return [msgspec.structs.replace(head, started="2026-01-02T03:04:05+00:00"), *rest]


class Reads:
    """A reader that keeps what it is given."""

    def __init__(self, *, raises: bool = False) -> None:
        self.calls: list[FinishedCall] = []
        self.misses, self.closed, self._raises = 0, False, raises

    def read(self, call: FinishedCall) -> None:
        if self._raises:
            raise ValueError(call)
        self.calls.append(call)

    def missed(self) -> None:
        self.misses += 1

    def close(self) -> None:
        self.closed = True

    async def until(self, count: int) -> None:
        """So many calls were read, or missed."""
        with trio.fail_after(GENEROUS_S):
            while len(self.calls) + self.misses < count:  # noqa: ASYNC110 (told in a thread)
                await trio.sleep(0.01)


@asynccontextmanager
async def running(it: Afterwards) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(it.run)
        yield
        nursery.cancel_scope.cancel()


def write(folder: Path, lines: Sequence[AnyLine], earlier_s: int = 0) -> None:
    """A journal that was opened so many seconds before its head was written."""
    head = lines[0]
    assert isinstance(head, Head)
    moment = datetime.fromisoformat(head.started) - timedelta(seconds=earlier_s)
    path = path_in(folder, head.call_id, moment)
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def watched(it: Afterwards, lines: Sequence[AnyLine]) -> None:
    (watch,) = it.watchers()
    for line in lines:
        watch(line)


async def test_every_reader_gets_the_whole_journal(tmp_path: Path) -> None:
    """Also where the second turned between the file's name and its head."""
    one, two = Reads(), Reads()
    it = Afterwards(tmp_path, [one, two])
    async with running(it):
        for call_id, earlier_s in (("CA1", 0), ("CA2", 1)):
            write(tmp_path, a_call(call_id), earlier_s)
            watched(it, a_call(call_id))
        await one.until(2)
        await two.until(2)
    for reads in (one, two):
        assert [call.head.call_id for call in reads.calls] == ["CA1", "CA2"]
        assert [len(call.lines) for call in reads.calls] == [len(LINES)] * 2
        assert (reads.misses, reads.closed) == (0, True)


async def test_a_journal_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    """Its last line is on its way to disk when the call is over."""
    reads, lines = Reads(), a_call("CA1")
    it = Afterwards(tmp_path, [reads])
    write(tmp_path, lines[:-1])
    async with running(it):
        watched(it, lines)
        await trio.sleep(0.05)
        assert not reads.calls
        write(tmp_path, lines)
        await reads.until(1)
    assert reads.misses == 0


async def test_a_journal_that_is_not_there_is_missed(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    """After a while; a call that follows is read."""
    reads = Reads()
    it = Afterwards(tmp_path, [reads])
    async with running(it):
        watched(it, a_call("CA1"))
        await reads.until(1)
        assert reads.misses == 1


async def test_a_reader_that_fails_costs_its_own_reading(tmp_path: Path) -> None:
    bad, good = Reads(raises=True), Reads()
    it = Afterwards(tmp_path, [bad, good])
    write(tmp_path, a_call("CA1"))
    async with running(it):
        watched(it, a_call("CA1"))
        await good.until(1)
    assert (bad.misses, good.misses) == (1, 0)


async def test_what_waits_when_the_service_ends_is_still_read(tmp_path: Path) -> None:
    """The last calls of a service are over as it closes."""
    reads = Reads()
    it = Afterwards(tmp_path, [reads])
    async with running(it):
        for number in range(5):
            write(tmp_path, a_call(f"CA{number}"))
            watched(it, a_call(f"CA{number}"))
    assert len(reads.calls) == 5
    assert reads.closed


async def test_the_queue_is_bounded(tmp_path: Path) -> None:
    """Calls for which there is no room are missed, and no call notices."""
    reads = Reads()
    it = Afterwards(tmp_path, [reads])
    for _ in range(afterwards.WAITING_MOST + 3):
        watched(it, [LINES[0], LINES[-1]])
    assert reads.misses == 3


def test_without_journals_nobody_watches() -> None:
    assert Afterwards(None, [Reads()]).watchers() == []
