"""Where events come from: which effect emits which, and which action raises which.

The checker needs to know this without running anything, so it is declared here, beside
nothing else, and tests hold the declarations to the code of effects/ and states/.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.chart import Chart
from states.events import event_name
from states.timers import TIMERS

EMITS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hear": ("speech_started", "speech_ended", "dtmf", "hung_up"),
        "play": ("audio_started", "played_out"),
        "transcribe": ("transcript", "stt_failed"),
        "judge_turn": ("turn_judged",),
        "foresee": ("turn_foreseen",),
        "acknowledge": (),
        "reassure": (),
        "transfer": ("transferred", "transfer_failed"),
        "barge_in_timer": ("overlap_held",),
        "retract_timer": ("overlap_held",),
        "backchannel_timer": ("backchannel_held",),
        "talk_over_timer": ("overlap_held",),
        "compose": ("tool_settled", "reply_failed"),
        "synthesize": (),
        "speak": ("output_held", "voice_failed"),
        "recite": ("output_held", "voice_failed"),
        **{name: (event_name(timer.event.__name__),) for name, timer in TIMERS.items()},
    }
)
"""The events an effect can emit while it runs."""

LAST_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "transcribe": "stt_failed",
        "judge_turn": "turn_judged",
        "foresee": "turn_foreseen",
        "barge_in_timer": "overlap_held",
        "retract_timer": "overlap_held",
        "backchannel_timer": "backchannel_held",
        "talk_over_timer": "overlap_held",
        "compose": "reply_failed",
        "speak": "voice_failed",
        "recite": "voice_failed",
        **{name: event_name(timer.event.__name__) for name, timer in TIMERS.items()},
    }
)
"""The event after which an effect is over, and emits nothing until its state is entered anew."""

ENDS_IN_TIME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"transfer": ("transferred", "transfer_failed")}
)
"""Effects other than timers that are bound to end in a time of their own, with one of these."""

ENGINE_EMITS = frozenset(
    {"answered", "hung_up", "output_held", "tool_settled", "end_asked", "transfer_asked"}
)
"""What comes from no effect: the call is answered, or is over before `hear` runs; the
interpreter reports what a silenced reply left heard; an errand settles its tool, which may ask
for the end of the call or for a transfer."""

VOICES = ("speak", "recite")
"""The effects that give `play` something to play."""

RAISES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "note_words": (
            ("words_changed",),
            ("words_changed", "words_settled"),
            ("words_settled",),
            (),
        ),
        "settle_words": (("words_settled",),),
        "commit_turn": (("committed",),),
        "retract_turn": (("abandoned",),),
        "yield_floor": (("abandoned",),),
        "greet": (("say",),),
        "prompt_caller": (("say",),),
        "say_missed": (("say",),),
        "apologise": (("say",),),
        "say_goodbye": (("say",),),
        "say_too_long": (("say",),),
        "go_deaf": (("say",), ()),
        "grant_hold": (("say",),),
        "leave_message": (("say",),),
        "say_transfer_failed": (("say",),),
        "say_warning": (("say",),),
        "change_mind": (("mind_changed",),),
    }
)
"""What an action may raise, in order, as alternatives. An action that is not here raises
nothing."""

HOLDS: Mapping[str, bool] = MappingProxyType(
    {
        "hold_output": True,
        "release_output": False,
        "discard_output": False,
        "retract_turn": False,
        "yield_floor": False,
    }
)
"""Whether the output is held after an action. An action that is not here leaves it as it is."""

DISCARDS = frozenset({"discard_output", "retract_turn", "yield_floor"})
"""The actions that throw away the reply that is in the air."""


NOT_THE_LAST = frozenset({"keep_waiting"})
"""The actions by which an effect goes on although it has said its last word."""

GOES_ON = frozenset({"change_voice"})
"""The actions after which a voice that begins goes on with the reply that is in the air."""


def actions_of(chart: Chart) -> dict[str, int]:
    """The actions a chart uses, each with the line where it does so first."""
    lines: dict[str, int] = {}
    for state in chart.states.values():
        for name in (*state.enter, *state.exit):
            lines.setdefault(name, state.line)
    for transition in chart.transitions:
        for name in transition.on:
            lines.setdefault(name, transition.line)
    return lines


def effects_of(chart: Chart) -> dict[str, int]:
    """The effects a chart uses, each with the line of the first state that runs it."""
    lines: dict[str, int] = {}
    for state in chart.states.values():
        for name in state.invoke:
            lines.setdefault(name, state.line)
    return lines


def raised_by(action: str) -> tuple[str, ...]:
    """Every event that an action may raise."""
    alternatives = RAISES.get(action, ())
    return tuple(dict.fromkeys(event for events in alternatives for event in events))


def raised_events(chart: Chart) -> set[str]:
    """Every event that some action of a chart may raise."""
    return {event for action in actions_of(chart) for event in raised_by(action)}
