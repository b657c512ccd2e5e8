"""A few short calls to begin with, for those who have no scenarios of their own."""

from __future__ import annotations

from engine.simulation.scenario import Act, Answer, Asks, Scenario, ScriptedTool

ANSWER = Answer(
    says="It left Memphis this morning. It should be with you on Thursday, before noon."
)
QUESTION = Act(at=1.5, say="where is my parcel", during=1.2)

BASE_CALLS: tuple[tuple[str, Scenario], ...] = (
    (
        "a question and an answer",
        Scenario(says="A question is answered.", caller=[QUESTION], answers=[ANSWER], ends_at=9),
    ),
    (
        "a barge-in",
        Scenario(
            says="The caller speaks over the agent, which falls silent and answers anew.",
            caller=[QUESTION, Act(at=4.5, say="the other one for friday please", during=1.6)],
            answers=[Answer(to="friday", says="Friday it is."), ANSWER],
            ends_at=9,
        ),
    ),
    (
        "a false alarm",
        Scenario(
            says="A cough stops the agent; it goes on where it stopped.",
            caller=[QUESTION, Act(at=4.5, sound=True, during=0.9)],
            answers=[ANSWER],
            ends_at=11,
        ),
    ),
    (
        "a longer turn",
        Scenario(
            says="The caller pauses and goes on before the answer is heard: one longer turn.",
            caller=[QUESTION, Act(at=3.0, say="the one from tuesday", during=1.0)],
            answers=[ANSWER],
            ends_at=10,
        ),
    ),
    (
        "a tool",
        Scenario(
            says="The agent looks something up, and then changes something.",
            caller=[QUESTION, Act(at=7.0, say="change the date please", during=1.0)],
            answers=[
                Answer(to="date", says="It is done.", asks=Asks(tool="change")),
                Answer(says="It is in Memphis.", before="One second.", asks=Asks(tool="look")),
            ],
            tools=[
                ScriptedTool(name="look", returns={"at": "Memphis"}, takes=0.5),
                ScriptedTool(name="change", returns={"done": True}, changes=True),
            ],
            ends_at=12,
        ),
    ),
    (
        "keys",
        Scenario(
            says="The caller dials a number over the greeting.",
            caller=[Act(at=0.2, press="4"), Act(at=0.6, press="7"), Act(at=1.0, press="#")],
            answers=[Answer(says="Thank you.")],
            ends_at=5,
        ),
    ),
    (
        "silence",
        Scenario(says="A silent caller is prompted, and let go in the end.", ends_at=60),
    ),
    (
        "hanging up in mid-reply",
        Scenario(
            says="The caller hangs up while the agent speaks.",
            caller=[QUESTION, Act(at=5.0, hang_up=True)],
            answers=[ANSWER],
        ),
    ),
)
"""Each with its name."""
