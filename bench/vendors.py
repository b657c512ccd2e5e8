"""The scripted vendors' clock: a process that answers when a provider is due.

A vendor's answer comes over a socket, from a machine of its own: it wakes the engine at once and
at its own time. A timer in the engine would not do as a stand-in, because the operating system
rounds the engine's waits up to whole milliseconds, and each of the providers on a turn's path
would seem to be late by that.

    the engine ── due time, number ──> this process, which sleeps until then ── number ──> back
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

Wait = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

_ASK = struct.Struct("<dQ")  # when it is due (monotonic seconds), number
_ANSWER = struct.Struct("<Q")


class VendorsClock:
    """The engine's end. ``wait`` returns when the vendors have answered."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._waiting: dict[int, trio.Event] = {}
        self._asked = 0

    async def wait(self, seconds: float) -> None:
        """Wait until an answer comes that is due in so many seconds. Safe to cancel."""
        self._asked += 1
        number, answered = self._asked, trio.Event()
        self._waiting[number] = answered
        self._wire.send(_ASK.pack(time.monotonic() + seconds, number))
        try:
            await answered.wait()
        finally:
            self._waiting.pop(number, None)

    async def listen(self) -> None:
        """Take answers, until cancelled."""
        rest = b""
        while True:
            await trio.lowlevel.wait_readable(self._wire)
            rest += self._wire.recv(4096)
            while len(rest) >= _ANSWER.size:
                (number,) = _ANSWER.unpack_from(rest)
                rest = rest[_ANSWER.size :]
                if number in self._waiting:
                    self._waiting[number].set()


@asynccontextmanager
async def vendors_clock(core: int) -> AsyncIterator[VendorsClock]:
    """The vendors in a process of their own, on this core, while the context lasts."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = _start(theirs, core)
        ours.setblocking(False)
        clock = VendorsClock(ours)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(clock.listen)
                yield clock
                nursery.cancel_scope.cancel()
        finally:
            process.kill()
            process.wait()


def _start(wire: socket.socket, core: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.vendors", str(wire.fileno()), str(core)]
    return subprocess.Popen(command, pass_fds=[wire.fileno()], stdout=subprocess.DEVNULL)


def main() -> None:
    """Answer until the engine is gone. ``select`` is what waits in microseconds."""
    wire = socket.socket(fileno=int(sys.argv[1]))
    os.sched_setaffinity(0, {int(sys.argv[2])})
    due: list[tuple[float, int]] = []
    rest = b""
    while True:
        timeout_s = max(0.0, due[0][0] - time.monotonic()) if due else None
        readable, _, _ = select.select([wire], [], [], timeout_s)
        if readable:
            data = wire.recv(65536)
            if not data:
                return
            rest += data
            whole = len(rest) - len(rest) % _ASK.size
            for at, number in _ASK.iter_unpack(rest[:whole]):
                heapq.heappush(due, (at, number))
            rest = rest[whole:]
        while due and due[0][0] <= time.monotonic():
            wire.sendall(_ANSWER.pack(heapq.heappop(due)[1]))


if __name__ == "__main__":
    main()
