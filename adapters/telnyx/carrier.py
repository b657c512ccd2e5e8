"""Calls on Telnyx's media streams."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from pydantic import SecretStr
from trio_websocket import WebSocketConnection

from adapters.carriers.answering import AnsweredCall, CarrierLimits, OnCall, PutThrough, hold
from adapters.carriers.websocket import WebSocketCarrier
from adapters.telnyx.protocol import ServerStream

TOKEN_HEADER = "x-telnyx-streaming-auth-token"


def is_telnyx(headers: Mapping[str, str], token: SecretStr) -> bool:
    """Whether a request for a media stream shows the token that only Telnyx was told. Header names
    are in lower case."""
    shown, known = headers.get(TOKEN_HEADER, ""), token.get_secret_value()
    return bool(known) and hmac.compare_digest(shown.encode(), known.encode())


def answered(
    websocket: WebSocketConnection,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> AbstractAsyncContextManager[AnsweredCall]:
    """The call on an accepted websocket, from its `start` on; the session runs inside (see
    :meth:`~adapters.carriers.answering.AnsweredCall.open`).

    ``put_through`` is how callers are transferred: a media stream cannot do it.
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
