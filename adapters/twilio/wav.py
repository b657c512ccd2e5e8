"""Caller audio from WAV files: 8 kHz mono, as 16-bit PCM or as µ-law.

The standard library's `wave` reads PCM only, and µ-law (format 7) is what telephone
recordings are kept in; so the RIFF chunks are read here.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from states.mulaw import SAMPLE_RATE_HZ, from_pcm16

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_NAMES = {_PCM: "PCM", _FLOAT: "float", _ALAW: "A-law", _MULAW: "µ-law"}
_FORMAT = struct.Struct("<HHIIHH")
_READ = "8 kHz mono 16-bit PCM or µ-law WAV"
_SUBFORMAT_OFFSET = 24  # where WAVE_FORMAT_EXTENSIBLE keeps the real format


class UnusableWav(Exception):
    """Not caller audio; ``str()`` is one line: which file, what it is, what to do."""


def read_caller_wav(path: Path) -> bytes:
    """The µ-law bytes of a WAV file, 8000 a second. Raises :class:`UnusableWav`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableWav(f"{path}: cannot be read: {error.strerror}") from error
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _unreadable(path, "not a WAV file (no RIFF header)")
    chunks = _chunks(data)
    head, sound = chunks.get(b"fmt "), chunks.get(b"data")
    if head is None or len(head) < _FORMAT.size or sound is None:
        raise _unreadable(path, "a WAV file without a format or without sound")
    encoding, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(head)
    if encoding == _EXTENSIBLE and len(head) >= _SUBFORMAT_OFFSET + 2:
        (encoding,) = struct.unpack_from("<H", head, _SUBFORMAT_OFFSET)
    telephone = rate_hz == SAMPLE_RATE_HZ and channels == 1
    if not telephone or (encoding, bits) not in ((_PCM, 16), (_MULAW, 8)):
        raise _convertible(path, _describe(encoding, channels, rate_hz, bits))
    mulaw = sound if encoding == _MULAW else _from_pcm(sound)
    if not mulaw:
        raise UnusableWav(f"{path}: holds no sound: record it again")
    return mulaw


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a RIFF file, the first of each kind; a cut-off last one as far as it goes."""
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        chunks.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2  # chunks are padded to an even length
    return chunks


def _from_pcm(sound: bytes) -> bytes:
    return from_pcm16(np.frombuffer(sound[: len(sound) // 2 * 2], "<i2"))


def _describe(encoding: int, channels: int, rate_hz: int, bits: int) -> str:
    sides = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
    kind = _NAMES.get(encoding, f"format {encoding}")
    return f"{rate_hz / 1000:g} kHz {sides} {bits}-bit {kind}"


def _unreadable(path: Path, what: str) -> UnusableWav:
    return UnusableWav(f"{path} is {what}; what is read is {_READ}")


def _convertible(path: Path, what: str) -> UnusableWav:
    # The name is given to sox only as far as a shell needs no quotes for it.
    plain = all(c.isalnum() or c in "/._-" for c in str(path))
    name = str(path) if plain else "in.wav"
    return UnusableWav(
        f"{path} is {what}; {_READ} is needed: sox {name} -r 8000 -c 1 -b 16 out.wav"
    )
