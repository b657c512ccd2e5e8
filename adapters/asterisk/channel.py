"""Calls on Asterisk's chan_websocket."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from pydantic import SecretStr
from trio_websocket import WebSocketConnection

from adapters.asterisk.control import ServerStream
from adapters.carriers.answering import AnsweredCall, CarrierLimits, OnCall, PutThrough, hold
from adapters.carriers.websocket import WebSocketCarrier


def is_asterisk(headers: Mapping[str, str], username: str, password: SecretStr) -> bool:
    """Whether a request for a connection shows this name and password (``username`` and
    ``password`` of websocket_client.conf; RFC 7617). Header names are in lower case."""
    plain = f"{username}:{password.get_secret_value()}".encode()
    known = b"Basic " + base64.b64encode(plain)
    shown = headers.get("authorization", "").encode()
    return bool(password.get_secret_value()) and hmac.compare_digest(shown, known)


def answered(
    websocket: WebSocketConnection,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> AbstractAsyncContextManager[AnsweredCall]:
    """The call on an accepted websocket, from its MEDIA_START on; the session runs inside (see
    :meth:`~adapters.carriers.answering.AnsweredCall.open`).

    ``put_through`` is how callers are transferred: the connection itself cannot do it.
    """
    return WebSocketCarrier(websocket, ServerStream(), limits, put_through).open()


async def answer(
    websocket: WebSocketConnection,
    on_call: OnCall,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> None:
    """Run ``on_call`` with the call on this websocket; no call, no ``on_call``."""
    await hold(answered(websocket, limits, put_through), on_call)
