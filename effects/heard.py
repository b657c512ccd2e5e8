"""What was heard of a reply, and what was not: reckoned from how much of its sound was played.

A voice may say when it says what; else the words of a clause are taken to be spread evenly over its
sound, by the letters of what is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from effects.ports import Clause, Timing, Word
from states import mulaw

RESUME_BACK_MS = 300
"""How far back from where it was cut a held reply may go on, to start in a gap."""

LETTER_BYTES = 60 * mulaw.BYTES_PER_MS
"""How long a letter takes, where the length of a clause is not known yet."""


@dataclass(slots=True)
class PlayedClause:
    """A clause as far as the voice has delivered it. Positions are bytes of the reply's audio.

    ``complete`` says that no more audio will come, ``whole`` that this is all of it: a voice
    that fails in mid-clause leaves one that is complete and not whole."""

    said: Clause
    start: int
    audio: bytearray = field(default_factory=bytearray)
    complete: bool = False
    whole: bool = False
    begun: bool = False
    marked: bool = False
    broken_off: bool = False
    """Another voice says all of it again."""
    timings: list[Timing] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.audio)


def text_until(clauses: Sequence[PlayedClause], position: int) -> str:
    """The written words that were heard by a position, cut at a word."""
    texts = []
    for clause in clauses:
        if position >= clause.end and clause.whole:
            texts.append(clause.said.text)
        elif position > clause.start:
            within = min(position, clause.end) - clause.start
            texts.append(" ".join(_words_within(clause, within)))
    return " ".join(text for text in texts if text)


def rest_after(clauses: Sequence[PlayedClause], position: int) -> tuple[Clause, ...]:
    """What is left of the clauses, as it was written. What only filled a wait is left out."""
    rest = []
    for clause in clauses:
        said = clause.said
        if said.index < 0 or clause.broken_off or (position >= clause.end and clause.whole):
            continue
        heard = len(_words_within(clause, max(0, position - clause.start)))
        left = [word.written for word in _words(said)[heard:]]
        if left:
            rest.append(Clause(said.index, " ".join(left), weight=said.weight))
    return tuple(rest)


def gap_before(clauses: Sequence[PlayedClause], position: int) -> int:
    """The quietest moment shortly before a position: a good place to go on from."""
    clause = next((c for c in clauses if c.start < position < c.end), None)
    if clause is None:
        return position
    first = max(clause.start, position - RESUME_BACK_MS * mulaw.BYTES_PER_MS)
    step = 20 * mulaw.BYTES_PER_MS
    around = mulaw.to_float(bytes(clause.audio[first - clause.start : position - clause.start]))
    windows = len(around) // step
    if windows < 2:
        return position
    energy = np.square(around[-windows * step :]).reshape(windows, step).sum(axis=1)
    quietest = windows - 1 - int(np.argmin(energy[::-1]))  # the latest of equals
    return position - (windows - 1 - quietest) * step - step // 2


def _words_within(clause: PlayedClause, position: int) -> list[str]:
    """The written words that were said by ``position`` bytes into a clause."""
    reached = _letters_within(clause, position)
    heard, end = [], 0
    for word in _words(clause.said):
        end += len(word.spoken)
        if end > reached:
            break
        heard.append(word.written)
        end += 1  # the space after it need not have been heard
    return heard


def _letters_within(clause: PlayedClause, position: int) -> float:
    """How many letters of what is said, by what the voice has told of it, or evenly."""
    if clause.timings:
        at_ms = position / mulaw.BYTES_PER_MS
        return max((one.letters for one in clause.timings if one.until_ms <= at_ms), default=0)
    length, letters = max(1, len(clause.audio)), len(clause.said.spoken)
    if not clause.whole:
        length = max(length, letters * LETTER_BYTES)
    return position / length * letters


def _words(said: Clause) -> tuple[Word, ...]:
    return said.words or tuple(Word(word, word) for word in said.text.split())
