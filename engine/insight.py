"""What a service tells programs of itself, and how one of ours asks it.

    GET /providers      each provider of each port (:class:`ProviderHealth`)
    GET /turns?call=ID  the turns of a call (:class:`CallTurns`)

Who may ask: :mod:`engine.inspector.access`.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
import trio

from adapters.twilio.dialing import Address
from effects.breaker import State
from effects.choice import Health
from engine.inspector.access import is_loopback
from engine.session import Desk
from engine.turns import Port, TurnRecord

ASK_S = 2.0
"""For a service to answer, and for the call to be over there."""


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
        connection.request("GET", f"/turns?call={quote(call_id)}")
        response = connection.getresponse()
        return response.read() if response.status == 200 else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()
