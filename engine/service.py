"""The service: takes calls on one port until it is told to stop.

    listen (calls get a 503) ── load the desks ── take calls ── drain ── close the rest

The port is opened first, so that a busy one is noticed at once and not after the models.

Draining takes no new calls and lets those that there are go on, for ``drain_s``; then the agent
says goodbye, and only then they are closed. Cancelling closes them at once.

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

from adapters.front.http import Request, Response
from adapters.front.server import CannotListen, Listening, serve
from adapters.shared_state.alone import Alone
from adapters.shared_state.local import LocalState
from adapters.shared_state.redis import RedisState
from adapters.twilio.carrier import NotAnswered, answer
from adapters.twilio.dialing import Address
from effects.ports import Carrier, Shared, SharedLost
from engine.config import Config
from engine.errors import ConfigError
from engine.fleet import Fleet
from engine.inspector.access import Access
from engine.inspector.server import Inspector
from engine.metrics import Metrics
from engine.parts import Part
from engine.reception import MEDIA_PATH, Reception
from engine.session import Desk, Desks, LiveCall, Watcher, hold_call
from engine.stack import Progress, open_desks

log = structlog.get_logger()

STOP_S = 5.0
"""What a stopping service allows for what is no call yet, or no more: a request under way, a
websocket that has said nothing. A call has bounds of its own."""

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
        calls = _Calls(config, shared, watch, Path(config.calls), draining)
        await stack.enter_async_context(calls.open_port(config.host, config.port, inherited))
        desks = await stack.enter_async_context(open_desks(config, progress, calls.fleet))
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
    ) -> None:
        self._watch = watch
        self._desks: Desks | None = None
        self._draining = trio.Event() if draining is None else draining
        self.fleet = Fleet(shared, config.limits.vendors)
        self.fleet.end_call = self._end_call
        access = Access(config.inspect, lambda: self.listening.host)
        self._reception = Reception(config, access, shared, self.fleet, self._agents)
        self._admission = self._reception.admission
        usual = self._usual
        self._parts: list[Part] = [Inspector(access, usual, journals), Metrics(access, usual)]
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
            if self._admission.limits.lag_ms:
                nursery.start_soon(self._admission.feel)
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
        media = {MEDIA_PATH: partial(answer, put_through=self._reception.telephony.put_through)}
        try:
            with trio.CancelScope(shield=True):
                # Effects live here and not in their connection's nursery, so that one that
                # ignores its cancellation cannot keep its call from ending.
                async with trio.open_nursery() as self._effects:
                    with self._serving:
                        await serve(
                            host,
                            port,
                            on_call=self._hold,
                            routes=routes,
                            media=media,
                            admit=self._reception.admit,
                            inherited=inherited,
                            eager=lambda: self._admission.why_not() is None,
                            task_status=task_status,
                        )
                    self._effects.cancel_scope.cancel()
        except* CannotListen as errors:
            raise ConfigError(str(errors.exceptions[0])) from None
        finally:
            self._closed.set()

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
        self._admission.draining = True
        self.listening.let_go()  # a proxy would bring its next call here
        await self.fleet.drain()
        with trio.move_on_after(self._admission.limits.drain_s):
            await self._until_all_left()
        for call in self._live.values():
            call.say_goodbye()
        with trio.move_on_after(GOODBYE_S):
            await self._until_all_left()
        self.stop()

    async def _until_all_left(self) -> None:
        while self._held or self._admission.reserved:
            with trio.move_on_after(1.0):  # a place that was kept lapses by itself
                await self._left.park()

    def stop(self) -> None:
        """Take no more calls, and have those that there are close."""
        if self._stopping:
            return
        self._stopping = True
        self.listening.drain()
        for call in self._held:
            call.cancel()
        self._serving.deadline = trio.current_time() + STOP_S

    # --- calls

    async def _health(self, _: Request) -> Response:
        return _ALIVE

    async def _hold(self, carrier: Carrier) -> None:
        desks, info = self._desks, carrier.info
        if desks is None or self._stopping:
            return
        if why_not := await self._reception.let_in(info):
            raise NotAnswered(why_not)
        watchers = [watcher for part in self._parts for watcher in part.watchers()]
        watchers += [self._watch()] if self._watch else []
        with (
            self._admission.entered(info.call_id),
            self.fleet.holding_call(info.call_id),
            trio.CancelScope() as call,
            structlog.contextvars.bound_contextvars(call=info.call_id),
        ):
            self._held[call] = info.call_id
            try:
                log.info("call_answered")
                await hold_call(
                    desks.for_call(info),
                    carrier,
                    self._effects,
                    watchers,
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


_ALIVE = Response(200, b"ok\n")
