"""When a voice says which letter: the vendor's alignments as the port's timings.

On the websocket the times of an alignment are those of the model's chunk that it came with, not of
all the audio (the reference of multi-stream-input, Alignment). Such a chunk may be sent in several
messages, of which the first alone is aligned, so that an alignment can reach beyond its message's
audio. Therefore one begins where the audio before it ends, but never before the last one ended.
Over HTTP, times are those of the whole answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from effects.ports import Timing


@dataclass(frozen=True, slots=True)
class Aligned:
    """Characters, and when each is over, in milliseconds of the chunk (of all the audio where
    ``is_absolute``)."""

    chars: Sequence[str]
    ends_ms: Sequence[float]
    is_absolute: bool = False


class Timeline:
    """Counts the letters of one clause along its audio. ``spoken`` is what the voice was given."""

    def __init__(self, spoken: str) -> None:
        self._spoken = spoken
        self._letters = 0
        self._aligned_ms = 0.0

    def take(self, aligned: Aligned, audio_ms: float) -> tuple[Timing, ...]:
        """The next alignment as timings, one for each word of it. ``audio_ms`` of the clause's
        audio came before it."""
        began_ms = 0.0 if aligned.is_absolute else max(audio_ms, self._aligned_ms)
        if self._begins_anew("".join(aligned.chars)):
            self._letters, began_ms = 0, 0.0
        timings = []
        for index, (char, end_ms) in enumerate(zip(aligned.chars, aligned.ends_ms, strict=False)):
            if self._letters == 0 and char.isspace():
                continue  # a normalized alignment begins with a space that nobody asked for
            self._letters = min(self._letters + len(char), len(self._spoken))
            self._aligned_ms = began_ms + end_ms
            is_last = index + 1 == len(aligned.chars) or aligned.chars[index + 1].isspace()
            if is_last and not char.isspace():
                timings.append(Timing(self._letters, self._aligned_ms))
        return tuple(timings)

    def _begins_anew(self, text: str) -> bool:
        """Whether an alignment replaces those before it: some are sent twice, the second time
        whole."""
        rest = self._spoken[self._letters :].lstrip()
        again = self._spoken.startswith(text.strip()) and not rest.startswith(text.strip())
        return again and self._letters > 0
