"""Charts and calls with a bug in them, for the tests of what finds and tells of bugs."""

from __future__ import annotations

from pathlib import Path

from engine.chart import default_chart_path, load_chart
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Act, Answer, Scenario
from engine.vocabulary import VOCABULARY

HOLD = "          interrupted: # the agent has fallen silent: who has the floor?\n"
LONG_ANSWER = (
    "It left Memphis this morning. It should be with you on Thursday, before noon. "
    "Do you want me to change it?"
)
BARGE_IN = Scenario(
    says="The caller speaks over the agent.",
    caller=[
        Act(at=1.0, say="where is my parcel", during=1.2),
        Act(at=4.0, say="the other one for friday please", during=2.0),
    ],
    answers=[Answer(says=LONG_ANSWER)],
    ends_at=9.0,
)
"""Breaks L2 where the agent does not fall silent."""


def chart_that_talks_on(folder: Path) -> Path:
    """A chart on which the agent keeps talking when it is interrupted: ``hold_output`` is
    forgotten."""
    text = default_chart_path().read_text(encoding="utf-8")
    before, found, after = text.partition(HOLD)
    assert found
    path = folder / "call.yaml"
    path.write_text(
        before + found + after.replace("            enter: hold_output\n", "", 1), encoding="utf-8"
    )
    return path


def subject_that_talks_on(folder: Path) -> Subject:
    """The simulation's agent on that chart."""
    return Subject(load_chart(chart_that_talks_on(folder), VOCABULARY))


SMALL = Scenario(
    says="The caller speaks over the greeting.",
    caller=[Act(at=1.0, say="where")],
    greeting="Hello, this is the parcel desk. How can I help you today?",
    ends_at=2.0,
)
"""Breaks it as well, and is small already."""
