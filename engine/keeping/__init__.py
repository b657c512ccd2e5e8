"""Keeping calls: finished journals are loaded into the database beside the calls, and what has
been kept for long enough is retired.

A call ends, its journal is in the folder; a moment later a thread of its own loads all that are
there. Nothing of it is on a call's path. A database that is slow or down loses nothing: journals
wait in the folder and are loaded when it is back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import trio

from adapters.database.errors import StoreLost
from adapters.front.http import Routes
from effects.ports import Carrier
from engine.config import Config
from engine.errors import ConfigError
from engine.journal import AnyLine, End
from engine.keeping.recording import Recording, open_recording
from engine.session import Watcher

if TYPE_CHECKING:
    from engine.keeping.loading import Loader, Swept

log = structlog.get_logger()

SETTLE_S = 1.0
"""After a call's end, so that its journal is written and those that end together are loaded
together."""

OTHERS_S = 5.0
"""Until it is tried again where another worker of this machine is at it."""

RETRY_FIRST_S, RETRY_MOST_S = 5.0, 300.0
"""Until it is tried again where the database is lost, doubled each time."""

LAST_S = 5.0
"""For loading what there is when the service ends."""


class Keeping:
    """The part of a service that keeps calls. ``trouble`` says why nothing can be loaded, if so;
    ``waiting`` counts journals that wait, ``loaded`` those that were loaded by this process.
    ``open_loader`` is called in the thread that loads, before the first time."""

    def __init__(
        self,
        open_loader: Callable[[], Loader],
        sweep_s: float,
        recording: Recording | None = None,
    ) -> None:
        self._open_loader, self._sweep_s, self._recording = open_loader, sweep_s, recording
        self._loader: Loader | None = None
        self._called = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self.routes: Routes = {}
        self.trouble = ""
        self.waiting = 0
        self.loaded = 0

    @property
    def frames_dropped(self) -> int:
        """Frames that recordings are without, because the disk stood still."""
        return self._recording.dropped if self._recording else 0

    def watchers(self, call_id: str) -> list[Watcher]:
        """What watches a call: it is told when it ends, and when its caller agrees to be
        recorded."""
        return [self._watch, *(self._recording.watchers(call_id) if self._recording else [])]

    def listened(self, carrier: Carrier) -> Carrier:
        """The carrier of a call that is about to be held, listened to if the call may be
        recorded. To be asked for before the call's watchers."""
        return self._recording.listened(carrier) if self._recording else carrier

    def _watch(self, line: AnyLine) -> None:
        if isinstance(line, End):
            self._called.set()

    async def run(self) -> None:
        """Load what there is, and whenever a call has ended; until cancelled."""
        retry_s = RETRY_FIRST_S
        while True:
            self._called = trio.Event()
            swept = await self.sweep()
            if swept is None:
                await trio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_MOST_S)
                continue
            retry_s = RETRY_FIRST_S
            with trio.move_on_after(OTHERS_S if swept.others else self._sweep_s):
                await self._called.wait()
                await trio.sleep(SETTLE_S)

    async def sweep(self) -> Swept | None:
        """Look through the folder once. Never raises for what the database or the disk does: it
        is in ``trouble`` then, and None is returned. Cancelling leaves the thread to come to its
        end by itself."""
        try:
            swept = await trio.to_thread.run_sync(
                self._swept, abandon_on_cancel=True, limiter=self._thread
            )
        except (StoreLost, ConfigError, OSError) as error:
            self._lost(str(error))
            return None
        except Exception as error:  # a bug, which no call shall feel
            log.exception("keeping_failed")
            self._lost(type(error).__name__)
            return None
        if self.trouble:
            log.warning("store_back", loaded=swept.loaded)
        self.trouble = ""
        if not swept.others:
            self.waiting = swept.waiting
            self.loaded += swept.loaded
        return swept

    def _swept(self) -> Swept:
        if self._loader is None:
            self._loader = self._open_loader()
        return self._loader.sweep()

    def _lost(self, reason: str) -> None:
        if not self.trouble:
            log.warning("store_lost", reason=reason, then="journals wait in their folder")
        self.trouble = reason

    async def finish(self) -> None:
        """Load what there is for the last time, within a bounded time."""
        with trio.move_on_after(LAST_S, shield=True):
            if not self.trouble:
                await self.sweep()
        if self._loader is not None:
            self._loader.stopping = True


@asynccontextmanager
async def open_keeping(
    config: Config, calls: Path, begin: trio.Event | None = None
) -> AsyncIterator[Keeping]:
    """Keep the calls whose journals are in ``calls``, from ``begin`` on, or at once. Raises
    :class:`~engine.errors.ConfigError`; a database that does not answer is waited for beside the
    calls. Leaving takes ``LAST_S`` at most."""

    def open_loader() -> Loader:
        # SQLAlchemy takes long to import: no start waits for it.
        from engine.keeping.loading import Loader
        from engine.keeping.places import places_of

        return Loader(places_of(config, calls), config.store)

    if config.store.url is not None:
        open_loader()  # a URL that somebody wrote may be none: that is told at once
    async with open_recording(config.audio, calls / "audio") as recording:
        keeping = Keeping(open_loader, config.store.sweep_s, recording)
        async with _running(keeping, begin):
            yield keeping


@asynccontextmanager
async def _running(keeping: Keeping, begin: trio.Event | None) -> AsyncIterator[None]:
    async def run() -> None:
        if begin is not None:
            await begin.wait()
        await keeping.run()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()
    finally:
        await keeping.finish()
