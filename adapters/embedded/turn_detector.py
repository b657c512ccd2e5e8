"""Is what the caller said a complete thought? A judgement by the words alone, no model.

It looks at how the words end and at what was asked: a conjunction, a preposition, an article or
a filler at the end wants something after it; a question for digits wants as many digits as it
names. It is quick, needs no download, and when in doubt says 0.5 and a little: the caller's
silence decides then.
"""

from __future__ import annotations

import re
from typing import Self

import trio

from states.words import normalized

COMPLETE, LIKELY, UNSURE, UNLIKELY = 0.95, 0.8, 0.55, 0.1

_DANGLING = frozenset(
    # conjunctions, prepositions, articles, determiners, auxiliaries, fillers
    "and or but because so if when while although that which who whose than then as with without "
    "to of for from in on at by about into onto over under between until since after before near "
    "a an the my your his her its our their this these those some any another every "
    "is are was were am be been will would can could should shall may might must do does did have "
    "has had i i'm i'd i'll it's we you he she they um uh er erm hmm like well let's".split()
)
_ANSWERS = frozenset(
    "yes no yeah yep yup nope nah sure okay ok right correct exactly please thanks hello hi hey "
    "bye goodbye today tomorrow monday tuesday wednesday thursday friday saturday sunday".split()
)
_DIGITS = frozenset("zero oh o one two three four five six seven eight nine double triple".split())
_PHRASES_THAT_DANGLE = re.compile(
    r"\b(?:number is|it is|it's|i want|i need|i would like|i'd like|can you|could you|my name is)$"
)
_COUNT = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_ASKED_DIGITS = re.compile(r"\b(\w+)[- ](?:digit|number|figure)s?\b")
_REMAINING_DIGITS = re.compile(r"\b(?:remaining|missing|other|last) (\w+)\b")


class WordsTurnDetector:
    """The TurnDetector port over :func:`completeness`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def completeness(self, words: str, asked: str) -> float:
        """See :class:`effects.ports.TurnDetector`. Never fails."""
        await trio.lowlevel.checkpoint()
        return completeness(words, asked)


def completeness(words: str, asked: str) -> float:
    """The probability (0..1) that ``words`` is a finished turn, as the answer to ``asked``."""
    said = normalized(words)
    if not said:
        return 0.0
    digits = [word for word in said if word in _DIGITS]
    if len(digits) >= max(1, len(said) - 3) or (digits and said[-1] in _DIGITS):
        return _digits_complete(len(digits), asked)
    if said[-1] in _ANSWERS or words.rstrip().endswith("?"):
        return COMPLETE
    text = " ".join(said)
    if _PHRASES_THAT_DANGLE.search(text) or words.rstrip().endswith((",", "-", "…", "...")):
        return UNLIKELY
    if said[-1] in _DANGLING and len(said) > 1:
        return UNLIKELY
    return COMPLETE if words.rstrip().endswith((".", "!")) else LIKELY


def _digits_complete(count: int, asked: str) -> float:
    expected = _digits_asked_for(asked)
    if expected is None:
        return UNSURE
    return COMPLETE if count >= expected else UNLIKELY


def _digits_asked_for(asked: str) -> int | None:
    """How many digits the agent's question names ("your five digit order number")."""
    text = asked.lower()
    match = _REMAINING_DIGITS.search(text) or _ASKED_DIGITS.search(text)
    if match is None:
        return None
    word = match.group(1)
    return int(word) if word.isdigit() else _COUNT.get(word)
