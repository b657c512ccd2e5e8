"""Encrypted files: written piece by piece, readable up to where they were cut off.

    magic         17 bytes   "ANTIPHON AUDIO 1" and a newline
    key           8 bytes    the first of the SHA-256 of the key it was sealed with
    nonce         12 bytes   of the wrapping
    data key      48 bytes   32 random bytes of this file alone, wrapped: AES-256-GCM, with the
                             magic as associated data
    pieces:
        length    4 bytes    of what follows, big-endian; the highest bit is set on the last piece
        piece     …          AES-256-GCM under the data key; the nonce is the piece's number, from
                             0, in 12 bytes, big-endian; associated data is one byte, 1 on the last
                             piece and else 0

A piece cannot be changed, moved or left out, nor an end made up; what has no last piece was cut
off. What is in the pieces is both sides of a call, interleaved: µ-law, 8 kHz, caller first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

MAGIC = b"ANTIPHON AUDIO 1\n"
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 12, 16
_HINT_BYTES = 8
_LENGTH = struct.Struct(">I")
_LAST = 1 << 31


class Unsealable(Exception):
    """What was sealed cannot be read. ``str()`` is one line."""


class SealKey:
    """The key that wraps the keys of files."""

    def __init__(self, key: SecretStr) -> None:
        """Raises ValueError, which does not quote it, if it is not one."""
        try:
            raw = base64.b64decode(key.get_secret_value(), validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != _KEY_BYTES:
            raise ValueError(f"a key is {_KEY_BYTES} bytes in base64: openssl rand -base64 32")
        self._wrapping = AESGCM(raw)
        self.hint = hashlib.sha256(raw).digest()[:_HINT_BYTES]

    def wrap(self, data_key: bytes) -> bytes:
        """The head of a file with this key."""
        nonce = os.urandom(_NONCE_BYTES)
        return MAGIC + self.hint + nonce + self._wrapping.encrypt(nonce, data_key, MAGIC)

    def unwrap(self, file: BinaryIO) -> AESGCM:
        """Read the head of a file. Raises :class:`Unsealable`."""
        if file.read(len(MAGIC)) != MAGIC:
            raise Unsealable("not audio that was encrypted here")
        hint, nonce = file.read(_HINT_BYTES), file.read(_NONCE_BYTES)
        if hint != self.hint:
            raise Unsealable("encrypted with another key")
        try:
            wrapped = file.read(_KEY_BYTES + _TAG_BYTES)
            return AESGCM(self._wrapping.decrypt(nonce, wrapped, MAGIC))
        except (InvalidTag, ValueError):
            raise Unsealable("its head was changed, or cut off") from None


class Sealing:
    """Writes one file."""

    def __init__(self, file: BinaryIO, key: SealKey) -> None:
        """Writes its head. Raises OSError, as all here does."""
        data_key = os.urandom(_KEY_BYTES)
        self._file, self._cipher, self._number = file, AESGCM(data_key), 0
        file.write(key.wrap(data_key))

    def write(self, piece: bytes, *, last: bool = False) -> None:
        """Append a piece."""
        sealed = self._cipher.encrypt(_nonce(self._number), piece, _sort(last))
        self._number += 1
        self._file.write(_LENGTH.pack(len(sealed) | (_LAST if last else 0)) + sealed)


def unsealed(file: BinaryIO, key: SealKey) -> Iterator[bytes]:
    """The pieces of a file. Raises :class:`Unsealable`, after the last piece that is whole where
    the file was cut off."""
    cipher, number = key.unwrap(file), 0
    while True:
        head = file.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        last, length = bool(length & _LAST), length & ~_LAST
        piece = file.read(length)
        if length < _TAG_BYTES or len(piece) < length:
            raise Unsealable("cut off: its end is missing")
        try:
            yield cipher.decrypt(_nonce(number), piece, _sort(last))
        except InvalidTag:
            raise Unsealable(f"piece {number} was changed") from None
        if last:
            return
        number += 1


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES, "big")


def _sort(last: bool) -> bytes:
    return b"\1" if last else b"\0"
