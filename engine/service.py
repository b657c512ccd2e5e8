"""The service: takes calls on one port until it is told to stop.

    listen (calls get a 503) ── load the desks ── take calls ── drain ── close the rest

The port is opened first, so that a busy one is noticed at once and not after the models.

Draining takes no new calls (first it only says that it is not ready, so that they are sent
elsewhere) and lets those that there are go on, for ``drain_s``; then the agent says goodbye, and
only then they are closed. Cancelling closes them at once.

Closing is more than cancelling: a call that closes still needs what it stands on. Its errands
(side effects in progress) are given time to finish, and its websocket has to be read, or the
closing handshake is waited for in vain. So a cancelled service accepts nothing more and tells
each call to close, while everything under the calls stays alive, shielded, until the last of
them has closed. That is bounded, because closing a call is.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import structlog
import trio

from adapters.carriers.answering import NotAnswered
from adapters.front.http import Request, Response
from adapters.front.server import Answer, CannotListen, Listening, serve
from adapters.shared_state.alone import Alone
from adapters.shared_state.local import LocalState
from adapters.twilio.carrier import answer
from adapters.twilio.dialing import Address
from effects.ports import Carrier, Shared, SharedLost
from engine import logs
from engine.afterwards import Afterwards, Reader
from engine.config import MEDIA_PATH, Config
from engine.errors import ConfigError, first
from engine.fleet import Fleet
from engine.inspector.access import Access
from engine.inspector.server import Inspector
from engine.keeping import Keeping, open_keeping
from engine.metrics import Metrics
from engine.parts import Part
from engine.reception import Reception
from engine.session import Desk, Desks, LiveCall, Watcher, hold_call
from engine.stack import Progress, open_desks

log = structlog.get_logger()

STOP_S = 5.0
"""What a stopping service allows for what is no call yet, or no more: a request under way, a
websocket that has said nothing. A call has bounds of its own."""

HANDOVER_S = 1.0
"""How long a service that is told to drain still takes whom it is sent: who has connected already
would be lost, and who sends calls has to see first that it is not ready."""

GOODBYE_S = 20.0
"""For the agent to bring a call to its end when the service has drained for long enough."""

Watch = Callable[[], Watcher]
"""Makes a watcher for one call; it is dropped with the call."""


async def run_service(
    config: Config,
    *,
    progress: Progress = lambda _: None,
    watch: Watch | None = None,
    inherited: socket.socket | None = None,
    draining: trio.Event | None = None,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen, load everything, and hold every call that comes then.

    ``inherited`` is a socket that listens already and that other workers have, too. When
    ``draining`` is set no more calls are taken; this returns when the last is over.
    ``task_status`` gets the address when calls are taken; before, they are answered with 503.
    Raises an :class:`~engine.errors.AntiphonError`, in a group, when it cannot begin.
    Cancelling hangs up all calls, within their closing time.
    """
    async with AsyncExitStack() as stack:
        shared = await _shared(stack, config, alone=inherited is None)
        journals = Path(config.calls)
        loaded = trio.Event()
        keeping = await stack.enter_async_context(open_keeping(config, journals, loaded))
        calls = _Calls(config, shared, watch, journals, draining, keeping)
        await stack.enter_async_context(calls.open_port(config.host, config.port, inherited))
        desks = await stack.enter_async_context(open_desks(config, progress, calls.fleet))
        loaded.set()
        await calls.take(desks, task_status)


async def take_calls(
    desk: Desk,
    host: str,
    port: int,
    *,
    watch: Watch | None = None,
    config: Config | None = None,
    journals: Path | None = None,
    draining: trio.Event | None = None,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """As :func:`run_service`, with what is on the desk already. ``journals`` is the folder in which
    recorded calls can be looked at; None: only those that this service holds."""
    calls = _Calls(config or Config(), Alone(), watch, journals, draining)
    async with calls.open_port(host, port):
        await calls.take(Desks(desk, {}, {}), task_status)


async def _shared(stack: AsyncExitStack, config: Config, *, alone: bool) -> Shared:
    """What this worker shares with others."""
    state: Shared
    if config.redis.url is not None:
        # Only where it is wanted: it takes long to import.
        from adapters.shared_state.redis import RedisState

        state = RedisState(config.redis.url)
    else:
        state = Alone() if alone else LocalState(Path(config.data) / "run" / "shared.db")
    try:
        return await stack.enter_async_context(state)
    except SharedLost as error:
        raise ConfigError(f"what the workers share: {error}") from error


def media_url(listening: Listening) -> str:
    """Where calls are taken."""
    return str(Address(listening.host, listening.port, MEDIA_PATH))


class _Calls:
    """The calls of one port, which are taken as soon as there are desks."""

    listening: Listening

    def __init__(
        self,
        config: Config,
        shared: Shared,
        watch: Watch | None,
        journals: Path | None,
        draining: trio.Event | None,
        keeping: Keeping | None = None,
    ) -> None:
        self._watch, self._keeping = watch, keeping
        self._desks: Desks | None = None
        self._draining = trio.Event() if draining is None else draining
        self.fleet = Fleet(shared, config.limits.vendors)
        self.fleet.end_call = self._end_call
        access = Access(config.inspect, lambda: self.listening.host)
        self._reception = Reception(config, access, shared, self.fleet, self._agents)
        self._admission = self._reception.admission
        usual = self._usual
        turned_away = self._admission.turned_away
        self._metrics = Metrics(config.metrics, access, usual, turned_away)
        self._afterwards = Afterwards(journals, _readers(config, self._metrics))
        inspector = Inspector(access, usual, journals)
        self._parts: list[Part] = [inspector, self._metrics, self._afterwards]
        self._audiosocket: Listening | None = None
        self._effects: trio.Nursery
        self._serving = trio.CancelScope()
        self._held: dict[trio.CancelScope, str] = {}
        self._live: dict[trio.CancelScope, LiveCall] = {}
        self._left = trio.lowlevel.ParkingLot()
        self._stopping = False
        self._closed = trio.Event()

    def _usual(self) -> Desk | None:
        return self._desks.usual if self._desks else None

    def _agents(self) -> list[str]:
        return list(self._desks.by_agent) if self._desks else []

    # --- from the opening of the port to its closing

    @asynccontextmanager
    async def open_port(
        self, host: str, port: int, inherited: socket.socket | None = None
    ) -> AsyncIterator[None]:
        """The port is open while the body runs, and its calls are closed when it is over."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.fleet)
            if self._reception.telephony.rest is not None:
                await stack.enter_async_context(self._reception.telephony.rest)
            nursery = await stack.enter_async_context(trio.open_nursery())
            self.listening = await nursery.start(self._serve, host, port, inherited)
            nursery.start_soon(self._beat)
            try:
                yield
            finally:
                self.stop()

    async def _beat(self) -> None:
        """What goes on beside the calls, until the port is closed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.fleet.beat)
            nursery.start_soon(self._metrics.run)
            nursery.start_soon(self._afterwards.run)
            nursery.start_soon(self._admission.feel, self._metrics.loop_was_late)
            await self._closed.wait()
            nursery.cancel_scope.cancel()

    async def _serve(
        self,
        host: str,
        port: int,
        inherited: socket.socket | None,
        task_status: trio.TaskStatus[Listening],
    ) -> None:
        """Serve the port until :meth:`stop`; cancelling does nothing."""
        routes = {("GET", "/healthz"): self._health, **self._reception.routes}
        for part in self._parts:
            routes |= part.routes
        others = self._reception.others
        twilio = partial(answer, put_through=self._reception.telephony.put_through)
        media: dict[str, Answer] = {MEDIA_PATH: twilio, **others.media(self._hold_proven)}
        try:
            with trio.CancelScope(shield=True):
                # Effects live here and not in their connection's nursery, so that one that
                # ignores its cancellation cannot keep its call from ending.
                async with trio.open_nursery() as self._effects:
                    with self._serving:
                        async with trio.open_nursery() as ports:
                            await ports.start(self._serve_audiosocket, inherited is not None)
                            await serve(
                                host,
                                port,
                                on_call=self._hold,
                                routes=routes,
                                media=media,
                                admit=self._reception.admit,
                                inherited=inherited,
                                eager=lambda: self._admission.why_not_ready() is None,
                                task_status=task_status,
                            )
                    self._effects.cancel_scope.cancel()
        except* CannotListen as errors:
            raise ConfigError(str(first(errors))) from None
        finally:
            self._closed.set()

    async def _serve_audiosocket(
        self, shared: bool, task_status: trio.TaskStatus[Listening | None]
    ) -> None:
        others = self._reception.others
        async with trio.open_nursery() as nursery:
            self._audiosocket = await nursery.start(
                partial(
                    others.serve_audiosocket,
                    self._hold_proven,
                    admit=lambda: self._admission.why_not() is None,
                    shared=shared,
                )
            )
            task_status.started(self._audiosocket)

    async def take(self, desks: Desks, task_status: trio.TaskStatus[Listening]) -> None:
        """Take calls until cancelled or drained; return when all of them are closed."""
        self._desks = desks
        self._admission.ready = True
        task_status.started(self.listening)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._drain)
                await self._closed.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.stop()
            with trio.CancelScope(shield=True):
                await self._closed.wait()

    async def _drain(self) -> None:
        await self._draining.wait()
        log.info("draining", calls=len(self._held))
        self._admission.leaving = True
        self.listening.let_go()  # a proxy would bring its next call here
        await self.fleet.drain()
        await trio.sleep(HANDOVER_S)
        self._admission.draining = True
        with trio.move_on_after(self._admission.limits.drain_s):
            await self._until_all_left()
        with trio.move_on_after(GOODBYE_S):
            await self._until_all_left(told_to_go=True)
        self.stop()

    async def _until_all_left(self, *, told_to_go: bool = False) -> None:
        """Calls that were promised a place may still come; they, too, are told to go."""
        told: set[trio.CancelScope] = set()
        while self._held or self._admission.reserved:
            for call in self._live.keys() - told if told_to_go else ():
                self._live[call].say_goodbye()
                told.add(call)
            with trio.move_on_after(1.0):  # a place that was kept lapses by itself
                await self._left.park()

    def stop(self) -> None:
        """Take no more calls, and have those that there are close."""
        if self._stopping:
            return
        self._stopping = True
        self.listening.drain()
        if self._audiosocket:
            self._audiosocket.drain()
        for call in self._held:
            call.cancel()
        self._serving.deadline = trio.current_time() + STOP_S

    # --- calls

    async def _health(self, _: Request) -> Response:
        return _ALIVE

    async def _hold(self, carrier: Carrier) -> None:
        if why_not := await self._reception.let_in(carrier.info):
            raise NotAnswered(why_not)
        await self._hold_proven(carrier)

    async def _hold_proven(self, carrier: Carrier) -> None:
        desks, info = self._desks, carrier.info
        if desks is None or self._stopping:
            return
        watchers = [watcher for part in self._parts for watcher in part.watchers()]
        watchers += [self._watch()] if self._watch else []
        if self._keeping is not None:
            carrier = self._keeping.listened(carrier)
            watchers += self._keeping.watchers(info.call_id)
        with (
            self._admission.entered(info.call_id),
            self.fleet.holding_call(info.call_id),
            trio.CancelScope() as call,
            logs.of_call(info.call_id) as count_turns,
        ):
            self._held[call] = info.call_id
            try:
                log.info("call_answered")
                await hold_call(
                    desks.for_call(info),
                    carrier,
                    self._effects,
                    [*watchers, count_turns],
                    live=partial(self._live.__setitem__, call),
                )
            finally:
                del self._held[call]
                self._live.pop(call, None)
                self._left.unpark_all()

    def _end_call(self, call_id: str) -> None:
        for call, held in self._held.items():
            if held == call_id:
                call.cancel()


def _readers(config: Config, metrics: Metrics) -> list[Reader]:
    """Who reads the calls that are over."""
    if not config.tracing.endpoint:
        return [metrics]
    from engine.tracing import Tracing  # only where it is wanted: it takes long to import

    return [metrics, Tracing(config.tracing)]


_ALIVE = Response(200, b"ok\n")
