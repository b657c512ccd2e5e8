"""Hypothesis strategies for whole calls, as plain data that shrinks well.

The first of the values to choose from is always the usual one, so that a failure shrinks to a
call in which everything is as usual but what matters. Times are multiples of 10 ms.
"""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Fault,
    Injection,
    Judge,
    Recognition,
    Scenario,
    ScriptedTool,
    Voice,
    Wire,
)
from states.settings import Settings

T = TypeVar("T")

UTTERANCES = (
    "yeah",
    "stop",
    "where is my parcel",
    "yes i do",
    "i want to",
    "change the date to friday please",
    "uh huh",
    "no wait",
    "hang on a second",
    "please leave a message after the tone",
    "it left memphis this morning",
    "do you want it",
    "thank you goodbye",
)
"""Two of them are what the agent says: its own voice that comes back."""

ANSWERS = (
    "It left Memphis this morning. It should be with you on Thursday, before noon.",
    "Well, let me see, that would be the one from Tuesday; it is on its way, and should reach "
    "you tomorrow. Do you want me to change it?",
    "It left Memphis this morning.",
    "It left Memphis. <must>Please keep your passport ready.</must> Do you want it today?",
    "Do you want it?",
    "Yes.",
    "",
    "It is <key>order 4711</key>, and it comes <key>at 2:30 pm</key>. I hope that this helps.",
    "It left Memphis. <must>Please keep your passport ready.</must>",
    "<must>This call is recorded.</must> That is $5.20, or **12 items** at 40 cents.",
)
ASKS = (
    Asks(tool="change", arguments={"to": "friday"}),
    Asks(tool="look"),
    Asks(tool="finish"),
    Asks(tool="pass_on"),
    Asks(tool="look", times=2, broken=1),
    Asks(tool="change", times=2, broken=2),
    Asks(tool="look", times=5),
    Asks(tool="nobody_knows"),
)
FAULTS: tuple[Fault | None, ...] = (None, "timeout", "refused", "lost")
STEPS = 2000
"""A busy call has about as many task steps."""


def usually(usual: T, *others: T) -> SearchStrategy[T]:
    """Mostly the usual value, sometimes another."""
    return st.sampled_from([usual] * max(3, len(others)) + list(others))


def tenths(first: int, last: int) -> SearchStrategy[float]:
    """Seconds, as a multiple of 10 ms."""
    return st.integers(first, last).map(lambda hundredths: hundredths / 100)


GAPS = st.one_of(tenths(0, 60), tenths(0, 100), tenths(0, 200), tenths(0, 400), tenths(0, 1100))
LENGTHS = st.one_of(tenths(4, 60), tenths(4, 60), tenths(60, 250))


@st.composite
def callers(draw: DrawFn) -> tuple[list[Act], float]:
    """What the caller does, one thing after another, and when they hang up at the latest."""
    acts, at = [], 0.0
    if draw(usually(True, False)):  # most calls begin with a question, so that there is a reply
        at = draw(tenths(0, 200))
        acts.append(Act(at=at, say="where is my parcel", during=draw(LENGTHS)))
        at = round(at + acts[0].during, 2)
    for _ in range(draw(st.integers(0, 6))):
        at = round(at + draw(GAPS), 2)
        kind = draw(st.sampled_from(("say", "sound", "say", "sound", "say", "press", "lose")))
        during = draw(LENGTHS)
        if kind == "say":
            acts.append(Act(at=at, say=draw(st.sampled_from(UTTERANCES)), during=during))
        elif kind == "sound":
            acts.append(Act(at=at, sound=True, during=during))
        elif kind == "press":
            acts.append(Act(at=at, press=draw(st.sampled_from("1#"))))
            during = 0.0
        else:
            acts.append(Act(at=max(0.0, round(at - during, 2)), lose=draw(tenths(5, 250))))
        at = round(at + during, 2)
    return acts, round(at + draw(st.one_of(tenths(5, 300), tenths(5, 3000))), 2)


def usually_as(usual: T, other: SearchStrategy[T]) -> SearchStrategy[T]:
    """As usual in half of the calls."""
    return st.one_of(st.just(usual), other)


MIND_TROUBLES: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "first_token": usually(0.15, 0.0, 0.4, 1.3, 1.6, 5.0, 7.0, 13.0),
        "word_every": usually(0.02, 0.0, 0.1, 0.4),
        "fault": usually(*FAULTS),
        "fault_after_words": st.integers(0, 6),
        "stalls": usually(False, True),
        "ignores_cancel": usually(0.0, 0.05, 2.0),
    }
)


@st.composite
def answers(draw: DrawFn) -> Answer:
    """How the language model answers."""
    return Answer(
        to=draw(st.sampled_from(("", "parcel", "", "date", "stop", "goodbye"))),
        says=draw(st.sampled_from(ANSWERS)),
        before=draw(usually("", "One second, I am looking.")),
        asks=draw(usually(None, *ASKS)),
        times=draw(usually(1_000_000, 1)),
        **draw(usually_as({}, MIND_TROUBLES)),
    )


VOICES = st.builds(
    Voice,
    first_byte=usually(0.08, 0.0, 0.3, 1.2, 4.0, 6.0),
    midway=usually(0.0, 0.3, 2.0, 6.0),
    fault=usually(*FAULTS),
    fault_on=usually("", "morning", "Thursday", "Sorry"),
    fault_midway=st.booleans(),
    fault_times=usually(1_000_000, 1),
    stalls=usually(False, True),
    ignores_cancel=usually(0.0, 0.05, 2.0),
)
RECOGNITIONS = st.builds(
    Recognition,
    lag=usually(0.1, 0.0, 0.5),
    partial_every=usually(0.25, 0.1, 1.0),
    final_after=usually(0.1, 0.0, 0.4, 1.5, 3.0),
    partials=usually(True, False),
    gated=st.booleans(),
    connects=usually(0.0, 1.0, 5.0),
    deaf=usually(False, True),
    eager=usually(False, True),
    fault=usually(*FAULTS),
    fault_at=tenths(0, 1000),
    fault_times=usually(1, 2, 5),
    stuck_at=tenths(0, 1000),
    stuck_for=usually(0.0, 1.0, 15.0),
    endpoints=usually(False, True),
    ignores_cancel=usually(0.0, 0.05, 2.0),
)
WIRES = st.builds(
    Wire,
    lag=usually(0.0, 0.02, 0.06, 0.12),
    jitter=usually(0.0, 0.03, 0.08),
    loses_marks=usually(False, True),
    frame_ms=usually(20, 30, 60),
    hang_up_takes=usually(0.0, 1.0, 60.0),
    transfer_takes=usually(0.5, 0.0, 30.0),
    transfer_fault=usually(*FAULTS),
    outbound=usually(False, True),
)
TOOL: SearchStrategy[dict[str, Any]] = usually_as(
    {},
    st.fixed_dictionaries(
        {
            "takes": usually(0.1, 0.0, 1.0, 4.0, 9.0, 16.0),
            "timeout": usually(20.0, 5.0, 0.5),
            "holding": usually("", "I am asking the depot."),
            "fault": usually(*FAULTS),
            "ignores_cancel": usually(0.0, 2.0),
        }
    ),
)
TOOLS = st.builds(
    lambda look, survives, change, finish, pass_on: [
        ScriptedTool(name="look", returns={"at": "Memphis"}, survives=survives, **look),
        ScriptedTool(name="change", returns={"done": True}, changes=True, **change),
        ScriptedTool(name="finish", changes=True, ends_call=True, **finish),
        ScriptedTool(name="pass_on", changes=True, transfers_to="+15550199", **pass_on),
    ],
    TOOL,
    st.booleans(),
    TOOL,
    TOOL,
    TOOL,
)
SETTINGS = st.builds(
    Settings,
    call_limit_ms=usually(1_800_000, 5000, 12_000),
    goodbye_ms=usually(15_000, 1000),
    idle_ms=usually(8000, 2000),
    draft_limit=usually(4, 0, 1),
    acknowledge_ms=usually(1500, 300),
    turn_limit_ms=usually(60_000, 1500, 3000),
    stt_retry_limit=usually(3, 0),
    apology_limit=usually(3, 0, 1),
    lead_ms=usually(200, 400),
    reply_ms=usually(12_000, 3000),
    false_alarm_ms=usually(700, 50),
    early_answer_ms=usually(1500, 1),
    missed_ms=usually(400, 10_000),
    retract_ms=usually(400, 100, 2000),
    greeting_protected_ms=usually(0, 100, 2000),
    call_warning_ms=usually(60_000, 1000, 4000),
    hold_ms=usually(60_000, 2000),
    stable_partials=usually(3, 1),
    stt_overdue_ms=usually(700, 50),
    reassure_ms=usually(4000, 500),
)
INJECTIONS = st.lists(
    st.one_of(
        st.builds(Injection, step=st.integers(1, STEPS), does=st.just("cancel")),
        st.builds(Injection, step=st.integers(1, STEPS), does=st.just("hang_up")),
        st.builds(
            Injection,
            step=st.integers(1, STEPS),
            does=st.just("press"),
            what=st.sampled_from("5#"),
        ),
    ),
    max_size=2,
)
ROTATIONS = st.dictionaries(st.integers(1, 500), st.integers(1, 3), max_size=3)


@st.composite
def calls(draw: DrawFn) -> Scenario:
    """A whole call."""
    caller, ends_at = draw(callers())
    parts: dict[str, SearchStrategy[Any]] = {
        "answers": st.lists(answers(), min_size=1, max_size=3),
        "voice": usually_as(Voice(), VOICES),
        "recognition": usually_as(Recognition(), RECOGNITIONS),
        "judge": st.builds(
            Judge, takes=usually(0.0, 0.1, 2.0), by_words=st.booleans(), fault=usually(*FAULTS)
        ),
        "wire": usually_as(Wire(), WIRES),
        "greeting": usually("Hello.", "Hello, this is the parcel desk. How can I help you today?"),
        "incomplete": usually([], ["i want to"], list(UTTERANCES)),
        "phrases_rendered": usually(True, False),
        "settings": usually_as(Settings(), SETTINGS),
        "injections": usually_as([], INJECTIONS),
        "rotations": usually_as({}, ROTATIONS),
    }
    drawn = {name: draw(strategy) for name, strategy in parts.items()}
    tools = draw(TOOLS) if any(answer.asks for answer in drawn["answers"]) else []
    return Scenario(says="A generated call.", caller=caller, ends_at=ends_at, tools=tools, **drawn)
