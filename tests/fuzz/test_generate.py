"""The generation of calls: the same each time, about the subject, and as simple as can be."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from effects.playout import Playout
from effects.ports import ToolSpec
from engine.fuzzing.calls import fitting
from engine.fuzzing.generate import NewSteps, generate
from engine.fuzzing.simplify import simplify
from engine.fuzzing.subject import Subject, default_subject
from engine.interpreter import Interpreter
from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Injection,
    Scenario,
    ScriptedTool,
    Voice,
    Wire,
)
from engine.simulation.trace import Trace
from engine.simulation.world import agent_for, default_chart, simulate
from states.settings import Settings

BOOK = ToolSpec(
    name="book",
    description="Book a table.",
    parameters={
        "type": "object",
        "properties": {
            "day": {"type": "string", "enum": ["monday", "friday"]},
            "guests": {"type": "integer"},
            "name": {"type": "string"},
            "terrace": {"type": "boolean"},
        },
        "required": ["day", "guests", "name", "terrace"],
    },
    changes=True,
    timeout_ms=3000,
    holding="I am asking the kitchen.",
)


class Listener:
    """A novelty that finds nothing new, and keeps what it is shown."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []

    def __call__(self, trace: Trace) -> int:
        self.traces.append(trace)
        return 0


def generated(subject: Subject, seed: int = 0, examples: int = 12) -> list[Scenario]:
    """The calls that are generated for a subject."""
    listener = Listener()
    report = generate(subject, examples, seed=seed, novelty=listener)
    assert report.calls == len(listener.traces) == examples
    assert report.simulated_s == pytest.approx(sum(t.closed_ms for t in listener.traces) / 1000)
    return [trace.scenario for trace in listener.traces]


def test_the_same_calls_are_generated_each_time_unless_another_seed_is_asked_for() -> None:
    """Nobody is lucky in CI."""
    usual = generated(default_subject())
    assert generated(default_subject()) == usual
    assert generated(default_subject(), seed=1) != usual


def test_the_tools_of_an_agent_are_asked_for_with_arguments_that_fit() -> None:
    """Scripted tools stand in for the agent's own; they change what those change, and are
    given what those want."""
    agent = agent_for(Scenario(says=""))
    scenarios = generated(Subject(default_chart(), agent, (BOOK,)), examples=40)
    asked = [answer.asks for one in scenarios for answer in one.answers if answer.asks]
    assert Asks(tool="book", arguments=fitting(BOOK.parameters)) in asked
    assert {asks.tool for asks in asked} <= {"book", "nobody_knows"}
    tools = [tool for one in scenarios for tool in one.tools]
    assert tools
    assert {(tool.name, tool.changes, tool.holding) for tool in tools} == {
        ("book", True, "I am asking the kitchen.")
    }


def test_arguments_fit_a_simple_schema() -> None:
    """Required fields are given, of the kind that is wanted; an unknown schema gets nothing."""
    arguments = fitting(BOOK.parameters)
    assert arguments == {"day": "monday", "guests": 1, "name": "friday", "terrace": True}
    assert fitting({}) == {}


def test_time_that_is_up_ends_the_search() -> None:
    """No call is begun any more."""
    assert generate(default_subject(), 50, seconds=0.0).calls == 0


def test_different_failures_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each set of laws that is broken is reported once."""
    usual: Any = Playout.__init__

    def hasty(self: Playout, carrier: Any, settings: Any, *rest: Any) -> None:
        usual(self, carrier, replace(settings, lead_ms=settings.lead_ms * 3), *rest)

    async def forgetful(self: Interpreter, within_ms: float) -> int:
        return 3

    monkeypatch.setattr(Playout, "__init__", hasty)
    monkeypatch.setattr(Interpreter, "close", forgetful)
    failures = generate(default_subject(), 30, most_failures=2).failures
    laws = [failure.laws for failure in failures]
    assert len(laws) == len(set(laws)) == 2


def test_what_was_seen_before_is_not_new() -> None:
    """The same call again shows nothing."""
    novelty = NewSteps()
    trace = simulate(Scenario(says="", ends_at=2.0))
    assert novelty(trace) > 0
    assert novelty(trace) == 0


def test_a_call_is_simplified_to_what_it_fails_by() -> None:
    """What does not matter goes, however much of it there is; moments become round."""
    scenario = Scenario(
        says="",
        caller=[Act(at=1.23, say="no wait", late=0.5, during=0.77), Act(at=3.0, press="1")],
        answers=[Answer(says="Yes.", first_token=5.0)],
        voice=Voice(first_byte=0.3, midway=2.0),
        wire=Wire(lag=0.06),
        tools=[ScriptedTool(name="look", takes=4.0)],
        settings=Settings(idle_ms=2000, reply_ms=3000),
        injections=[Injection(step=5)],
        rotations={3: 1},
        ends_at=7.1,
    )

    def fails(one: Scenario) -> bool:
        says = any(act.say for act in one.caller)
        return says and one.voice.midway > 0 and one.settings.reply_ms == 3000

    simple = simplify(scenario, fails)
    assert simple == Scenario(
        says="",
        caller=[Act(at=1.2, say="no wait")],
        voice=Voice(midway=2.0),
        settings=Settings(reply_ms=3000),
        ends_at=8.0,
    )


def test_what_can_only_go_if_something_moves_goes() -> None:
    """A slow answer is not needed to speak before it, if one speaks sooner."""
    scenario = Scenario(says="", caller=[Act(at=3.0, lose=0.5)], answers=[Answer(first_token=1.3)])

    def fails(one: Scenario) -> bool:
        slowly = any(answer.first_token > 1 for answer in one.answers)
        return any(act.lose and act.at <= (3.0 if slowly else 2.2) for act in one.caller)

    assert simplify(scenario, fails) == Scenario(says="", caller=[Act(at=2.2, lose=0.5)])
