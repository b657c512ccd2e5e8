"""The names a chart may use, bound to the functions they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, cast

from effects.acknowledge import acknowledge, reassure
from effects.compose import compose
from effects.hear import hear
from effects.judge import foresee, judge_turn
from effects.speak import recite, speak
from effects.stage import Effect, Emit, Stage
from effects.synthesize import synthesize
from effects.timers import (
    backchannel_timer,
    barge_in_timer,
    retract_timer,
    talk_over_timer,
)
from effects.transcribe import transcribe
from effects.transfer import transfer
from engine.chart import Vocabulary
from states import actions, guards, lines
from states.actions import Commands
from states.call import Call
from states.events import EVENTS, Event
from states.timers import TIMERS

Guard = Callable[[Call, Event], bool]
Action = Callable[[Call, Event], Commands]


def _play(stage: Stage, emit: Emit) -> Coroutine[Any, Any, None]:
    return stage.playout.run(emit, stage.settled)


def _public_functions(module: ModuleType) -> dict[str, Callable[..., object]]:
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


GUARDS = cast(Mapping[str, Guard], MappingProxyType(_public_functions(guards)))
ACTIONS = cast(
    Mapping[str, Action],
    MappingProxyType({**_public_functions(actions), **_public_functions(lines)}),
)
EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "hear": hear,
        "play": _play,
        "transcribe": transcribe,
        "judge_turn": judge_turn,
        "foresee": foresee,
        "acknowledge": acknowledge,
        "reassure": reassure,
        "transfer": transfer,
        "barge_in_timer": barge_in_timer,
        "retract_timer": retract_timer,
        "backchannel_timer": backchannel_timer,
        "talk_over_timer": talk_over_timer,
        "compose": compose,
        "synthesize": synthesize,
        "speak": speak,
        "recite": recite,
    }
)

VOCABULARY = Vocabulary(
    events=tuple(EVENTS),
    guards=tuple(GUARDS),
    actions=tuple(ACTIONS),
    effects=(*EFFECTS, *TIMERS),
)
