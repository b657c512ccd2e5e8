"""Speech in a simulation is spelt: a byte a letter, so that it can be read again."""

from __future__ import annotations

from functools import cache

from states import mulaw


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
