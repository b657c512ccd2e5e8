"""Whose call it was: what is kept of a number, and how it is found again.

The person at the other end is the caller, or whom we called. Of their number there stay the last
four digits and a hash. A telephone number can be guessed, there are few of them, so the hash has a
key: who has only the database learns nothing from it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pydantic import SecretStr

from engine.journal import Head

MASK = "…"
_SHOWN = 4
_HASH_CHARS = 32
_MASKED = re.compile(rf"{MASK}(\S*) #([0-9a-f]{{{_HASH_CHARS}}})")
_FILLING = re.compile(r"[\s().-]")


@dataclass(frozen=True, slots=True)
class Party:
    """The numbers of a call as they are kept, and the hash by which its person is found; empty
    where the number is not known."""

    caller: str
    called: str
    number_hash: str


class Numbers:
    """What is kept of numbers, by the settings."""

    def __init__(self, key: bytes, *, masked: bool) -> None:
        self._key, self._masked = key, masked

    def hashed(self, number: str) -> str:
        """The hash of a number, however it is written; of one that was masked, the one in it."""
        if known := _MASKED.fullmatch(number):
            return known[2]
        plain = _FILLING.sub("", number).casefold()
        if not plain:
            return ""
        return hmac.new(self._key, plain.encode(), hashlib.sha256).hexdigest()[:_HASH_CHARS]

    def of(self, head: Head) -> str:
        """The hash of the person's number."""
        return self.hashed(head.called if head.direction == "outbound" else head.caller)

    def kept(self, head: Head) -> Party:
        """What the tables keep."""
        if head.direction == "outbound":
            return Party(head.caller, self._in_tables(head.called), self.of(head))
        return Party(self._in_tables(head.caller), head.called, self.of(head))

    def _in_tables(self, number: str) -> str:
        if known := _MASKED.fullmatch(number):
            return MASK + known[1]
        return MASK + number[-_SHOWN:] if number and self._masked else number

    def at_rest(self, head: Head) -> Head:
        """A head as a journal keeps it once it was loaded; done twice, it changes nothing."""
        outbound = head.direction == "outbound"
        number = head.called if outbound else head.caller
        if not number or not self._masked or _MASKED.fullmatch(number):
            return head
        masked = f"{MASK}{number[-_SHOWN:]} #{self.hashed(number)}"
        if outbound:
            return msgspec.structs.replace(head, called=masked)
        return msgspec.structs.replace(head, caller=masked)


def number_key(given: SecretStr | None, data: Path) -> bytes:
    """The key for hashes: the one that is set, or that of the data folder, made when it is not
    there. Raises OSError."""
    if given is not None:
        return given.get_secret_value().encode()
    path = data / "number.key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(secrets.token_hex(32), encoding="ascii")
        with suppress(FileExistsError):  # another worker was first
            os.link(new, path)
        new.unlink()
    return path.read_bytes()
