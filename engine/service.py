"""The service: takes calls on one port until it is told to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio

from adapters.front.server import CannotListen, Listening, serve
from effects.ports import Carrier
from engine.config import Config
from engine.errors import ConfigError
from engine.session import Desk, Watcher, hold_call
from engine.stack import Progress, open_desk

log = structlog.get_logger()

MEDIA_PATH = "/media"


async def run_service(
    config: Config,
    *,
    progress: Progress = lambda _: None,
    watchers: Sequence[Watcher] = (),
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Load everything, listen, and hold every call that comes.

    ``task_status`` gets the address. Raises :class:`~engine.errors.AntiphonError` when it
    cannot begin. Cancelling hangs up all calls, within their closing time.
    """
    async with open_desk(config, progress) as desk:
        await take_calls(desk, config.host, config.port, watchers=watchers, task_status=task_status)


async def take_calls(
    desk: Desk,
    host: str,
    port: int,
    *,
    watchers: Sequence[Watcher] = (),
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen and hold calls with what is on the desk."""
    async with trio.open_nursery() as effects:
        # Effects live here and not in their connection's nursery, so that one that ignores its
        # cancellation cannot keep its call from ending.
        try:
            await serve(
                host,
                port,
                on_call=_holder(desk, effects, watchers),
                websocket_path=MEDIA_PATH,
                task_status=task_status,
            )
        except CannotListen as error:
            raise ConfigError(str(error)) from error


def _holder(
    desk: Desk, effects: trio.Nursery, watchers: Sequence[Watcher]
) -> Callable[[Carrier], Awaitable[None]]:
    async def hold(carrier: Carrier) -> None:
        with structlog.contextvars.bound_contextvars(call=carrier.info.call_id):
            log.info("call_answered")
            await hold_call(desk, carrier, effects, watchers)

    return hold
