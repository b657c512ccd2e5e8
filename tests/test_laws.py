"""Each law sees its violation: a bug is planted in the real engine, and the law must fire.

An oracle that cannot fail proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import trio

from effects import acknowledge, tools
from effects.ears import Ears
from effects.playout import Playout, Silenced
from effects.stage import Stage
from engine import journal
from engine.interpreter import Interpreter
from engine.simulation.laws import LAWS, check_laws
from engine.simulation.laws.order import isolated
from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Injection,
    Recognition,
    Scenario,
    ScriptedTool,
    Voice,
)
from engine.simulation.trace import Trace
from engine.simulation.world import simulate
from states import actions
from states.call import Line
from states.settings import Settings
from tests.laws_kit import BARGE_IN, LONG, NOISE, PLAIN, fired, on_chart


@pytest.mark.parametrize("scenario", [PLAIN, BARGE_IN, NOISE], ids=["plain", "barge-in", "noise"])
def test_all_laws_are_silent_on_a_call_as_it_should_be(scenario: Scenario) -> None:
    """What is right is not called wrong."""
    assert check_laws(simulate(scenario)) == []


def test_every_law_of_the_design_has_an_observer() -> None:
    """And none that is not in it."""
    assert set(LAWS) == {f"L{number}" for number in range(1, 13)}


def test_l1_sees_a_reply_that_goes_on_after_it_was_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Discarding that forgets to drop the queue lets old audio through."""
    monkeypatch.setattr(Playout, "discard", _silence_only)
    assert "L1" in fired(simulate(BARGE_IN))


def _silence_only(self: Playout) -> Silenced | None:
    silenced = self._silence()
    self.held = False
    self._news.unpark_all()
    return silenced


def test_l2_sees_an_agent_that_talks_over_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A barge-in timer that waits three times as long is too late."""
    on_time = Ears.voiced_for

    async def late(self: Ears, duration_ms: float) -> None:
        await on_time(self, 3 * duration_ms)

    monkeypatch.setattr(Ears, "voiced_for", late)
    scenario = msgspec.structs.replace(
        PLAIN, caller=[*PLAIN.caller, Act(at=4.2, sound=True, during=3.0)]
    )
    assert "L2" in fired(simulate(scenario))


def test_l2_does_not_take_what_was_answered_for_words_over_the_answer() -> None:
    """A turn's final transcript, late, while the caller nods for long: all that they say then is a
    backchannel."""
    scenario = msgspec.structs.replace(
        PLAIN,
        caller=[
            Act(at=2.0, say="where is my parcel", during=0.6, late=0.8),
            Act(at=4.8, say="yeah yeah yeah", during=1.2),
        ],
        recognition=Recognition(final_after=1.8),
    )
    assert fired(simulate(scenario)) == set()


SLOW = Scenario(
    says="A lookup takes long.",
    caller=[Act(at=2.0, say="where is my parcel", during=1.2)],
    answers=[Answer(to="parcel", before="I will see.", asks=Asks(tool="look"), says=LONG)],
    tools=[ScriptedTool(name="look", takes=9.0, timeout=20.0)],
    settings=Settings(reassure_ms=2000),
    ends_at=25,
)


def test_l2_sees_a_caller_who_is_put_off_twice_with_the_same_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever forgets what was said last says it again."""
    monkeypatch.setattr(acknowledge, "_choose", lambda stage: "I'm still looking.")
    assert "L2" in fired(simulate(SLOW))


def test_l2_sees_a_caller_who_is_reassured_while_they_speak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever does not listen first speaks at the same time."""
    listens = acknowledge._say

    async def blurt(stage: Stage) -> bool:
        speaking, stage.ears.speaking = stage.ears.speaking, False
        said = await listens(stage)
        stage.ears.speaking = speaking
        return said

    scenario = msgspec.structs.replace(
        SLOW, caller=[*SLOW.caller, Act(at=6.0, sound=True, during=0.55)]
    )
    assert "L2" not in fired(simulate(scenario))
    monkeypatch.setattr(acknowledge, "_say", blurt)
    assert "L2" in fired(simulate(scenario))


def test_l6_sees_a_call_in_which_nothing_happens_any_more() -> None:
    """Without the idle timer both sides wait for ever."""
    held = on_chart("invoke: [idle_timer]", "invoke: []")
    assert "L6" in fired(held(Scenario(says="Nobody speaks.", ends_at=60)))


def test_l7_sees_a_reply_that_says_too_much_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resuming at the beginning repeats what was heard."""
    monkeypatch.setattr("effects.playout.gap_before", lambda clauses, position: 0)
    assert "L7" in fired(simulate(NOISE))


def test_l8_sees_a_frame_that_overtakes_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound that does not wait for what is leaving goes out too early."""

    async def at_once(self: Interpreter) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(Interpreter, "settled", at_once)
    scenario = msgspec.structs.replace(
        PLAIN,
        caller=[*PLAIN.caller, Act(at=3.95, say="no stop", during=0.8)],
        voice=Voice(first_byte=0.5, ignores_cancel=3.0),
        answers=[Answer(to="stop", says="Of course."), *PLAIN.answers],
    )
    assert "L8" in fired(simulate(scenario))


def test_l9_sees_a_side_effect_that_happens_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgetting the intent runs the tool again when the turn is answered anew."""
    asked: list[str] = []

    def never_the_same(arguments: str) -> str:
        asked.append(arguments)
        return f"{arguments}{len(asked)}"

    monkeypatch.setattr(tools, "_canonical", never_the_same)
    scenario = Scenario(
        says="A side effect, and the turn grows.",
        caller=[Act(at=2.0, say="change it to friday"), Act(at=3.9, say="please", during=0.5)],
        answers=[Answer(asks=Asks(tool="change", arguments={"day": "friday"}), says="Done.")],
        tools=[ScriptedTool(name="change", changes=True, takes=0.2)],
        voice=Voice(first_byte=0.9),
        ends_at=12,
    )
    assert "L9" in fired(simulate(scenario))


READS = Scenario(
    says="A lookup survives that its turn grows.",
    caller=[Act(at=2.0, say="where is it"), Act(at=4.2, say="please", during=0.5)],
    answers=[Answer(asks=Asks(tool="look"), says="In Memphis.")],
    tools=[ScriptedTool(name="look", survives=True, takes=4.0)],
    settings=Settings(draft_limit=0),
    ends_at=14,
)


def test_l9_sees_a_read_that_is_begun_anew_although_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forgetting what is under way asks twice."""
    asked: list[str] = []

    def never_the_same(arguments: str) -> str:
        asked.append(arguments)
        return f"{arguments}{len(asked)}"

    assert fired(simulate(READS)) == set()
    monkeypatch.setattr(tools, "_canonical", never_the_same)
    assert "L9" in fired(simulate(READS))


def test_l9_sees_a_read_that_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that survives its reply and is not written down was for nothing."""
    monkeypatch.setattr(actions, "_tool_line", lambda use: Line("tool", ""))
    assert "L9" in fired(simulate(READS))


def doctored(trace: Trace, change: Callable[[journal.AnyLine], journal.AnyLine]) -> Trace:
    return replace(trace, lines=[change(line) for line in trace.lines])


def test_l10_sees_a_transition_that_the_chart_does_not_take() -> None:
    """A journal that says otherwise than a replay is not the truth."""

    def lie(line: journal.AnyLine) -> journal.AnyLine:
        if isinstance(line, journal.Event) and line.event.name == "played_out":
            return msgspec.structs.replace(line, states=["live", "thinking", "quiet"])
        return line

    assert "L10" in fired(doctored(simulate(PLAIN), lie))


def test_l11_sees_a_call_that_another_one_changed() -> None:
    """A journal that differs by one line differs, and the time is that of the line; whatever
    becomes of the call beside is no reason."""
    crashes = [Injection(step=600, does="bug", what="mind"), Injection(step=900, does="cancel")]
    trace = simulate(
        msgspec.structs.replace(PLAIN, beside=msgspec.structs.replace(BARGE_IN, injections=crashes))
    )
    assert isolated(trace) == []
    trace.journal[5] = trace.journal[5].replace(b"0", b"1")
    (violation,) = isolated(trace)
    assert violation.law == "L11"
    assert violation.at_ms == next(trace.events()).event.at_ms


def test_l12_sees_sound_that_runs_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A playout that sends all it has is no longer bounded by its lead."""
    usual: Any = Playout.__init__

    def hasty(self: Playout, carrier: Any, settings: Any, *rest: Any) -> None:
        usual(self, carrier, msgspec.structs.replace(settings, lead_ms=5000), *rest)

    monkeypatch.setattr(Playout, "__init__", hasty)
    assert "L12" in fired(simulate(PLAIN))


def test_l12_lets_a_new_session_begin_with_what_came_before_the_line_died() -> None:
    """Speech that goes on starts with its pre-roll, which is old when no frames came since."""
    scenario = Scenario(
        says="Speech-to-text breaks off in mid-speech, when the line is dead already.",
        caller=[Act(at=1.0, say="where is my parcel"), Act(at=1.5, lose=2.0)],
        recognition=Recognition(fault="timeout", fault_at=1.66),
        ends_at=3,
    )
    trace = simulate(scenario)
    assert trace.latest_frame_ms < 1000
    assert fired(trace) == set()
