"""``antiphon watch``: the calls of a running service, live.

httpx asks, not our own h11: it keeps the connection, speaks TLS and tells what went wrong in one
tree of errors, in ten lines instead of a hundred; ElevenLabs' client brings it along anyway.
"""

from __future__ import annotations

import os
import signal
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import msgspec
import trio
import typer
from rich.console import Console, Group
from rich.live import Live

from engine.command import run
from engine.errors import AntiphonError, ConfigError
from engine.insight import CallTurns, ProviderHealth
from engine.inspector.summary import CallSummary
from engine.terminal import printable
from engine.watch import Board, LastWords, Told

if TYPE_CHECKING:
    import httpx

LOOK_S = 0.5
ANSWER_S = 5.0
TOKEN = "ANTIPHON_INSPECT__TOKEN"

REFUSED = (401, 403)
_Body = TypeVar("_Body")


class ServiceLost(Exception):
    """The service does not answer, for now; ``str()`` says so."""


class Service(Protocol):
    """Where a watcher looks."""

    async def look(self) -> Told:
        """How things are. Raises :class:`ServiceLost`; :class:`AntiphonError` for good."""
        ...


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    url: Annotated[str, typer.Option(help="The service.")] = "http://127.0.0.1:8765",
    token: Annotated[
        str | None,
        typer.Option(
            help="The token of its inspector, if it wants one.", envvar=TOKEN, show_envvar=True
        ),
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="Show what was said last.")] = False,
) -> None:
    """Watch the calls of a running service: state, turns, latency, and its providers.

    Into a pipe or a file it writes a line for each change of state and each turn. It only
    looks, twice a second, and waits for a service that goes away; Ctrl-C ends it.
    """
    run(lambda: _watch(url, token, words=words))


async def _watch(url: str, token: str | None, *, words: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{url} is not the address of a service: give it as http://host:port")
    console = Console(highlight=False, markup=False, emoji=False)
    async with trio.open_nursery() as nursery, HttpService(url, token, words=words) as service:
        nursery.start_soon(_stop_when_told, nursery.cancel_scope)
        await follow(service, Board(url), console)


async def _stop_when_told(watching: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            watching.cancel()


async def follow(service: Service, board: Board, console: Console) -> None:
    """Look, show, wait, until cancelled: a picture on a terminal, a line a change elsewhere."""
    if not console.is_terminal:
        while True:
            for line in await _look(service, board):
                console.print(printable(line), soft_wrap=True)
            await trio.sleep(LOOK_S)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            await _look(service, board)
            size = console.size
            lines = board.lines(trio.current_time(), size.width, size.height)
            live.update(Group(*lines), refresh=True)
            await trio.sleep(LOOK_S)


async def _look(service: Service, board: Board) -> list[str]:
    try:
        told = await service.look()
    except ServiceLost as error:
        return board.lost(trio.current_time(), str(error))
    return board.look(trio.current_time(), told)


class HttpService:
    """A service at an address, over a connection that is kept."""

    def __init__(self, url: str, token: str | None, *, words: bool) -> None:
        import httpx  # only who watches needs it

        self._url, self._words = url, words
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=ANSWER_S,
            trust_env=False,  # what is on this machine is not asked for through a proxy
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def look(self) -> Told:
        """See :class:`Service`."""
        calls = await self._get("/inspect/calls", list[CallSummary])
        if calls is None:
            raise ConfigError(
                f"{self._url} has no inspector: is it antiphon serve, and [inspect] on?"
            )
        live = [call.call_id for call in calls if call.outcome == "live"]
        return Told(
            calls=calls,
            providers=await self._get("/providers", list[ProviderHealth]) or [],
            words={call_id: await self._last_words(call_id) for call_id in live}
            if self._words
            else {},
        )

    async def _last_words(self, call_id: str) -> LastWords:
        told = await self._get("/turns", CallTurns, call=call_id)
        turns = told.turns if told is not None else []
        heard = [turn.heard for turn in turns if turn.heard]
        return LastWords(turns[-1].words if turns else "", heard[-1] if heard else "")

    async def _get(self, path: str, kind: type[_Body], **query: str) -> _Body | None:
        """What is told there; None where there is no such thing."""
        import httpx

        try:
            answer = await self._client.get(path, params=query)
        except httpx.TransportError as error:
            raise ServiceLost(f"does not answer ({_why(error)})") from error
        if answer.status_code in REFUSED:
            raise ConfigError(
                f"{self._url} tells only its own machine, or who has its token (--token, {TOKEN})"
            )
        if answer.status_code >= 500:
            raise ServiceLost(f"is not ready ({answer.status_code})")
        if answer.status_code != 200:
            return None
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.MsgspecError as error:
            raise AntiphonError(
                f"{self._url}{path}: not what antiphon serve tells: {error}"
            ) from error


def _why(error: httpx.TransportError) -> str:
    """The reason in a few words, as the operating system has it if it does."""
    import httpx

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            known = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
            return (known or str(cause)).lower()
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return type(error).__name__
