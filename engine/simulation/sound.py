"""Speech in a simulation is spelt: a byte a letter, so that it can be read again.

The same stretches of it are heard over and over, in one call as in the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

import numpy as np

from effects import echo
from states import mulaw

COMPARISONS_KEPT = 512
"""Of some 30 kB each."""


@cache
def spell(text: str, letter_ms: int) -> bytes:
    """A text as sound: ``letter_ms`` of its byte for each letter, silence for a space."""
    size = letter_ms * mulaw.BYTES_PER_MS
    codes = (mulaw.SILENCE if letter == " " else letter.encode("latin-1") for letter in text)
    return b"".join(code * size for code in codes)


def read_back(audio: bytes, letter_ms: int) -> str:
    """The text of spelt sound. A letter of which less than half was played is not read."""
    size = letter_ms * mulaw.BYTES_PER_MS
    text, start = "", 0
    while start < len(audio):
        end = start + len(audio[start:]) - len(audio[start:].lstrip(audio[start : start + 1]))
        letter = " " if audio[start] == mulaw.SILENCE[0] else chr(audio[start])
        text += letter * round((end - start) / size)
        start = end
    return text


@contextmanager
def comparing_once() -> Iterator[None]:
    """Let the ears take the same stretches of sound for as alike as before. They ask for it fifteen
    times a call, a seventh of the time of a call; four times of five it is known."""
    before, echo.compared = echo.compared, _compared
    try:
        yield
    finally:
        echo.compared = before


def _compared(caller: echo.Samples, reference: bytes) -> echo.Compared | None:
    return _known(caller.tobytes(), reference)


@lru_cache(COMPARISONS_KEPT)
def _known(caller: bytes, reference: bytes) -> echo.Compared | None:
    return _compare(np.frombuffer(caller, np.float32), reference)


_compare = echo.compared
