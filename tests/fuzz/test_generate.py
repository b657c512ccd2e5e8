"""The generation of calls: the same each time, about the subject, and as simple as can be."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from effects.playout import Playout
from effects.ports import ToolSpec
from engine.fuzzing.calls import fitting
from engine.fuzzing.corpus import scenario_to_keep
from engine.fuzzing.generate import generate
from engine.fuzzing.story import story
from engine.fuzzing.subject import Subject, default_subject
from engine.interpreter import Interpreter
from engine.simulation.scenario import Scenario
from engine.simulation.trace import Trace
from engine.simulation.world import Watch, agent_for, default_chart

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


@dataclass(frozen=True)
class Noted(Subject):
    """A subject that keeps the calls that are held with it."""

    calls: list[Scenario] = field(default_factory=list)

    def hold(self, scenario: Scenario, watch: Watch | None = None) -> Trace:
        self.calls.append(scenario)
        return super().hold(scenario, watch)


def generated(subject: Subject, seed: int = 0, examples: int = 12) -> list[Scenario]:
    """The calls that are generated for a subject."""
    noted = Noted(subject.chart, subject.agent, subject.tools)
    assert generate(noted, examples, seed=seed).calls == len(noted.calls) == examples
    return noted.calls


def test_the_same_calls_are_generated_each_time_unless_another_seed_is_asked_for() -> None:
    """Nobody is lucky in CI."""
    usual = generated(default_subject())
    assert generated(default_subject()) == usual
    assert generated(default_subject(), seed=1) != usual


def test_what_is_imported_does_not_change_the_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hypothesis draws numbers that it finds in modules beside; here it does not."""
    before = generated(default_subject(), examples=30)
    source = f"NUMBERS = {list(range(7, 2000, 7))}"
    (tmp_path / "full_of_numbers.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_numbers")
    assert generated(default_subject(), examples=30) == before


def test_what_was_reached_is_reported() -> None:
    """Calls, their time, pairs of a configuration and a point, and where a call was cancelled."""
    result = generate(default_subject(), 40)
    assert result.calls == 40
    assert result.simulated_s > 40
    assert result.pairs == len(result.reached) > 100
    assert any("speaking" in states for states, _ in result.reached)
    assert result.explored.calls == 40
    assert set() < result.explored.aborted <= result.explored.points
    assert str(result).startswith("40 generated calls, ")


def test_the_result_does_not_depend_on_how_many_processes_share_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing but the time it takes does. Each chunk has a seed of its own, and what they found
    is put together in their order."""
    monkeypatch.setattr("engine.fuzzing.generate.CHUNK", 10)
    monkeypatch.setattr(Playout, "heard", lambda playout: "")
    told: list[tuple[str, int, int]] = []

    def one_by_one(what: str, done: int, of: int) -> None:
        told.append((what, done, of))

    one = generate(default_subject(), 25, jobs=1, most_failures=9)
    two = generate(default_subject(), 25, jobs=2, progress=one_by_one, most_failures=9)
    assert str(one) == str(two)
    assert (one.calls, one.reached, one.explored) == (25, two.reached, two.explored)
    assert [(f.scenario, f.violations) for f in one.failures] == [
        (f.scenario, f.violations) for f in two.failures
    ]
    assert "L3" in one.failures[0].laws
    assert told[:3] == [("generated", 1, 3), ("generated", 2, 3), ("generated", 3, 3)]
    assert told[3][0] == "made small"


def test_the_tools_of_an_agent_are_asked_for_with_arguments_that_fit() -> None:
    """Scripted tools stand in for the agent's own; they change what those change, and are
    given what those want."""
    agent = agent_for(Scenario(says=""))
    scenarios = generated(Subject(default_chart(), agent, (BOOK,)), examples=40)
    asked = [answer.asks for one in scenarios for answer in one.answers if answer.asks]
    arguments = [asks.arguments for asks in asked if asks.tool == "book"]
    assert arguments
    assert all(given == fitting(BOOK.parameters) for given in arguments)
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


def test_different_failures_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug does not hide another that shows elsewhere, however often it shows itself."""
    close: Any = Interpreter.close

    async def unshielded(self: Interpreter, within_ms: float) -> int:
        await self._none_left()
        left: int = await close(self, within_ms)
        return left

    monkeypatch.setattr(Playout, "heard", lambda playout: "")
    monkeypatch.setattr(Interpreter, "close", unshielded)
    failures = generate(default_subject(), 60, most_failures=9).failures
    laws = [failure.laws[0] for failure in failures]
    assert {"L3", "L8"} <= set(laws)


def test_enough_failures_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """One, if one is enough; the calls before it are kept."""
    monkeypatch.setattr(Playout, "heard", lambda playout: "")
    result = generate(default_subject(), 100, most_failures=1)
    assert result.calls < 100
    assert [failure.laws[0] for failure in result.failures] == ["L3"]


def test_a_simulation_that_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on; the failure says what was raised, and is told as any other."""

    def never_ends(self: Subject, scenario: Scenario, watch: Watch | None = None) -> Trace:
        if scenario.caller:
            raise ExceptionGroup("", [trio.TooSlowError()])
        return hold(self, scenario, watch)

    hold = Subject.hold
    monkeypatch.setattr(Subject, "hold", never_ends)
    result = generate(default_subject(), 20)
    assert result.calls == 20
    assert [failure.laws for failure in result.failures] == [("crash-TooSlowError-never_ends",)]
    assert result.failures[0].scenario == Scenario(
        says="A generated call.", caller=result.failures[0].scenario.caller, ends_at=0.0
    )
    assert "raised" in story(result.failures[0])
    assert scenario_to_keep(result.failures[0]).expect.completed
