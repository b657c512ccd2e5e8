"""The laws of the floor, as independent observers of a call.

Each law looks at what crossed the line, at what the caller heard (read off the sound, whose
bytes are letters) and at what the journal says; never at the engine's variables. Each is a
function of a trace that returns the violations it finds.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.simulation.laws.floor import (
    false_alarms_cost_nothing,
    no_dead_air,
    one_voice,
    yields,
)
from engine.simulation.laws.order import bounded, chart_is_the_truth, clean_exits, isolated, once
from engine.simulation.laws.reading import Violation
from engine.simulation.laws.words import answered, heard_only, nothing_uncommitted
from engine.simulation.trace import Trace

__all__ = ["LAWS", "SENTENCES", "Violation", "check_laws"]

LAWS: dict[str, Callable[[Trace], list[Violation]]] = {
    "L1": one_voice,
    "L2": yields,
    "L3": heard_only,
    "L4": nothing_uncommitted,
    "L5": answered,
    "L6": no_dead_air,
    "L7": false_alarms_cost_nothing,
    "L8": clean_exits,
    "L9": once,
    "L10": chart_is_the_truth,
    "L11": isolated,
    "L12": bounded,
}

SENTENCES: dict[str, str] = {
    "L1": "One voice: never two replies in the air, and nothing of one that was given up.",
    "L2": "Yielding: the agent never talks over a caller for longer than the barge-in time.",
    "L3": "Heard only: history holds what the caller heard of the agent, not a word more or less.",
    "L4": "Nothing uncommitted: before its turn is taken up, nothing of a reply is spoken or done.",
    "L5": "An answer: every turn is answered, grows into a longer one, or ends with the call.",
    "L6": "No dead air: nobody waits in silence for longer than the settings say.",
    "L7": "False alarms cost nothing: after a cough or an echo the reply goes on there, once.",
    "L8": "Clean exits: what a state started is over when it is left; after the call nothing runs.",
    "L9": "Once: a side effect is done at most once, and what became of it is in the history.",
    "L10": "The chart is the truth: each transition is in the file, and a replay takes the same.",
    "L11": "Isolation: a call goes the same way whatever happens to the calls beside it.",
    "L12": "Bounded: every queue has a limit, and what is dropped is counted.",
}
"""What each law means, in a sentence."""


def check_laws(trace: Trace) -> list[Violation]:
    """All violations of the laws in one call, in the order of the laws."""
    return [violation for law in LAWS.values() for violation in law(trace)]
