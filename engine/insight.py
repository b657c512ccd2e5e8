"""What a service tells those at its own machine: how its providers are, and how its calls went.

    GET /providers          each provider of each port, in the order in which they are wanted
    GET /turns?call=ID      the turn records of a call that is live or was over lately

The records hold what callers said. So there is an answer only where the service listens on a
loopback address, for requests that name one as their host and do not say that they came through a
proxy (``Forwarded``, ``X-Forwarded-For``, ``X-Forwarded-Host``, ``Via``). That keeps out a page in
a browser, and a carrier's proxy that says what it is. It does not keep out what comes through a
plain TCP tunnel with a local name as its host, or through a proxy that hides itself: both look
local. So a carrier is to be let in by a proxy that forwards ``/media`` and no other path.
"""

from __future__ import annotations

import http.client
import ipaddress
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, quote

import msgspec
import trio

from adapters.front.http import Handler, Request, Response, Routes, plain
from adapters.twilio.dialing import Address
from effects.breaker import State
from effects.choice import Health
from engine.journal import AnyLine, End, Head
from engine.session import Desk, Watcher
from engine.turns import Port, TurnRecord, Turns

CALLS_KEPT = 20
"""Of the calls that are over, the latest."""

ASK_S = 2.0
"""For a service to answer, and for the call to be over there."""

_PROVIDERS, _TURNS = "/providers", "/turns"
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider is doing: see :class:`effects.choice.Health`."""

    port: Port
    provider: str
    breaker: State
    failures_in_a_row: int
    succeeded: int
    failed: int


class CallTurns(msgspec.Struct, frozen=True, kw_only=True):
    """A call's turns so far; ``over`` says that there will be no more."""

    call: str
    over: bool
    turns: list[TurnRecord]


class Insight:
    """The routes of one service, and the watchers that keep its calls' turns for them."""

    def __init__(self, desk: Callable[[], Desk | None], host: Callable[[], str]) -> None:
        """``desk`` is None while there is none yet; ``host`` is where the service listens."""
        self._desk, self._host = desk, host
        self._calls: dict[str, Turns] = {}
        self._over: list[str] = []

    @property
    def routes(self) -> Routes:
        """To be served beside the others."""
        return {
            ("GET", _PROVIDERS): self._near(self._providers),
            ("GET", _TURNS): self._near(self._turns),
        }

    def near(self, routes: Routes) -> Routes:
        """Routes of others, for the same few to ask."""
        return {route: self._near(handler) for route, handler in routes.items()}

    def watchers(self) -> list[Watcher]:
        """Keeps one call's turns; none where nobody may ask for them."""
        if not is_loopback(self._host()):
            return []
        turns, call_id = Turns(), ""

        def watch(line: AnyLine) -> None:
            nonlocal call_id
            turns.feed(line)
            if isinstance(line, Head):
                call_id = line.call_id
                self._calls[call_id] = turns
            elif isinstance(line, End):
                self._over.append(call_id)
                for old in self._over[:-CALLS_KEPT]:
                    self._calls.pop(old, None)
                del self._over[:-CALLS_KEPT]

        return [watch]

    def _near(self, handler: Handler) -> Handler:
        async def handle(request: Request) -> Response:
            proxied = any(name in request.headers for name in _PROXIED)
            named = is_loopback(_host_of(request.headers.get("host", "")))
            if proxied or not named or not is_loopback(self._host()):
                return plain(404, "no such path")
            return await handler(request)

        return handle

    async def _providers(self, _: Request) -> Response:
        desk = self._desk()
        return _json(health_of(desk) if desk else [])

    async def _turns(self, request: Request) -> Response:
        (call_id,) = parse_qs(request.query).get("call", [""])[:1]
        turns = self._calls.get(call_id)
        if turns is None:
            return plain(404, "no such call")
        over = call_id in self._over
        return _json(CallTurns(call=call_id, over=over, turns=turns.records))


def health_of(desk: Desk) -> list[ProviderHealth]:
    """How every provider is doing, port by port."""
    ports: list[tuple[Port, Sequence[Health]]] = [
        ("recogniser", desk.ports.speech_to_text.health),
        ("mind", desk.ports.language_model.health),
        ("voice", desk.ports.text_to_speech.health),
    ]
    return [
        ProviderHealth(
            port=port,
            provider=one.name,
            breaker=one.state,
            failures_in_a_row=one.failures_in_a_row,
            succeeded=one.succeeded,
            failed=one.failed,
        )
        for port, providers in ports
        for one in providers
    ]


def is_loopback(host: str) -> bool:
    """Whether only this machine is meant by it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(header: str) -> str:
    """A Host header without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()


def _json(what: object) -> Response:
    return Response(200, msgspec.json.encode(what) + b"\n", "application/json")


# --- who asks -------------------------------------------------------------------------------


async def turns_of(service: Address, call_id: str) -> list[TurnRecord]:
    """The turns of a call that was just held with a service on this machine, when they are all
    there, or after ``ASK_S`` as far as they go. None from a service elsewhere, which is not asked,
    or from one that does not tell."""
    turns: list[TurnRecord] = []
    if not is_loopback(service.host):
        return turns
    with trio.move_on_after(ASK_S):
        while True:
            body = await trio.to_thread.run_sync(_get, service, call_id, abandon_on_cancel=True)
            try:
                told = msgspec.json.decode(body, type=CallTurns)
            except msgspec.MsgspecError:
                return turns
            turns = told.turns
            if told.over:
                return turns
            await trio.sleep(0.1)
    return turns


def _get(service: Address, call_id: str) -> bytes:
    """The answer, if it is one; blocks."""
    kind = http.client.HTTPSConnection if service.tls else http.client.HTTPConnection
    connection = kind(service.host, service.port, timeout=ASK_S)
    try:
        connection.request("GET", f"{_TURNS}?call={quote(call_id)}")
        response = connection.getresponse()
        return response.read() if response.status == 200 else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()
