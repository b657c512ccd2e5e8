"""Calls on Twilio's media streams."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from trio_websocket import WebSocketConnection

from adapters.carriers.answering import AnsweredCall, CarrierLimits, OnCall, PutThrough, hold
from adapters.carriers.websocket import WebSocketCarrier
from adapters.twilio.protocol import ServerStream


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
