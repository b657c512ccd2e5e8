"""The laws of the floor, as independent observers of a call.

Each law looks at what crossed the line, at what the caller heard (read off the sound, whose
bytes are letters) and at what the journal says; never at the engine's variables. Each is a
function of a trace that returns the violations it finds. L11 compares two traces, so it stands
apart (:func:`~engine.simulation.laws.order.isolated`).
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

__all__ = ["LAWS", "Violation", "check_laws", "isolated"]

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
    "L12": bounded,
}


def check_laws(trace: Trace) -> list[Violation]:
    """All violations of the laws in one call, in the order of the laws."""
    return [violation for law in LAWS.values() for violation in law(trace)]
