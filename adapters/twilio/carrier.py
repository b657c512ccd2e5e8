"""Calls on Twilio's media streams."""

from __future__ import annotations

from functools import partial

from adapters.carriers import websocket
from adapters.twilio.protocol import ServerStream

answered = partial(websocket.answered, ServerStream)
answer = partial(websocket.answer, ServerStream)
