"""The service: takes calls on one port until it is told to stop.

    listen (calls get a 503) ── load the desk ── take calls ── close them ── close the desk

The port is opened first, so that a busy one is noticed at once and not after the models.

Stopping is more than cancelling: a call that closes still needs what it stands on. Its errands
(side effects in progress) are given time to finish, and its websocket has to be read, or the
closing handshake is waited for in vain. So a cancelled service accepts nothing more and tells
each call to close, while everything under the calls stays alive, shielded, until the last of
them has closed. That is bounded, because closing a call is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
import trio

from adapters.front.http import Request, Response, plain
from adapters.front.server import CannotListen, Listening, healthz, serve
from adapters.twilio.dialing import Address
from effects.ports import Carrier
from engine.config import Config
from engine.errors import ConfigError
from engine.insight import Insight
from engine.metrics import Metrics
from engine.session import Desk, Watcher, hold_call
from engine.stack import Progress, open_desk

log = structlog.get_logger()

MEDIA_PATH = "/media"

STOP_S = 5.0
"""What a stopping service allows for what is no call yet, or no more: a request under way, a
websocket that has said nothing. A call has bounds of its own."""

Watch = Callable[[], Watcher]
"""Makes a watcher for one call; it is dropped with the call."""


async def run_service(
    config: Config,
    *,
    progress: Progress = lambda _: None,
    watch: Watch | None = None,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen, load everything, and hold every call that comes then.

    ``task_status`` gets the address when calls are taken; before, they are answered with 503.
    Raises an :class:`~engine.errors.AntiphonError`, in a group, when it cannot begin.
    Cancelling hangs up all calls, within their closing time.
    """
    async with (
        _open_port(config.host, config.port, watch) as calls,
        open_desk(config, progress) as desk,
    ):
        await calls.take(desk, task_status)


async def take_calls(
    desk: Desk,
    host: str,
    port: int,
    *,
    watch: Watch | None = None,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """As :func:`run_service`, with what is on the desk already."""
    async with _open_port(host, port, watch) as calls:
        await calls.take(desk, task_status)


@asynccontextmanager
async def _open_port(host: str, port: int, watch: Watch | None) -> AsyncIterator[_Calls]:
    calls = _Calls(watch)
    async with trio.open_nursery() as nursery:
        calls.listening = await nursery.start(calls.serve, host, port)
        try:
            yield calls
        finally:
            calls.stop()


def media_url(listening: Listening) -> str:
    """Where calls are taken."""
    return str(Address(listening.host, listening.port, MEDIA_PATH))


class _Calls:
    """The calls of one port, which are taken as soon as there is a desk."""

    listening: Listening

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._desk: Desk | None = None
        self._insight = Insight(lambda: self._desk, lambda: self.listening.host)
        self._metrics = Metrics(lambda: self._desk)
        self._effects: trio.Nursery
        self._serving = trio.CancelScope()
        self._held: set[trio.CancelScope] = set()
        self._stopping = False
        self._closed = trio.Event()

    async def serve(self, host: str, port: int, task_status: trio.TaskStatus[Listening]) -> None:
        """Serve the port until :meth:`stop`; cancelling does nothing."""
        metrics = self._insight.near(self._metrics.routes)
        routes = {("GET", "/healthz"): self._health, **self._insight.routes, **metrics}
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
                            websocket_path=MEDIA_PATH,
                            admit=self._admit,
                            task_status=task_status,
                        )
                    self._effects.cancel_scope.cancel()
        except* CannotListen as errors:
            raise ConfigError(str(errors.exceptions[0])) from None
        finally:
            self._closed.set()

    async def take(self, desk: Desk, task_status: trio.TaskStatus[Listening]) -> None:
        """Take calls until cancelled; return when all of them are closed."""
        self._desk = desk
        task_status.started(self.listening)
        try:
            await self._closed.wait()
        finally:
            self.stop()
            with trio.CancelScope(shield=True):
                await self._closed.wait()

    def stop(self) -> None:
        """Take no more calls, and have those that there are close."""
        if self._stopping:
            return
        self._stopping = True
        self.listening.drain()
        for call in self._held:
            call.cancel()
        self._serving.deadline = trio.current_time() + STOP_S

    def _admit(self, _: Request) -> Response | None:
        return _LOADING if self._desk is None else None

    async def _health(self, request: Request) -> Response:
        return self._admit(request) or await healthz(request)

    async def _hold(self, carrier: Carrier) -> None:
        desk = self._desk
        if desk is None or self._stopping:
            return
        watchers = [*self._insight.watchers(), self._metrics.watcher()]
        watchers += [self._watch()] if self._watch else []
        with trio.CancelScope() as call:
            self._held.add(call)
            try:
                with structlog.contextvars.bound_contextvars(call=carrier.info.call_id):
                    log.info("call_answered")
                    await hold_call(desk, carrier, self._effects, watchers)
            finally:
                self._held.remove(call)


_LOADING = plain(503, "loading: calls are taken in a moment", retry_after="2")
