"""Audio as ElevenLabs sends it: in pieces, with the characters that are said in them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from states import mulaw


@dataclass(frozen=True, slots=True)
class Piece:
    """So much audio, which began ``began_ms`` into that of its text. ``chars`` end at ``ends_ms``
    of the text's audio; there are none where the piece is not aligned."""

    audio: bytes
    began_ms: float
    chars: list[str]
    ends_ms: list[float]

    def on_websocket(self) -> dict[str, Any]:
        """As a message: times are the chunk's, and starts and durations."""
        starts = [self.began_ms, *self.ends_ms[:-1]]
        times = [
            (round(start - self.began_ms), round(end - start))
            for start, end in zip(starts, self.ends_ms, strict=False)
        ]
        first = [] if self.began_ms else [(" ", 0, 0)]
        timed = [(char, *time) for char, time in zip(self.chars, times, strict=True)]
        return {
            "audio": base64.b64encode(self.audio).decode(),
            "alignment": _alignment(timed) if timed else None,
            "normalizedAlignment": _alignment(first + timed) if timed else None,
        }

    def in_http(self) -> bytes:
        """As a line: times are those of the whole answer, in seconds."""
        aligned = {
            "characters": self.chars,
            "character_start_times_seconds": [
                start / 1000 for start in [self.began_ms, *self.ends_ms[:-1]][: len(self.chars)]
            ],
            "character_end_times_seconds": [end / 1000 for end in self.ends_ms],
        }
        line = {
            "audio_base64": base64.b64encode(self.audio).decode(),
            "alignment": aligned if self.chars else None,
            "normalized_alignment": aligned if self.chars else None,
        }
        return json.dumps(line).encode() + b"\n"


def pieces_of(text: str, audio: bytes, piece_ms: int, aligned_pieces: int) -> Iterator[Piece]:
    """A text's audio, piece by piece; its letters are spread evenly over it."""
    ends_ms = _ends_ms(text, mulaw.duration_ms(audio))
    step = piece_ms * mulaw.BYTES_PER_MS
    for index, first in enumerate(range(0, len(audio), step)):
        began_ms = first / mulaw.BYTES_PER_MS
        until_ms = began_ms + piece_ms * aligned_pieces
        within = [
            (char, end)
            for char, end in zip(text, ends_ms, strict=True)
            if (began_ms < end or (not index and not end)) and end <= until_ms
        ]
        if index % aligned_pieces:
            within = []
        chars, ends = [char for char, _ in within], [end for _, end in within]
        yield Piece(audio[first : first + step], began_ms, chars, ends)


def _ends_ms(text: str, length_ms: float) -> list[float]:
    """When each character is over; only letters and digits take time."""
    total = sum(char.isalnum() for char in text) or 1
    ends, letters = [], 0
    for char in text:
        letters += char.isalnum()
        ends.append(letters / total * length_ms)
    return ends


def _alignment(timed: list[tuple[str, int, int]]) -> dict[str, Any]:
    return {
        "chars": [char for char, _, _ in timed],
        "charStartTimesMs": [start_ms for _, start_ms, _ in timed],
        "charDurationsMs": [duration_ms for _, _, duration_ms in timed],
    }
