"""The names a chart may use, bound to the functions they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType

from engine.chart import Vocabulary
from states import actions, guards
from states.actions import Commands
from states.call import Call
from states.events import EVENTS, Event
from states.timers import TIMERS

Guard = Callable[[Call, Event], bool]
Action = Callable[[Call, Event], Commands]

PERFORMED = (
    "hear",
    "play",
    "transcribe",
    "judge_turn",
    "acknowledge",
    "barge_in_timer",
    "backchannel_timer",
    "compose",
    "speak",
    "recite",
)
"""The effects that are coroutines of :mod:`effects`; all others are plain timers."""


def _public_functions(module: ModuleType) -> dict[str, Callable[..., object]]:
    return {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


GUARDS: Mapping[str, Guard] = MappingProxyType(_public_functions(guards))  # type: ignore[arg-type]
ACTIONS: Mapping[str, Action] = MappingProxyType(_public_functions(actions))  # type: ignore[arg-type]

VOCABULARY = Vocabulary(
    events=tuple(EVENTS),
    guards=tuple(GUARDS),
    actions=tuple(ACTIONS),
    effects=(*PERFORMED, *TIMERS),
)
