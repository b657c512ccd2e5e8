"""Is what the caller said a complete thought? A judgement by the words alone, no model.

Two questions: is the answer all that was asked for (:mod:`adapters.embedded.asked_for`), and do
the words end where a sentence can (:mod:`adapters.embedded.turn_endings`)? It is quick, needs no
download, and hardly trusts punctuation: some recognisers write none, others end every pause with
a full stop.
"""

from __future__ import annotations

from typing import Self

import trio

from adapters.embedded.asked_for import COMPLETE, answer_score
from adapters.embedded.turn_endings import ending_score
from states.words import is_hold_request, normalized


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
    if is_hold_request(words):
        return COMPLETE
    while len(said) > 1 and said[-1] == "please":
        said = said[:-1]
    score = answer_score(said, asked)
    return ending_score(said, words, asked) if score is None else score
