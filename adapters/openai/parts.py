"""What both protocols of OpenAI have in common on the wire."""

from __future__ import annotations

import msgspec


class Cached(msgspec.Struct):
    """What of a prompt was in the cache."""

    cached_tokens: int | None = None


class Error(msgspec.Struct):
    """Why a stream went no further."""

    code: str | int | None = None
    message: str | None = None
