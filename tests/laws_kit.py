"""What the tests of the laws share: calls as they should be, and ways to plant a bug."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.chart import default_chart_path, parse_chart
from engine.simulation.laws import check_laws
from engine.simulation.scenario import (
    Act,
    Answer,
    Scenario,
)
from engine.simulation.trace import Trace
from engine.simulation.world import simulate
from engine.vocabulary import VOCABULARY

LONG = "It left Memphis this morning. It should be with you on Thursday, before noon."
PLAIN = Scenario(
    says="A question and its answer.",
    caller=[Act(at=2.0, say="where is my parcel", during=1.2)],
    answers=[Answer(to="parcel", says=LONG)],
    ends_at=12,
)
BARGE_IN = msgspec.structs.replace(
    PLAIN, caller=[*PLAIN.caller, Act(at=5.0, say="the other one for friday please", during=1.8)]
)
NOISE = msgspec.structs.replace(
    PLAIN, caller=[*PLAIN.caller, Act(at=5.0, sound=True, during=0.9)], ends_at=16
)


def fired(trace: Trace) -> set[str]:
    return {violation.law for violation in check_laws(trace)}


def on_chart(before: str, after: str) -> Callable[[Scenario], Trace]:
    """Simulate on the shipped chart with one piece of its text changed."""
    text = default_chart_path().read_text(encoding="utf-8")
    assert before in text
    chart = parse_chart(text.replace(before, after, 1), "planted.yaml", VOCABULARY)
    return lambda scenario: simulate(scenario, chart)
