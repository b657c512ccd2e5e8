"""The vendors' keys. Whoever sends one gets it here, so that whoever quotes a vendor can leave it
out: some vendors say in an error, or in the reason of a closed socket, which key it was.
"""

from __future__ import annotations

from pydantic import SecretStr

from effects.ports import ProviderRefused

QUOTED_CHARS = 200
_SHORTEST = 8
"""No key is shorter; a shorter one could be a word."""

_revealed: set[str] = set()


def revealed(key: SecretStr, key_variable: str) -> str:
    """The key, for the head of a request, without the line's end that a file has.

    Raises :class:`ProviderRefused` for one that cannot be sent: the error of a header that cannot
    be sent quotes it.
    """
    plain = key.get_secret_value().strip()
    if len(plain) >= _SHORTEST:
        _revealed.add(plain)
    if not (plain.isascii() and plain.isprintable()):
        raise ProviderRefused(f"{key_variable} holds characters that no key has: set it anew")
    return plain


def quoted(said: str) -> str:
    """The beginning of what a vendor says, on one line, without any key."""
    for key in _revealed:
        said = said.replace(key, "…")
    return " ".join(said.split())[:QUOTED_CHARS]
