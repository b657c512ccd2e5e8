"""The supervisor: one port, several workers, each a process of its own.

The supervisor opens the port and holds no calls. Its workers inherit the socket and all accept
from it. So nothing is lost while one of them restarts: a connection that nobody has accepted yet
waits in the socket for the next who does (with a socket each, by SO_REUSEPORT, it would be reset).
Who has no room, or drains, lets the others go first (:func:`adapters.front.server.serve`).

    SIGTERM, SIGINT   all workers drain; the second time they hurry
    SIGHUP            a rolling restart: each worker drains once the one that replaces it is ready

A worker that dies costs its own calls, and is replaced: at once, and ever later if it keeps dying.
One that hangs is killed, for nothing that it holds goes on: it says every second that it does not.
A worker whose supervisor is gone drains by itself: it sees the end of the pipe between them.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf

import structlog
import trio

from engine.errors import ConfigError
from engine.metrics import worker_is_gone

log = structlog.get_logger()

READY, ALIVE = b"r", b"."
"""What a worker writes into its pipe when it takes calls, and every second from then on."""

ALIVE_S, HANGS_S = 1.0, 15.0
"""Who was alive and has not said so for ``HANGS_S`` hangs: so long its calls have been silent."""

WRONG = 2
"""The exit code of a worker that was told what cannot be."""

_PAUSE_S, _PAUSE_MOST_S = 0.5, 30.0
_SOUND_S = 60.0
"""Who lives so long was not stillborn."""


@contextmanager
def listening_on(host: str, port: int) -> Iterator[socket.socket]:
    """An open port that workers can inherit. Raises :class:`ConfigError`."""
    if not 0 <= port <= 65535:
        raise ConfigError(f"port {port} does not exist: choose one up to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        opened = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(f"port {port} on {host}: {error.strerror}: choose another") from error
    with opened:
        opened.set_inheritable(True)
        yield opened


@dataclass(slots=True)
class _Worker:
    number: int
    process: trio.Process
    pipe: trio.SocketStream
    is_ready: bool = False
    settled: trio.Event = field(default_factory=trio.Event)
    """Set when it is ready, or will never be."""
    leaving: bool = False
    """Whether it was told to end, so that it is not replaced when it does."""


class Supervisor:
    """Keeps ``count`` workers. ``command`` makes the command line of one, from the number of the
    inherited socket, that of its pipe, and its own number."""

    def __init__(
        self,
        count: int,
        port: socket.socket,
        command: Callable[[int, int, int], Sequence[str]],
        hangs_s: float = HANGS_S,
    ) -> None:
        self._count, self._port, self._command = count, port, command
        self._hangs_s = hangs_s
        self._living: list[_Worker] = []
        self._workers: dict[int, _Worker] = {}
        """Who has which place; those who leave, and those who are yet to follow them, have none."""
        self._rolling = False
        self._unready = set(range(count))
        self._all_ready: Callable[[], object] = lambda: None
        self._wrong = False
        self._stopping = trio.Event()
        self._nursery: trio.Nursery

    async def run(self, all_ready: Callable[[], object] = lambda: None) -> None:
        """Until all workers have ended after a signal. ``all_ready`` is called when all take calls
        for the first time. Cancelling kills them. Raises :class:`ConfigError` if they say that
        something is wrong."""
        self._all_ready = all_ready
        async with trio.open_nursery() as signals:
            signals.start_soon(self._obey)
            async with trio.open_nursery() as self._nursery:
                for number in range(self._count):
                    self._nursery.start_soon(self._keep, await self._start(number))
            signals.cancel_scope.cancel()
        if self._wrong:
            raise ConfigError("no worker can begin: the reason stands above")

    async def _keep(self, worker: _Worker) -> None:
        """One worker after another in this one's place, until told to stop."""
        pause_s, number = _PAUSE_S, worker.number
        while True:
            self._workers[number] = worker
            begun_s = trio.current_time()
            code = await worker.process.wait()
            if worker.leaving or self._stopping.is_set():
                return
            lived_s = trio.current_time() - begun_s
            pause_s = _PAUSE_S if lived_s > _SOUND_S else min(pause_s * 2, _PAUSE_MOST_S)
            log.error("worker_died", worker=number, code=code, lived_s=round(lived_s, 1))
            if code == WRONG and not any(one.is_ready for one in (worker, *self._living)):
                self._wrong = True  # it has said what, and the next would say the same
                self._stop()
                return
            with trio.move_on_after(pause_s):
                await self._stopping.wait()
            if worker.leaving or self._stopping.is_set():
                return
            worker = await self._start(number)

    async def _start(self, number: int) -> _Worker:
        while True:
            ours, theirs = socket.socketpair()
            with theirs:
                command = self._command(self._port.fileno(), theirs.fileno(), number)
                try:
                    process = await trio.lowlevel.open_process(
                        list(command), pass_fds=(self._port.fileno(), theirs.fileno())
                    )
                    break
                except OSError:  # no memory, too many processes: the others hold calls meanwhile
                    log.exception("worker_not_started", worker=number)
                    ours.close()
            await trio.sleep(_PAUSE_MOST_S)
        pipe = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        worker = _Worker(number, process, pipe)
        self._living.append(worker)
        self._nursery.start_soon(self._listen, worker)
        self._nursery.start_soon(self._bury, worker)
        if self._stopping.is_set():
            self._let_go(worker)
        return worker

    async def _bury(self, worker: _Worker) -> None:
        """Wait for its end; cancelling kills it."""
        try:
            await worker.process.wait()
        finally:
            worker.settled.set()
            self._living.remove(worker)
            with trio.CancelScope(shield=True):
                _signal(worker, signal.SIGKILL)
                await worker.process.wait()
                worker_is_gone(worker.process.pid)
                await worker.pipe.aclose()

    async def _listen(self, worker: _Worker) -> None:
        """Hear what it says of itself, until it ends."""
        heard, patience_s = b"", inf
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while True:
                with trio.move_on_after(patience_s) as patience:
                    heard = await worker.pipe.receive_some(64)
                if patience.cancelled_caught:
                    log.error("worker_hangs", worker=worker.number, silent_s=patience_s)
                    _signal(worker, signal.SIGKILL)
                if patience.cancelled_caught or not heard:
                    break
                if READY in heard:
                    self._note_ready(worker)
                if ALIVE in heard:
                    patience_s = self._hangs_s
        worker.settled.set()

    def _note_ready(self, worker: _Worker) -> None:
        worker.is_ready = True
        worker.settled.set()
        self._unready.discard(worker.number)
        if not self._unready:
            self._all_ready()
            self._all_ready = lambda: None

    async def _obey(self) -> None:
        told = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        with trio.open_signal_receiver(*told) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    self._nursery.start_soon(self._roll)
                else:
                    self._stop()

    def _stop(self) -> None:
        """The first time, those who leave already are not told again, or they would hurry."""
        for worker in self._living:
            if self._stopping.is_set() or not worker.leaving:
                self._let_go(worker)
        self._stopping.set()

    def _let_go(self, worker: _Worker) -> None:
        worker.leaving = True
        _signal(worker, signal.SIGTERM)

    async def _roll(self) -> None:
        """Replace every worker, one after the other, each only once its successor is ready; if one
        never is, those who are there stay."""
        if self._rolling:
            return
        self._rolling = True
        for number in range(self._count):
            new = await self._start(number)
            await new.settled.wait()
            if self._stopping.is_set():
                break
            if not new.is_ready:
                log.error("rolling_restart_given_up", worker=number)
                break
            self._let_go(self._workers[number])
            self._nursery.start_soon(self._keep, new)
        self._rolling = False


def _signal(worker: _Worker, number: signal.Signals) -> None:
    if worker.process.returncode is None:
        worker.process.send_signal(number)


# --- in the worker --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a worker has of its supervisor: the number of the socket, of the pipe, and its own."""

    port: int
    pipe: int
    number: int

    def say_ready(self) -> None:
        """Tell the supervisor that calls are taken."""
        os.write(self.pipe, READY)

    async def stay_alive(self) -> None:
        """Tell the supervisor, again and again, that this process does not hang."""
        with suppress(OSError):  # the supervisor is gone
            while True:
                os.write(self.pipe, ALIVE)
                await trio.sleep(ALIVE_S)

    async def wait_for_its_end(self) -> None:
        """Return when the supervisor is gone."""
        pipe = trio.socket.fromfd(self.pipe, socket.AF_UNIX, socket.SOCK_STREAM)
        with pipe, suppress(OSError):  # it is reset where the supervisor has left something unread
            await pipe.recv(1)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
