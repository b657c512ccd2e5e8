"""What is written, word for word beside what a voice says for it.

A language model writes "order 4711 arrives at 2:30 pm"; a caller hears "order four seven one one
arrives at two thirty P M". The voice is given only the second: words, apostrophes and the
punctuation that it breathes at. History holds the first, cut where the caller stopped listening;
so each written word keeps what it became. American English.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache, partial

from effects.ports import Clause, Weight, Word
from effects.spoken_amounts import SAID
from effects.spoken_rules import RULES, Say

PAUSES = ".,?!;:"
"""Punctuation that a voice breathes at."""

# Each becomes one other character, so that places in the text stay what they are.
_TYPOGRAPHY = str.maketrans("’‘−‑\u00a0\u202f\u2009", "''--   ")
_REMEMBERED_TEXTS = 256

_Claims = dict[int, tuple[int, str]]
"""What the rules have put into words: where it starts; where it ends, and how it is said."""


def spoken(text: str) -> str:
    """What a voice should say for ``text``: words and :data:`PAUSES`, on one line. May be empty."""
    return " ".join(word.spoken for word in words_of(text))


def clause_of(index: int, text: str, weight: Weight = "plain") -> Clause:
    """A clause as the voice needs it, from its written text."""
    return Clause(index, " ".join(text.split()), words_of(text), weight)


@lru_cache(_REMEMBERED_TEXTS)
def words_of(text: str) -> tuple[Word, ...]:
    """The written words of a text, in order, each with what is said for it.

    What is said as one is one :class:`Word` ("$5 million"), and what is not said at all (a dash
    between words) belongs to the word before it. Empty if there is nothing to say.
    """
    claims: _Claims = {}
    rest = text.translate(_TYPOGRAPHY)
    for pattern, say in RULES:
        rest = pattern.sub(partial(_claim, claims, say), rest)
    words: list[Word] = []
    silent = ""
    for unit in re.finditer(r"\S+", rest):  # what was put into words holds no white space
        written = " ".join(text[unit.start() : unit.end()].split())
        pause, said = _parted(_sound(rest, claims, *unit.span()))
        if words:
            last = words.pop()
            kept = last.written if said else f"{last.written} {written}"
            words.append(Word(kept, _with_pause(last.spoken, pause)))
        if said:
            words.append(Word(silent + written, said))
            silent = ""
        elif not words:
            silent += f"{written} "
    return tuple(words)


def _claim(claims: _Claims, say: Say, match: re.Match[str]) -> str:
    """Note what a rule says for what it found; returns that with its place blanked, so that the
    later rules leave it alone."""
    said = say(match) if callable(say) else say
    if said is None:
        return match[0]
    whole = isinstance(said, str)
    blanked = match[0]
    for group, words in enumerate([said] if isinstance(said, str) else said, 0 if whole else 1):
        start, end = match.span(group)
        claims[start] = end, words
        first, last = start - match.start(), end - match.start()
        blanked = blanked[:first] + SAID * (end - start) + blanked[last:]
    return blanked


def _sound(rest: str, claims: _Claims, start: int, end: int) -> str:
    """What is said for a stretch of the text: what the rules say, and the letters they left."""
    parts = []
    while start < end:
        if start in claims:
            start, words = claims[start]
            parts.append(f" {words} ")
        else:
            parts.append(rest[start])
            start += 1
    return _tidy("".join(parts))


def _tidy(sound: str) -> str:
    sound = "".join(map(_audible, sound))
    sound = re.sub(r"\s+(?=[.,?!;:])|\s+(?='\w)", "", sound)
    sound = re.sub(r"(?<!\w)'|'(?!\w)", "", sound)
    sound = re.sub(r"[.,?!;:]{2,}", lambda marks: _one_pause(marks[0]), sound)
    return " ".join(re.sub(r"(?<=[.,?!;:])(?=\w)", " ", sound).split())


def _audible(char: str) -> str:
    if char.isalpha() or char in PAUSES or char == "'":
        return char
    return "" if unicodedata.combining(char) else " "


def _parted(sound: str) -> tuple[str, str]:
    """The pauses that a sound begins with, and the rest."""
    said = sound.lstrip(PAUSES + " ")
    return sound[: len(sound) - len(said)], said


def _with_pause(said: str, pause: str) -> str:
    words = said.rstrip(PAUSES)
    return words + _one_pause(said[len(words) :] + pause)


def _one_pause(marks: str) -> str:
    """Of several marks in a row, the one that says most."""
    return next((mark for mark in "?!.;:," if mark in marks), "")
