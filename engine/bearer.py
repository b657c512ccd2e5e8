"""Tokens that somebody shows us, as ``Authorization: Bearer TOKEN``."""

from __future__ import annotations

import hmac
import re

from pydantic import SecretStr

from adapters.front.http import Request
from engine.errors import ConfigError

TOKEN_CHARS_LEAST = 16
"""A shorter one could be guessed: nobody counts the tries."""


def token_of(where: str, kept: SecretStr | None) -> SecretStr | None:
    """The token, as it is shown; None where there is none. Raises :class:`ConfigError` that names
    ``where`` for one that is no token, an empty one among them. It is never quoted."""
    if kept is None:
        return None
    token = kept.get_secret_value().strip()
    if not re.fullmatch(rf"[!-~]{{{TOKEN_CHARS_LEAST},}}", token):
        raise ConfigError(
            f"{where} is no token: it needs {TOKEN_CHARS_LEAST} characters or more, of ASCII and"
            " without spaces (python -c 'import secrets; print(secrets.token_urlsafe())')"
        )
    return SecretStr(token)


def shows(request: Request, token: SecretStr) -> bool:
    """Whether a request shows this token."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and is_same(given.strip(), token.get_secret_value())


def is_same(given: str, right: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(), right.encode())
