"""Warm sockets: opened before they are needed, so that no caller waits for a handshake.

A socket that is taken is replaced at once in the background, as long as the vendor is there; one
that is given back serves again. Vendors close sockets that are idle for long: those are renewed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import structlog
import trio

from adapters.sockets import Endpoint, Socket, open_socket
from effects.ports import ProviderError

log = structlog.get_logger()

LOOK_AGAIN_S = 5.0
"""How often idle sockets are looked after, and a vendor that was away is tried again."""


class Lease:
    """A socket that one has to oneself. ``reusable`` is for its user to set once nothing of theirs
    is going on any more on it: then another may have it, otherwise it is closed."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.reusable = False
        self.idle_since = trio.current_time()
        self.leave = trio.Event()


class Standby:
    """Keeps ``ready`` idle sockets to one endpoint open; ``most`` that were given back are kept.

    ``idle_s`` is how long a socket may be idle before it is renewed. Enter it for as long as
    sockets are wanted; leaving it closes them all. That the vendor is away when it is entered is
    no error: :meth:`take` says so when it matters.
    """

    def __init__(self, endpoint: Endpoint, *, ready: int, most: int, idle_s: float) -> None:
        self._endpoint = endpoint
        self._ready = ready
        self._most = max(most, ready)
        self._idle_s = idle_s
        self._idle: list[Lease] = []
        self._wanted = trio.Event()
        self._trouble = ""
        self._holders: trio.Nursery | None = None

    @property
    def idle(self) -> int:
        """How many sockets wait to be taken."""
        return len(self._idle)

    async def __aenter__(self) -> Self:
        self._nursery = trio.open_nursery()
        self._holders = await self._nursery.__aenter__()
        self._holders.start_soon(self._look_after)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._holders is not None
        self._holders.cancel_scope.cancel()
        await self._nursery.__aexit__(None, None, None)
        self._holders = None

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Lease]:
        """A socket for oneself: a warm one if there is one. Raises what
        :func:`~adapters.sockets.open_socket` raises."""
        lease = self._pop() or await self._open()
        self._wanted.set()
        try:
            yield lease
        finally:
            self._give_back(lease)

    def _pop(self) -> Lease | None:
        while self._idle:
            lease = self._idle.pop()
            if lease.socket.is_open:
                return lease
            lease.leave.set()
        return None

    def _give_back(self, lease: Lease) -> None:
        if lease.reusable and lease.socket.is_open and len(self._idle) < self._most:
            lease.reusable = False
            lease.idle_since = trio.current_time()
            self._idle.append(lease)
        else:
            lease.leave.set()

    async def _open(self) -> Lease:
        if self._holders is None:
            raise RuntimeError("a Standby is used in `async with`")
        lease: Lease = await self._holders.start(self._hold)
        return lease

    async def _hold(self, task_status: trio.TaskStatus[Lease]) -> None:
        async with open_socket(self._endpoint) as socket:
            lease = Lease(socket)
            task_status.started(lease)
            await lease.leave.wait()

    async def _look_after(self) -> None:
        while True:
            self._wanted = trio.Event()
            self._renew()
            try:
                while len(self._idle) < self._ready:
                    self._idle.append(await self._open())
                self._trouble = ""
            except ProviderError as error:
                self._tell(str(error))
                await trio.sleep(LOOK_AGAIN_S)
            with trio.move_on_after(LOOK_AGAIN_S):
                await self._wanted.wait()

    def _tell(self, trouble: str) -> None:
        """Log why there are no sockets: once, not all the time that the vendor is away."""
        if trouble != self._trouble:
            log.warning("standby_not_ready", vendor=self._endpoint.vendor, error=trouble)
        self._trouble = trouble

    def _renew(self) -> None:
        """Let go of sockets that are closed, or idle for long."""
        oldest = trio.current_time() - self._idle_s
        for lease in [
            one for one in self._idle if not one.socket.is_open or one.idle_since < oldest
        ]:
            self._idle.remove(lease)
            lease.leave.set()
