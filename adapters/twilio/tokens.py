"""Tokens that let a media stream in: for one call, for a short while, and once.

A media stream's socket cannot prove which call it belongs to, so the webhook, which is signed,
gives it a token on the way: ``EXPIRES.NUMBER.MAC``, the MAC over the call's id and the rest, with a
key that only our workers know. That it is used once is for the caller to see to
(:meth:`effects.ports.Shared.once`, by :attr:`Token.number`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from pydantic import SecretStr

_NUMBER_BYTES = 12


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is right. ``expires_s`` is wall-clock time."""

    number: str
    expires_s: int


class Tokens:
    """Makes tokens and knows them again; all workers that share ``secret`` know each other's."""

    def __init__(self, secret: SecretStr) -> None:
        # Derived, so that a token tells nothing about what else the secret is used for.
        whole = secret.get_secret_value().encode()
        self._key = hmac.new(whole, b"antiphon media stream", hashlib.sha256).digest()

    def make(self, call_id: str, expires_s: int) -> str:
        """A token for this call, until then."""
        number = secrets.token_urlsafe(_NUMBER_BYTES)
        return f"{expires_s}.{number}.{self._mac(call_id, expires_s, number)}"

    def read(self, text: str, call_id: str, now_s: float) -> Token | None:
        """The token, if it is ours, for this call, and not too old."""
        expires, _, rest = text.partition(".")
        number, _, mac = rest.partition(".")
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12 and number):
            return None
        token = Token(number, int(expires))
        right = self._mac(call_id, token.expires_s, number).encode()
        if not hmac.compare_digest(right, mac.encode()) or token.expires_s < now_s:
            return None
        return token

    def _mac(self, call_id: str, expires_s: int, number: str) -> str:
        said = f"{expires_s}.{number}.{call_id}".encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()
