"""Timers: the waits of the chart, on trio's clock."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import trio

from effects.stage import Effect, Emit, Stage
from states.events import BackchannelHeld, OverlapHeld
from states.timers import TIMERS


def timer(name: str) -> Effect:
    """The effect that waits as ``states.timers`` says and then emits its event."""
    spec = TIMERS[name]

    def start(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
        return wait(stage, emit, spec.due_ms(stage.call, stage.now_ms()))

    async def wait(stage: Stage, emit: Emit, due_ms: float) -> None:
        await trio.sleep(max(0.0, due_ms - stage.now_ms()) / 1000)
        emit(spec.event(at_ms=stage.now_ms()))

    return start


async def barge_in_timer(stage: Stage, emit: Emit) -> None:
    """Wait until the caller has spoken over the agent for ``barge_in_ms``, pauses left out."""
    await stage.ears.voiced_for(stage.call.settings.barge_in_ms)
    emit(OverlapHeld(at_ms=stage.now_ms()))


async def retract_timer(stage: Stage, emit: Emit) -> None:
    """As :func:`barge_in_timer`, for ``retract_ms``, while the agent has said nothing yet."""
    await stage.ears.voiced_for(stage.call.settings.retract_ms)
    emit(OverlapHeld(at_ms=stage.now_ms()))


async def talk_over_timer(stage: Stage, emit: Emit) -> None:
    """As :func:`barge_in_timer`, for speech that was going on already when the agent began: it
    is counted from then."""
    await stage.ears.voiced_for(stage.ears.voiced_ms + stage.call.settings.barge_in_ms)
    emit(OverlapHeld(at_ms=stage.now_ms()))


async def backchannel_timer(stage: Stage, emit: Emit) -> None:
    """As :func:`barge_in_timer`, for ``backchannel_ms``."""
    await stage.ears.voiced_for(stage.call.settings.backchannel_ms)
    emit(BackchannelHeld(at_ms=stage.now_ms()))
