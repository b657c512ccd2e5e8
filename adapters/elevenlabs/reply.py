"""One reply: its clauses, asked for a little ahead and handed on in order.

    clauses ── _ask ──> Contexts (or Http) ──> a Saying each ── _deliver ──> speech

The websocket is used as long as it works. When it cannot be opened, or is lost, the clauses of
which nothing was handed on, and all that follow, are said over HTTP. In mid-clause nothing can be
mended: that clause fails, and with it the reply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
import trio

from adapters.elevenlabs.contexts import Contexts
from adapters.elevenlabs.errors import VENDOR
from adapters.elevenlabs.http import Http
from adapters.elevenlabs.saying import Saying
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.sockets import SocketClosed
from adapters.standby import Standby
from effects.ports import Clause, ProviderError, ProviderRefused, ProviderTimeout, Speech

log = structlog.get_logger()


class Reply:
    """To be run once. Without ``sockets`` all of it is said over HTTP."""

    def __init__(self, settings: ElevenLabsSettings, sockets: Standby | None, http: Http) -> None:
        self._settings = settings
        self._sockets = sockets
        self._http = http
        self._room = trio.Semaphore(settings.contexts)
        self._contexts: Contexts | None = None
        self._holding = trio.CancelScope()
        self._failure: ProviderError | None = None

    async def run(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Say the clauses; raises :class:`ProviderError`. Cancelling closes their contexts, or
        the socket, within 100 ms."""
        failure: ProviderError | None = None
        ask, asked = trio.open_memory_channel[Saying](self._settings.contexts)
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._ask, clauses, ask)
            try:
                async for saying in asked:
                    await self._deliver(saying, speech)
                    self._room.release()
            except ProviderError as error:
                failure = error
            self._nursery.cancel_scope.cancel()
        if failure is not None:  # raised out here because a nursery would wrap it in a group
            raise failure

    async def _ask(
        self, clauses: trio.MemoryReceiveChannel[Clause], ask: trio.MemorySendChannel[Saying]
    ) -> None:
        async with ask:
            if self._sockets is not None:
                await self._nursery.start(self._hold, self._sockets)
            while True:
                await self._room.acquire()
                try:
                    saying = Saying(await clauses.receive())
                except trio.EndOfChannel:
                    return
                ask.send_nowait(saying)  # there is room for it
                await self._say(saying)

    async def _say(self, saying: Saying) -> None:
        if not any(char.isalnum() for char in saying.clause.spoken):
            saying.end()
        elif self._failure is not None:
            saying.fail(self._failure)
        elif self._contexts is not None:
            with suppress(SocketClosed):  # whoever listens to it tells
                await self._contexts.say(saying)
        else:
            self._nursery.start_soon(self._http.say, saying)

    async def _deliver(self, saying: Saying, speech: Callable[[Speech], Awaitable[None]]) -> None:
        ended = False
        while not ended:
            try:
                with trio.fail_after(self._settings.silence_s):
                    piece = await saying.next()
            except trio.TooSlowError:
                self._give_up(saying)
                continue
            await speech(piece)
            ended = piece.ends_clause

    # --- the websocket ---

    async def _hold(self, sockets: Standby, task_status: trio.TaskStatus[None]) -> None:
        """Have a websocket for the reply, until it is lost or no more wanted."""
        contexts: Contexts | None = None
        with self._holding:
            try:
                async with sockets.take() as lease:
                    self._contexts = contexts = Contexts(lease.socket, self._settings)
                    task_status.started()
                    try:
                        await contexts.listen()
                    except trio.Cancelled:
                        lease.reusable = await contexts.close()
                        raise
            except ProviderError as error:
                self._lose(error, contexts.abandon() if contexts else [])
                if contexts is None:
                    task_status.started()

    def _give_up(self, saying: Saying) -> None:
        """A clause that is waited for does not come."""
        error = ProviderTimeout(f"{VENDOR} was silent for {self._settings.silence_s:g} s")
        if self._contexts is None:
            saying.fail(error)
        else:
            self._lose(error, self._contexts.abandon())
            self._holding.cancel()

    def _lose(self, error: ProviderError, unfinished: list[Saying]) -> None:
        """Go on without a websocket, if that can help."""
        self._contexts = None
        if isinstance(error, ProviderRefused) or any(one.begun for one in unfinished):
            self._failure = error
            for saying in unfinished:
                saying.fail(error)
            return
        log.warning("websocket_given_up", vendor=VENDOR, error=str(error))
        for saying in unfinished:
            saying.restart()
            self._nursery.start_soon(self._http.say, saying)
