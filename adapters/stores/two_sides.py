"""Both sides of a call on one line of time: what the caller said beside what they heard.

Audio of the caller is said as it comes, audio for them is played in its turn, not as it is sent:
what a `clear` took away before was never heard. Times are milliseconds of the call.
"""

from __future__ import annotations

import struct

from states.mulaw import BYTES_PER_MS, SAMPLE_RATE_HZ, SILENCE

LATE_MS = 1000
"""The caller's audio may come so late and still get its place."""

PIECE_MS = 1000
"""So much is given out at a time."""

_GAP_MS = 100
"""A shorter pause in what comes is the network's, and no silence."""

_MULAW, _CHANNELS = 7, 2


class TwoSides:
    """Takes in audio and gives out both sides, interleaved: caller left, agent right."""

    def __init__(self) -> None:
        self._caller, self._agent = bytearray(), bytearray()
        self._out = 0
        """So much of each side, in bytes, was given out."""

    def say(self, at_ms: float, mulaw: bytes) -> None:
        """This came from the caller just now."""
        begins = _bytes(at_ms) - len(mulaw) - self._out
        if begins - len(self._caller) > _GAP_MS * BYTES_PER_MS:
            _pad(self._caller, begins)
        self._caller += mulaw

    def play(self, at_ms: float, mulaw: bytes) -> None:
        """This was sent to the caller just now: it is heard after what was sent before."""
        _pad(self._agent, _bytes(at_ms) - self._out)
        self._agent += mulaw

    def clear(self, at_ms: float) -> None:
        """What has not been heard by now never is."""
        del self._agent[max(0, _bytes(at_ms) - self._out) :]

    def take(self, at_ms: float, *, last: bool = False) -> bytes:
        """What is certain by now, once it is a piece; with ``last`` all until now."""
        count = _bytes(at_ms) - self._out - (0 if last else LATE_MS * BYTES_PER_MS)
        if count <= 0 or (count < PIECE_MS * BYTES_PER_MS and not last):
            return b""
        both = bytearray(2 * count)
        for place, side in enumerate((self._caller, self._agent)):
            _pad(side, count)
            both[place::2] = side[:count]
            del side[:count]
        self._out += count
        return bytes(both)


def _bytes(ms: float) -> int:
    return round(ms * BYTES_PER_MS)


def _pad(side: bytearray, length: int) -> None:
    side.extend(SILENCE * max(0, length - len(side)))


def wav_header(data_bytes: int) -> bytes:
    """The head of a WAV file of both sides: µ-law, 8 kHz, two channels."""
    form = struct.pack(
        "<HHIIHHH", _MULAW, _CHANNELS, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * _CHANNELS, _CHANNELS, 8, 0
    )
    fact = struct.pack("<I", data_bytes // _CHANNELS)
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body
        for name, body in ((b"fmt ", form), (b"fact", fact))
    )
    size = 4 + len(chunks) + 8 + data_bytes
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVE"
        + chunks
        + b"data"
        + struct.pack("<I", data_bytes)
    )
