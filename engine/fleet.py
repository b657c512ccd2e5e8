"""The fleet: a worker among others. Who is there, which calls are live, and how much is asked of
each vendor at once, over all workers that share their state.

    workers          every worker that lives
    draining         those of them that take no more calls
    calls            every live call, as ``CALL@WORKER``
    hang_up          calls that are to end, whoever has them
    vendor:NAME      what is being asked of a vendor, a place each

All of it is held for ``TTL_S`` and put off by a heartbeat, so what a dead worker held is free after
that. Where the others cannot be reached, a call does not wait for them: each worker then keeps to
its share of a vendor's places, by the number of workers it last knew of.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from secrets import token_hex
from typing import Self

import structlog
import trio

from effects.ports import NoneFree, Shared, SharedLost

log = structlog.get_logger()

TTL_S = 15.0
BEAT_S = TTL_S / 3


class Fleet:
    """This worker's place in it. Enter it once in a process, and run :meth:`beat` beside."""

    def __init__(self, shared: Shared, places: Mapping[str, int]) -> None:
        """``places``: how much may be asked of a vendor at once, by all; a vendor that is not in
        it is asked without a limit."""
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self.workers = 1
        """How many there are, as far as is known."""
        self.reachable = True
        """Whether the others could be reached when they were last asked."""
        self.draining = False
        self.end_call: Callable[[str], object] = lambda call_id: None
        """Ends a call if it is held here."""
        self._shared, self._places = shared, places
        self._held: dict[tuple[str, str], int | None] = {}  # (name, holder) to limit
        self._asked: Counter[str] = Counter()
        self._numbers = 0

    async def __aenter__(self) -> Self:
        self._held["workers", self.worker] = None
        await self._put_off()
        return self

    async def __aexit__(self, *exc: object) -> None:
        with trio.move_on_after(1.0, shield=True):
            for name, holder in list(self._held):
                await self._release(name, holder)

    async def beat(self) -> None:
        """Put off what this worker holds, until cancelled."""
        while True:
            await trio.sleep(BEAT_S)
            await self._put_off()

    async def drain(self) -> None:
        """Say that this worker takes no more calls."""
        self.draining = True
        self._held["draining", self.worker] = None
        await self._put_off()

    async def calls(self) -> list[str]:
        """The live calls of all workers. Raises :class:`SharedLost`."""
        return [holder.rpartition("@")[0] for holder in await self._shared.holders("calls")]

    @contextmanager
    def holding_call(self, call_id: str) -> Iterator[None]:
        """A live call. The others know of it by the next beat, and no longer when it lapses."""
        place = ("calls", f"{call_id}@{self.worker}")
        self._held[place] = None
        try:
            yield
        finally:
            self._held.pop(place, None)

    async def hang_up(self, call_id: str) -> None:
        """End a call: here at once, elsewhere by the next beat."""
        self.end_call(call_id)
        try:
            await self._shared.hold("hang_up", call_id, limit=None, ttl_s=TTL_S)
        except SharedLost as error:
            self._lost(error)

    @asynccontextmanager
    async def asking(self, vendor: str) -> AsyncIterator[None]:
        """One of the vendor's places, for as long as the body lasts.

        Raises :class:`NoneFree` at once where there is none. Cancelling gives it back.
        """
        limit = self._places.get(vendor)
        if limit is None:
            yield
            return
        self._numbers += 1
        place = (f"vendor:{vendor}", f"{self.worker}:{self._numbers}")
        await self._take(place, vendor, limit)
        self._asked[vendor] += 1
        try:
            yield
        finally:
            self._asked[vendor] -= 1
            if self._held.pop(place, None):
                with trio.move_on_after(1.0, shield=True):
                    await self._release(*place)

    async def _take(self, place: tuple[str, str], vendor: str, limit: int) -> None:
        try:
            granted = await self._shared.hold(*place, limit=limit, ttl_s=TTL_S)
        except SharedLost as error:
            self._lost(error)
            granted = self._asked[vendor] < max(1, limit // self.workers)
        if not granted:
            raise NoneFree(f"{vendor}: all {limit} places are taken ([limits.vendors])")
        self._held[place] = limit

    async def _put_off(self) -> None:
        try:
            for place, limit in list(self._held.items()):
                if place in self._held:  # it may have been given back meanwhile
                    await self._shared.hold(*place, limit=limit, ttl_s=TTL_S)
            self.workers = max(1, len(await self._shared.holders("workers")))
            for call_id in await self._shared.holders("hang_up"):
                self.end_call(call_id)
        except SharedLost as error:
            self._lost(error)
        else:
            if not self.reachable:
                log.warning("shared_state_is_back")
            self.reachable = True

    async def _release(self, name: str, holder: str) -> None:
        try:
            await self._shared.release(name, holder)
        except SharedLost as error:
            self._lost(error)  # it lapses

    def _lost(self, error: SharedLost) -> None:
        if self.reachable:
            log.error("shared_state_lost", error=str(error))
        self.reachable = False
