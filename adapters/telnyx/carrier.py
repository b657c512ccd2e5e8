"""Calls on Telnyx's media streams."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import partial

from pydantic import SecretStr

from adapters.carriers import websocket
from adapters.telnyx.protocol import ServerStream

TOKEN_HEADER = "x-telnyx-streaming-auth-token"


def is_telnyx(headers: Mapping[str, str], token: SecretStr) -> bool:
    """Whether a request for a media stream shows the token that only Telnyx was told. Header names
    are in lower case."""
    shown, known = headers.get(TOKEN_HEADER, ""), token.get_secret_value()
    return bool(known) and hmac.compare_digest(shown.encode(), known.encode())


answer = partial(websocket.answer, ServerStream)
