"""Asking a service on this machine for the turns of a call that was just held with it."""

from __future__ import annotations

import http.client
from urllib.parse import quote

import msgspec
import trio

from adapters.twilio.dialing import Address
from engine.inspector.access import is_loopback
from engine.inspector.server import CallTurns
from engine.turns import TurnRecord

ASK_S = 2.0
"""For a service to answer, and for the call to be over there."""


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
