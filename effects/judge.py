"""Judge the turn: is what the caller said so far a complete thought?"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog
import trio

from effects.ports import ProviderError
from effects.stage import Emit, Stage
from states.events import TurnJudged

log = structlog.get_logger()


def judge_turn(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    """Ask the turn detector, and report once the caller has been quiet for
    ``complete_silence_ms``. A detector that fails only costs the early end of the turn: the
    silence timer is still there."""
    call = stage.call
    due_ms = call.turn.voice_ended_ms + call.settings.complete_silence_ms
    return _judge(stage, emit, call.turn.words, call.asked, due_ms)


async def _judge(stage: Stage, emit: Emit, words: str, asked: str, due_ms: float) -> None:
    if not words:
        return
    try:
        completeness = await stage.ports.turn_detector.completeness(words, asked)
    except ProviderError as error:
        log.warning("turn_not_judged", error=str(error))
        return
    await trio.sleep(max(0.0, due_ms - stage.now_ms()) / 1000)
    emit(TurnJudged(at_ms=stage.now_ms(), completeness=completeness))
