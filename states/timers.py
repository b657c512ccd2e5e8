"""The waits of the chart: which timer waits for what, and which event ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from states import events
from states.call import Call
from states.endpointing import pause_ms


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer fires ``event`` when ``due_ms(call, now_ms)``, in call time, has come.

    ``due_ms`` is asked once, when the timer starts.
    """

    event: type[events.Event]
    due_ms: Callable[[Call, float], float]


TIMERS: dict[str, Timer] = {
    "call_timer": Timer(events.CallTooLong, lambda call, now: now + call.settings.call_limit_ms),
    "call_over_timer": Timer(
        events.CallOver,
        lambda call, now: now + call.settings.call_limit_ms + call.settings.goodbye_ms,
    ),
    "warning_timer": Timer(
        events.TimeShort,
        lambda call, now: now + call.settings.call_limit_ms - call.settings.call_warning_ms,
    ),
    "idle_timer": Timer(events.CallerIdle, lambda call, now: now + call.settings.idle_ms),
    "turn_limit_timer": Timer(
        events.TurnTooLong, lambda call, now: now + call.settings.turn_limit_ms
    ),
    # The silence is the caller's: it began with their last sound, not with this state.
    "silence_timer": Timer(
        events.SilenceOver,
        lambda call, now: _since_voice_ms(call, now) + call.settings.silence_ms,
    ),
    "pause_timer": Timer(
        events.PauseOver,
        lambda call, now: (
            _since_voice_ms(call, now) + pause_ms(call.turn.judgement, call.habits, call.settings)
        ),
    ),
    "watchdog_timer": Timer(
        events.SttOverdue, lambda call, now: now + call.settings.stt_overdue_ms
    ),
    "hold_timer": Timer(events.HoldOver, lambda call, now: now + call.settings.hold_ms),
    "beep_timer": Timer(events.BeepOver, lambda call, now: now + call.settings.beep_ms),
    "protection_timer": Timer(
        events.ProtectionOver, lambda call, now: now + call.settings.greeting_protected_ms
    ),
    "digit_timer": Timer(events.DigitsOver, lambda call, now: now + call.settings.digit_ms),
    "noise_timer": Timer(events.NoiseOver, lambda call, now: now + call.settings.noise_ms),
    "reply_timer": Timer(events.ReplyLate, lambda call, now: now + call.settings.reply_ms),
    "floor_timer": Timer(events.FloorTaken, lambda call, now: now + call.settings.floor_ms),
    "false_alarm_timer": Timer(
        events.FalseAlarm, lambda call, now: now + call.settings.false_alarm_ms
    ),
    "stt_retry_timer": Timer(events.SttRetry, lambda call, now: now + call.settings.stt_retry_ms),
}


def _since_voice_ms(call: Call, now: float) -> float:
    """When the caller's last sound was; now, if words came without any."""
    voice_ended_ms = call.turn.voice_ended_ms
    return voice_ended_ms if voice_ended_ms > 0 else now
