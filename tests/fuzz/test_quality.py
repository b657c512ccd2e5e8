"""What the fuzzer makes of a bug: the smallest call that shows it, and nothing else in it.

Each bug is planted at run time in the real engine.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from effects.playout import Playout
from engine import plans
from engine.chart import default_chart_path, load_chart
from engine.fuzzing.failure import Failure
from engine.fuzzing.generate import generate
from engine.fuzzing.subject import Subject
from engine.interpreter import Interpreter
from engine.simulation.scenario import Act, Injection, Scenario
from engine.vocabulary import ACTIONS, VOCABULARY
from states.actions import Commands, retract_turn
from states.call import Call
from states.events import Event

EXAMPLES = 300
QUESTION = Act(at=1.0, say="where is my parcel")


def found() -> Failure:
    """The first failure that is found, shrunk. The chart is loaded with the bug in it."""
    subject = Subject(load_chart(default_chart_path(), VOCABULARY))  # no plans of it are known
    failures = generate(subject, EXAMPLES, most_failures=1).failures
    assert failures, "nothing was found"
    return failures[0]


def call(*caller: Act, ends_at: float) -> Scenario:
    """A call in which nothing is unusual."""
    return Scenario(says="A generated call.", caller=list(caller), ends_at=ends_at)


def test_a_clear_that_is_forgotten_is_a_question_and_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is in the carrier's buffer is heard although the caller speaks."""
    silence = Playout._silence

    def forget(self: Playout) -> object:
        self._carrier.send_clear = lambda: None  # type: ignore[method-assign]
        return silence(self)

    monkeypatch.setattr(Playout, "_silence", forget)
    failure = found()
    assert "L2" in failure.laws
    assert failure.scenario == call(QUESTION, Act(at=2.4, sound=True), ends_at=4.0)


def test_words_that_are_lost_are_a_question_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller goes on with their question, and its beginning is forgotten."""

    def lose(call: Call, event: Event) -> Commands:
        commands = retract_turn(call, event)
        call.turn.segments.clear()
        return commands

    monkeypatch.setattr(plans, "ACTIONS", {**ACTIONS, "retract_turn": lose})
    failure = found()
    assert failure.laws == ("L5",)
    assert failure.scenario == call(QUESTION, Act(at=2.3, say="no"), ends_at=4.0)


def test_a_close_that_is_not_shielded_is_a_cancelled_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes the service to cancel the call as soon as it is held, and nothing more."""
    close = Interpreter.close

    async def unshielded(self: Interpreter, within_ms: float) -> int:
        await self._none_left()
        return await close(self, within_ms)

    monkeypatch.setattr(Interpreter, "close", unshielded)
    failure = found()
    assert failure.laws == ("L8",)
    assert failure.scenario == replace(call(ends_at=0.0), injections=[Injection(step=3)])
