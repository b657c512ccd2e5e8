"""The timers that count the caller's voice; those that count time are in ``states.timers``."""

from __future__ import annotations

from effects.stage import Emit, Stage
from states.events import BackchannelHeld, OverlapHeld


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
