"""Hear: take in what the carrier sends, for as long as the call lasts.

This is the one reader of the carrier. Caller audio goes to the ears, and only its edges become
events; marks go to the playout; keys and the end of the call become events.
"""

from __future__ import annotations

from math import inf

import trio

from effects import ports
from effects.stage import Emit, Stage
from states import mulaw, notes
from states.events import Dtmf, HungUp, SpeechEnded, SpeechStarted


async def hear(stage: Stage, emit: Emit) -> None:
    """Run until the carrier says that the call is over, or cancelled.

    While the caller speaks, frames that stop coming count as silence: a stream can die without a
    word.
    """
    lost_s = stage.call.settings.frames_lost_ms / 1000
    came_s = trio.current_time()
    over = False
    while not over:
        with trio.CancelScope() as watch:
            # When the time is up, it is known what has come meanwhile: moving the deadline with
            # each message would cost more than taking it in.
            while not (over or watch.cancel_called):
                if stage.ears.speaking and watch.deadline == inf:
                    watch.deadline = came_s + lost_s
                over = await _take(stage, emit, await stage.carrier.receive())
                came_s = trio.current_time()
        if watch.cancelled_caught and trio.current_time() >= came_s + lost_s:
            edge = stage.ears.frames_lost(stage.now_ms())
            if edge is not None:
                _emit_edge(stage, emit, edge)


async def _take(stage: Stage, emit: Emit, message: ports.CarrierMessage) -> bool:
    """Deal with one message; returns whether it was the last. Waits for nothing but a detector
    that judges many calls together, and that is not cut short."""
    match message:
        case ports.Media(audio):
            frame = ports.Frame(audio, stage.now_ms() - mulaw.duration_ms(audio))
            ears, vad = stage.ears, stage.ears.batched
            for edge in await ears.batched_frame(frame, vad) if vad else ears.frame(frame):
                _emit_edge(stage, emit, edge)
        case ports.Mark(name):
            stage.playout.echoed(name)
        case ports.Dtmf(digit):
            emit(Dtmf(at_ms=stage.now_ms(), digit=digit))
        case ports.Stop(reason):
            emit(HungUp(at_ms=stage.now_ms(), reason=reason))
            return True
    return False


def _emit_edge(stage: Stage, emit: Emit, edge: ports.Onset | ports.Offset) -> None:
    now_ms = stage.now_ms()
    if isinstance(edge, ports.Onset):
        emit(SpeechStarted(at_ms=now_ms))
    else:
        emit(SpeechEnded(at_ms=now_ms, voice_at_ms=edge.at_ms))
    if stage.ears.dropped:
        stage.note(notes.FramesDropped(at_ms=now_ms, count=stage.ears.dropped))
        stage.ears.dropped = 0
