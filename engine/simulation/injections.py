"""What an injection does to a call: the cause of an event, at one very moment.

Nothing is put on the chart from outside. A key is pressed on the line, a timer is woken by its
own clock, a provider fails wherever it is waiting: what follows is the engine's own doing, so
the laws hold of it as of any other call.

Some timers are left alone. ``barge_in_timer``, ``retract_timer``, ``backchannel_timer`` and
``talk_over_timer`` count the caller's voice, not the clock: fired early, the agent would fall
silent for nothing, which L7 rightly calls wrong. A sound that lasts as long makes them fire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import trio

from effects.ports import Dtmf, Stop
from engine.session import LiveCall
from engine.simulation.line import Line
from engine.simulation.scenario import Does, Injection
from engine.simulation.services import TROUBLES, Services
from states.events import event_name
from states.timers import TIMERS

WORD_S = 0.3
"""How long each word of what is said lasts."""

NODS = "yeah yeah yeah yeah yeah"

Cause = tuple[Does, str]
"""What an injection does, and to what."""

ANY_TOOL = "tool:"
"""Stands for whatever tool is running."""

LINE: tuple[Cause, ...] = (
    ("cancel", ""),
    ("hang_up", ""),
    ("press", "5"),
    ("press", "#"),
    ("sound", "0.5"),
    ("sound", "1.2"),
    ("say", "stop"),
    ("say", "yeah"),
    ("say", NODS),
    ("say", "where is my parcel"),
)
"""What can happen at any moment: a key, a cough and a long noise, words that claim the floor, a
backchannel and a long one, a question."""

CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        "hung_up": ("hang_up", ""),
        "dtmf": ("press", "5"),
        "speech_started": ("sound", "0.5"),
        "speech_ended": ("sound", "0.5"),
        "overlap_held": ("sound", "1.2"),
        "backchannel_held": ("say", NODS),
        "transcript": ("say", "stop"),
        "turn_foreseen": ("finish", "judge"),
        "turn_judged": ("finish", "judge"),
        "stt_failed": ("lost", "recogniser"),
        "reply_failed": ("lost", "mind"),
        "voice_failed": ("lost", "voice"),
        "tool_settled": ("finish", ANY_TOOL),
        "end_asked": ("finish", ANY_TOOL),
        "transfer_asked": ("finish", ANY_TOOL),
        "transferred": ("finish", "transfer"),
        "transfer_failed": ("lost", "transfer"),
        **{event_name(one.event.__name__): ("fire", name) for name, one in TIMERS.items()},
    }
)
"""The injection that causes each event that comes from outside or from an effect."""

UNCAUSED: Mapping[str, str] = MappingProxyType(
    {
        "answered": "every call begins with it, once",
        "audio_started": "it reports what was played",
        "played_out": "it reports what was played",
        "output_held": "it reports what was played",
    }
)
"""The events that no injection causes at once, and why not."""


def possible(timers: Iterable[str], serving: Iterable[str]) -> tuple[Cause, ...]:
    """What can be injected while these timers run and these providers serve somebody."""
    return (
        *LINE,
        *(("fire", name) for name in timers),
        *((trouble, who) for who in serving for trouble in TROUBLES),
    )


class Hand:
    """Carries out the injections of one call, when it has taken it; cancelling ``scope`` cancels
    the call."""

    def __init__(self, line: Line, services: Services, scope: trio.CancelScope) -> None:
        self._line, self._services, self._scope = line, services, scope
        self._call: LiveCall | None = None

    def take(self, call: LiveCall) -> None:
        """It is held now."""
        self._call = call

    def perform(self, injection: Injection) -> bool:
        """Do it, now; False if there was nothing to act upon. Never waits."""
        does, what = injection.does, injection.what
        match does:
            case "fire":
                return self._call is not None and self._call.hasten(what)
            case "timeout" | "refused" | "lost" | "bug" | "stall" | "finish":
                return self._services.strike(what, does)
        if self._line.is_over:
            return False
        match does:
            case "cancel":
                self._scope.cancel()
            case "hang_up":
                self._line.arrive(Stop("the caller hung up"))
            case "press":
                self._line.arrive(Dtmf(what))
            case "sound":
                return self._line.make_sound("", float(what))
            case "say":
                return self._line.make_sound(what, WORD_S * len(what.split()))
        return True
