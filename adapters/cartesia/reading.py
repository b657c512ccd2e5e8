"""How far a clause is read aloud at what time, from the vendor's times of words."""

from __future__ import annotations

import re

from adapters.cartesia.messages import Words
from effects.ports import Timing

_LOOK_AHEAD = 24
"""A word is looked for so many letters on. The vendor may leave words out; what it has changed
must not be found at the other end of the clause."""


class Reading:
    """Follows the voice through one clause.

    ``spoken`` is what it says, ``began_ms`` how much audio of the context came before it. The
    vendor does not say what its times count from; they are its context's, and cannot be if a
    clause would begin long before its audio does: then they are the clause's own.
    """

    def __init__(self, spoken: str, began_ms: float) -> None:
        self._spoken = spoken
        self._began_ms = began_ms
        self._from_ms: float | None = None
        self._read = 0

    def follow(self, said: Words) -> tuple[Timing, ...]:
        """The next words that were timed, as far as they are found in the clause."""
        timings = []
        for word, start_s, end_s in zip(said.words, said.start, said.end, strict=False):
            if self._from_ms is None:
                self._from_ms = self._began_ms if start_s * 1000 > self._began_ms / 2 else 0.0
            last = self._read + len(word) + _LOOK_AHEAD
            found = self._spoken.find(word, self._read, last) if word else -1
            if found < 0:
                continue
            self._read = _with_punctuation(self._spoken, found + len(word))
            timings.append(Timing(self._read, max(0.0, end_s * 1000 - self._from_ms)))
        return tuple(timings)


def _with_punctuation(text: str, end: int) -> int:
    """The end of a word together with the marks that follow it."""
    marks = re.compile(r"[^\w\s]*").match(text, end)
    return marks.end() if marks else end
