"""Judge the turn: is what the caller said so far a complete thought, and did it sound like one?"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog

from effects.ports import ProviderError
from effects.prosody import ending
from effects.stage import Emit, Stage
from states.endpointing import Contour
from states.events import TurnForeseen, TurnJudged

log = structlog.get_logger()

PROSODY_MS = 1000.0
"""How much of the caller's voice, up to its last sound, tells how it ended."""


def judge_turn(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Ask the turn detector about the words, and listen to how the voice ended.

    Without words there is nothing to judge. A detector that fails only costs the early end of
    the turn: the silence timer is still there.
    """
    call = stage.call
    return _judge(stage, emit, call.turn.words, call.asked, is_spoken=bool(call.turn.segments))


def foresee(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Ask the turn detector about the words of a caller who may still be speaking: a reply to a
    complete thought can be drafted before it is known that nothing follows."""
    call = stage.call
    return _foresee(stage, emit, call.turn.words, call.asked)


async def _foresee(stage: Stage, emit: Emit, words: str, asked: str) -> None:
    if words:
        completeness = await _ask(stage, words, asked)
        if completeness is not None:
            emit(TurnForeseen(at_ms=stage.now_ms(), completeness=completeness))


async def _judge(stage: Stage, emit: Emit, words: str, asked: str, *, is_spoken: bool) -> None:
    if not words:
        return
    completeness = await _ask(stage, words, asked)
    if completeness is None:
        return
    contour: Contour = "unknown"
    if is_spoken:
        contour = ending(stage.ears.recent(PROSODY_MS)).contour
    emit(TurnJudged(at_ms=stage.now_ms(), completeness=completeness, contour=contour))


async def _ask(stage: Stage, words: str, asked: str) -> float | None:
    """The detector's score; None if it failed."""
    try:
        return await stage.ports.turn_detector.completeness(words, asked)
    except ProviderError as error:
        log.warning("turn_not_judged", error=str(error))
        return None
