"""Comparing words: errors of a transcript, and whether a phrase was heard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from states.words import normalized

ALIKE = 0.75
"""Two phrases are the same to an ear when so much of their letters agree: a transcript may write
"Memfis"."""


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Words left out, put in and taken for others (the Levenshtein distance)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, without case, punctuation and the form of digits. Words with hyphens
    are one ("good-bye")."""
    return normalized(re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", "", text))


def is_heard(phrase: str, text: str) -> bool:
    """Whether a text, as it was transcribed, contains a phrase: the same words, or as many (one
    more, one less) that are spelt nearly the same."""
    wanted, words = words_of(phrase), words_of(text)
    letters = "".join(wanted)
    for length in (len(wanted), len(wanted) + 1, len(wanted) - 1):
        for start in range(len(words) - length + 1 if length > 0 else 0):
            heard = "".join(words[start : start + length])
            if SequenceMatcher(None, letters, heard, autojunk=False).ratio() >= ALIKE:
                return True
    return False
