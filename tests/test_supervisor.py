"""One port, several workers: with real processes that stand in for workers."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from structlog.testing import capture_logs
from trio.testing import MockClock

from engine.errors import ConfigError
from engine.supervisor import ALIVE, Inherited, Supervisor, listening_on

SOON_S = 30.0

WORKER = """
import os, signal, socket, sys, threading
port, pipe, number, mode = *map(int, sys.argv[1:4]), sys.argv[4]
if mode == "wrong": sys.exit(2)
if mode == "stillborn": os.kill(os.getpid(), signal.SIGKILL)
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
listener = socket.socket(fileno=port)
listener.settimeout(0.05)
os.write(pipe, b"r")
if mode == "hangs": os.write(pipe, b".")
while not done.is_set():
    try:
        one, _ = listener.accept()
    except TimeoutError:
        continue
    one.sendall(str(os.getpid()).encode())
    one.close()
"""
"""Takes connections on the inherited socket, and says who it is, until it is told to end."""


TELLS = """
import os, signal, sys, time
def told(*_):
    with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} ")
signal.signal(signal.SIGTERM, told)
os.write(int(sys.argv[1]), b"r")
while True: time.sleep(1)
"""
"""Says who it is whenever it is told to end, and does not end."""


def commands(mode: str, started: list[int]) -> Callable[[int, int, int], Sequence[str]]:
    """Makes the command lines of workers, and notes the numbers of those that are started."""

    def command(port: int, pipe: int, number: int) -> Sequence[str]:
        started.append(number)
        return [sys.executable, "-c", WORKER, str(port), str(pipe), str(number), mode]

    return command


@asynccontextmanager
async def supervised(count: int) -> AsyncIterator[int]:
    """The port of so many workers, in this process's own supervisor."""
    with trio.fail_after(SOON_S), listening_on("127.0.0.1", 0) as opened:
        async with trio.open_nursery() as nursery:
            ready = trio.Event()
            nursery.start_soon(Supervisor(count, opened, commands("", [])).run, ready.set)
            await ready.wait()
            yield opened.getsockname()[1]
            nursery.cancel_scope.cancel()


async def who(port: int) -> int:
    """Which process answers."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        return int(await stream.receive_some(100))


async def all_of(port: int, count: int) -> set[int]:
    """The processes that answer, once there are so many."""
    found: set[int] = set()
    while len(found) < count:
        found.add(await who(port))
    return found


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "zombie" not in Path(f"/proc/{pid}/status").read_text()


async def gone(pid: int) -> None:
    while is_there(pid):  # noqa: ASYNC110
        await trio.sleep(0.02)


async def test_all_workers_take_from_one_port() -> None:
    """And a signal ends all of them; then the supervisor has ended, too."""
    async with supervised(2) as port:
        pids = await all_of(port, 2)
        os.kill(os.getpid(), signal.SIGTERM)
        for pid in pids:
            await gone(pid)


async def test_a_worker_that_dies_is_replaced() -> None:
    """The others go on meanwhile, and no connection is refused."""
    async with supervised(2) as port:
        victim, other = await all_of(port, 2)
        os.kill(victim, signal.SIGKILL)
        await gone(victim)
        assert await who(port) == other
        new = await all_of(port, 2)
        assert victim not in new
        assert other in new


async def test_a_rolling_restart_replaces_all_and_refuses_nobody() -> None:
    """Each old one ends only when the one after it is ready."""
    async with supervised(2) as port:
        old = await all_of(port, 2)
        os.kill(os.getpid(), signal.SIGHUP)
        while any(map(is_there, old)):
            await who(port)  # would raise if it were refused
        assert not old & await all_of(port, 2)


async def test_a_worker_that_says_what_is_wrong_is_not_tried_again() -> None:
    """The supervisor ends by itself instead of hearing it for ever."""
    started: list[int] = []
    said = pytest.raises(ConfigError, match="no worker can begin")
    with trio.fail_after(SOON_S), said, listening_on("127.0.0.1", 0) as opened:
        await Supervisor(2, opened, commands("wrong", started)).run()
    assert sorted(started) == [0, 1]


@pytest.mark.parametrize("mode", ["wrong", "stillborn"])
async def test_who_cannot_be_replaced_stays(mode: str) -> None:
    """A rolling restart to what cannot begin is given up; it costs the service nothing."""
    modes = ["", "", mode, ""]
    started: list[str] = []

    def command(port: int, pipe: int, number: int) -> Sequence[str]:
        started.append(modes[len(started)])
        return [sys.executable, "-c", WORKER, str(port), str(pipe), str(number), started[-1]]

    with trio.fail_after(SOON_S), listening_on("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        async with trio.open_nursery() as nursery:
            ready = trio.Event()
            nursery.start_soon(Supervisor(2, opened, command).run, ready.set)
            await ready.wait()
            old = await all_of(port, 2)
            os.kill(os.getpid(), signal.SIGHUP)
            with capture_logs() as logs:
                while not any(  # noqa: ASYNC110
                    one["event"] == "rolling_restart_given_up" for one in logs
                ):
                    await trio.sleep(0.02)
            assert started == ["", "", mode]
            assert await all_of(port, 2) == old
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("signals", [1, 2])
async def test_only_the_second_signal_hurries_who_leaves_already(
    signals: int, tmp_path: Path
) -> None:
    """A worker that drains since a rolling restart has calls, which the first leaves alone."""
    log = tmp_path / "told"

    def command(port: int, pipe: int, number: int) -> Sequence[str]:
        return [sys.executable, "-c", TELLS, str(pipe), str(log)]

    def told() -> Counter[str]:
        return Counter(log.read_text().split() if log.exists() else [])

    async def until(count: int) -> None:
        while told().total() < count:  # noqa: ASYNC110
            await trio.sleep(0.02)

    with trio.fail_after(SOON_S), listening_on("127.0.0.1", 0) as opened:
        async with trio.open_nursery() as nursery:
            ready = trio.Event()
            nursery.start_soon(Supervisor(1, opened, command).run, ready.set)
            await ready.wait()
            os.kill(os.getpid(), signal.SIGHUP)
            await until(1)
            (old,) = told()
            for number in range(signals):
                os.kill(os.getpid(), signal.SIGTERM)
                await until(2 + 2 * number)
            assert told()[old] == signals
            nursery.cancel_scope.cancel()


async def test_a_worker_that_hangs_is_killed_and_replaced() -> None:
    """It has said that it is alive, and does not say so again; who never said it is let be."""
    started: list[int] = []
    with trio.fail_after(SOON_S), listening_on("127.0.0.1", 0) as opened, capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Supervisor(1, opened, commands("hangs", started), hangs_s=0.2).run)
            port = opened.getsockname()[1]
            first = await who(port)
            await gone(first)
            assert await who(port) != first
            nursery.cancel_scope.cancel()
    assert [one["event"] for one in logs][:2] == ["worker_hangs", "worker_died"]


async def test_a_worker_goes_on_saying_that_it_is_alive(autojump_clock: MockClock) -> None:
    """Every second, until the supervisor is gone."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Inherited(0, theirs.fileno(), 0).stay_alive)
            await trio.sleep(2.5)
            assert ours.recv(64) == ALIVE * 3
            ours.close()


async def test_a_stillborn_worker_is_tried_again() -> None:
    """After a pause; it does not keep the supervisor from being stopped."""
    started: list[int] = []
    with trio.fail_after(SOON_S), listening_on("127.0.0.1", 0) as opened:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Supervisor(1, opened, commands("stillborn", started)).run)
            while len(started) < 2:  # noqa: ASYNC110
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()


def test_a_port_that_cannot_be_opened_is_said() -> None:
    """Before any worker is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rf"port {port} on 127\.0\.0\.1: .*in use"
        with pytest.raises(ConfigError, match=said), listening_on("127.0.0.1", port):
            pass
