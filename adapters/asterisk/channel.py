"""Calls on Asterisk's chan_websocket."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from functools import partial

from pydantic import SecretStr

from adapters.asterisk.control import ServerStream
from adapters.carriers import websocket


def is_asterisk(headers: Mapping[str, str], username: str, password: SecretStr) -> bool:
    """Whether a request for a connection shows this name and password (``username`` and
    ``password`` of websocket_client.conf; RFC 7617). Header names are in lower case."""
    plain = f"{username}:{password.get_secret_value()}".encode()
    known = b"Basic " + base64.b64encode(plain)
    shown = headers.get("authorization", "").encode()
    return bool(password.get_secret_value()) and hmac.compare_digest(shown, known)


answer = partial(websocket.answer, ServerStream)
