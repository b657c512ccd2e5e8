"""Real workers with real calls under a supervisor: one dies, all are replaced, all are full."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from adapters.twilio.dialing import NotNow
from adapters.twilio.phone import place_call
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import AfterAgent, AtTime, Script, Utterance
from engine.journal import End, read_what_there_is
from engine.supervisor import Supervisor, listening_on
from tests.endure_kit import QUESTION
from tests.test_supervisor import gone

LIMIT_S = 240.0
"""Of a test, on a machine that has much else to do."""

CONNECT_S = 60.0
ASKS = Script((Utterance(QUESTION.mulaw, AfterAgent()),), hang_up=AfterAgent(), limit_ms=120_000)
"""A call that ends when its question was answered."""

STAYS = Script((Utterance(QUESTION.mulaw, AfterAgent()),), hang_up=AtTime(20_000))
"""One that lasts a while."""

CALLS, EVERY_S = 50, 0.2


class Workers:
    """Two workers on one port. ``records`` are those of the calls that are over."""

    def __init__(self, port: int, folder: Path, nursery: trio.Nursery) -> None:
        self.port, self.folder, self.nursery = port, folder, nursery
        self.records: list[CallRecord] = []

    @property
    def pids(self) -> set[int]:
        """All that have ever been ready, or nearly."""
        return {int(path.name) for path in self.folder.iterdir() if path.name.isdigit()}

    def held_by(self) -> Counter[int]:
        """How many calls each worker has had."""
        return Counter(int(path.parent.name) for path in self.folder.glob("*/*.jsonl"))

    def journals(self, pid: int) -> list[Path]:
        """Those of one worker."""
        return list((self.folder / str(pid)).glob("*.jsonl"))

    async def webhook(self, number: int) -> bytes:
        """What Twilio is answered for a call that comes in."""
        body = b"CallSid=CA%d" % number
        head = (
            b"POST /voice HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
        )
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            await stream.send_all(head % len(body) + body)
            return b"".join([bytes(part) async for part in stream])

    async def call(self, script: Script) -> None:
        """A media stream from its beginning to its end. Raises if it is not taken."""
        url = f"ws://127.0.0.1:{self.port}/media"
        self.records.append(await place_call(url, script, connect_s=CONNECT_S))

    async def call_in(self, number: int) -> None:
        """A call as Twilio makes it."""
        assert b"<Stream" in await self.webhook(number)
        await self.call(ASKS)

    async def answered(self, count: int) -> None:
        """Wait until so many calls have been answered in all."""
        while self.held_by().total() < count:  # noqa: ASYNC110
            await trio.sleep(0.02)


@asynccontextmanager
async def workers(folder: Path, calls: int = 100) -> AsyncIterator[Workers]:
    """Two, in this process's own supervisor; killed at the end, and with them who still calls."""

    def command(port: int, pipe: int, number: int) -> Sequence[str]:
        options = [str(folder), str(calls), f"{port}:{pipe}:{number}"]
        return [sys.executable, "-m", "tests.worker_process", *options]

    with trio.fail_after(LIMIT_S), listening_on("127.0.0.1", 0) as opened:
        async with trio.open_nursery() as nursery:
            ready = trio.Event()
            nursery.start_soon(Supervisor(2, opened, command).run, ready.set)
            await ready.wait()
            yield Workers(opened.getsockname()[1], folder, nursery)
            nursery.cancel_scope.cancel()


async def end_of(journal: Path) -> str:
    """How a call ended, once its journal says so: the caller knows a little earlier."""
    while not isinstance(end := read_what_there_is(journal).lines[-1], End):  # noqa: ASYNC110
        await trio.sleep(0.02)
    return end.outcome


async def test_a_dead_worker_costs_its_own_calls_only(tmp_path: Path) -> None:
    """The calls of the other go on to their own end, new ones are taken meanwhile, and the dead one
    is replaced."""
    async with workers(tmp_path) as it:
        begun, started = it.pids, 0
        async with trio.open_nursery() as calling:
            while len(it.held_by()) < 2:
                calling.start_soon(it.call, STAYS)
                started += 1
                await it.answered(started)
            before = it.held_by()
            victim, other = before
            os.kill(victim, signal.SIGKILL)
            await gone(victim)
            calling.start_soon(it.call, STAYS)
            await it.answered(started + 1)
            while len(it.pids) < 3:  # noqa: ASYNC110
                await trio.sleep(0.02)
        (new,) = it.pids - begun
        lost = [one for one in it.records if one.outcome == "server_closed"]
        ended = [one for one in it.records if one.outcome == "hung_up" and one.finished]
        assert len(lost) == before[victim]
        assert len(ended) == before[other] + 1
        for journal in [*it.journals(other), *it.journals(new)]:
            assert await end_of(journal) == "completed"


async def test_a_rolling_restart_under_load_loses_no_call(tmp_path: Path) -> None:
    """Fifty calls come in one after another, in the middle of which both workers are replaced: each
    caller is let in, has their answer, and hangs up by themselves."""
    async with workers(tmp_path) as it:
        old = it.pids
        async with trio.open_nursery() as calling:
            for number in range(CALLS):
                calling.start_soon(it.call_in, number)
                if number == CALLS // 3:
                    os.kill(os.getpid(), signal.SIGHUP)
                await trio.sleep(EVERY_S)
        for pid in old:
            await gone(pid)
        for number in range(4):
            await it.call_in(CALLS + number)
        new = it.pids - old
        assert [one.outcome for one in it.records] == ["hung_up"] * (CALLS + 4)
        assert all(one.finished for one in it.records)
        assert len(new) == 2
        assert set(it.held_by()) & old
        assert set(it.held_by()) & new
        for journal in it.folder.glob("*/*.jsonl"):
            assert await end_of(journal) == "completed"


async def test_a_full_worker_leaves_calls_to_the_other(tmp_path: Path) -> None:
    """As many are taken as both have room for, whoever of them a call comes to first; when both are
    full, the caller is told, and a media stream is refused."""
    async with workers(tmp_path, calls=2) as it:
        for number in range(4):
            it.nursery.start_soon(it.call, STAYS)
            await it.answered(number + 1)
        assert sorted(it.held_by().values()) == [2, 2]
        assert b"<Say>We are sorry" in await it.webhook(1)
        with pytest.raises(NotNow):
            await it.call(ASKS)
