"""L3 to L5 see their violations: what is heard, committed and answered. See test_laws.py."""

from __future__ import annotations

import msgspec
import pytest

from effects.playout import Playout
from effects.stage import Draft
from engine import journal, plans
from engine.interpreter import Interpreter
from engine.records import Record
from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Recognition,
    Scenario,
    ScriptedTool,
    Wire,
)
from engine.simulation.world import simulate
from engine.vocabulary import ACTIONS
from states import actions
from states.actions import Commands
from states.call import Call
from states.events import Event
from states.notes import FirstSpeech
from states.settings import Settings
from tests.laws_kit import BARGE_IN, LONG, PLAIN, fired, on_chart


def test_l3_sees_words_in_the_history_that_nobody_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """History written from what was generated is not what was heard."""

    def all_of_it(self: Playout) -> str:
        return " ".join(clause.said.text for clause in self._clauses)

    monkeypatch.setattr(Playout, "heard", all_of_it)
    assert "L3" in fired(simulate(BARGE_IN))


def test_l3_sees_a_reply_that_does_not_know_what_was_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that is asked before the history is written answers another conversation."""

    carry_out = Interpreter._carry_out

    def later(self: Interpreter, record: Record) -> None:
        held = carry_out(self, record)
        if held is not None:
            self.dispatch(held)

    monkeypatch.setattr(Interpreter, "_carry_out", later)
    scenario = msgspec.structs.replace(
        PLAIN,
        caller=[*PLAIN.caller, Act(at=5.0, say="no friday", during=0.5)],
        recognition=Recognition(partials=False),
    )
    assert "L3" in fired(simulate(scenario))


def test_l4_sees_a_draft_that_is_spoken() -> None:
    """A chart that voices drafts speaks before the turn is over."""
    held = on_chart(
        "                initial: true\n                transitions:\n"
        "                  - {event: committed, cond: draft_fits",
        "                initial: true\n                invoke: [speak]\n"
        "                transitions:\n                  - {event: committed, cond: draft_fits",
    )
    scenario = msgspec.structs.replace(PLAIN, incomplete=["where is my parcel"])
    assert "L4" in fired(held(scenario))


def test_l4_lets_a_draft_be_synthesized_before_the_commit() -> None:
    """A voice that is ready the moment the turn is over is what drafts are for."""
    trace = simulate(msgspec.structs.replace(PLAIN, incomplete=["where is my parcel"]))
    lines = list(trace.lines)
    voiced = next(
        n
        for n, line in enumerate(lines)
        if isinstance(line, journal.Note) and isinstance(line.note, FirstSpeech)
    )
    committed = next(
        n for n, line in enumerate(lines) if isinstance(line, journal.Event) and line.words
    )
    assert voiced < committed
    assert fired(trace) == set()


def test_l4_sees_a_draft_that_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft that takes its turn for committed changes things too early."""

    def hasty(self: Draft, reply: int, *, committed: bool, owed: str = "") -> None:
        usual(self, reply, committed=True, owed=owed)

    usual = Draft.__init__
    scenario = Scenario(
        says="A side effect is asked for by a draft.",
        caller=[Act(at=2.0, say="hello"), Act(at=5.0, say="change it to friday")],
        answers=[Answer(to="change", asks=Asks(tool="change"), says="Done.")],
        tools=[ScriptedTool(name="change", changes=True, takes=0.2)],
        incomplete=["change it to friday"],
        ends_at=10,
    )
    assert fired(simulate(scenario)) == set()
    monkeypatch.setattr(Draft, "__init__", hasty)
    assert "L4" in fired(simulate(scenario))


def test_l5_sees_words_that_a_retraction_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that is taken back and forgotten is a turn that vanished."""
    kept = ACTIONS["retract_turn"]

    def lose(call: Call, event: Event) -> Commands:
        commands = kept(call, event)
        call.turn.segments.clear()
        return commands

    monkeypatch.setattr(plans, "ACTIONS", {**ACTIONS, "retract_turn": lose})
    held = on_chart("name: call", "name: losing")
    scenario = msgspec.structs.replace(
        PLAIN,
        caller=[*PLAIN.caller, Act(at=3.75, say="the one for friday")],
        answers=[Answer(says=LONG, first_token=1.0)],
    )
    assert "L5" in fired(held(scenario))


ENDS = Scenario(
    says="The agent may end the call, and the caller goes on.",
    caller=[
        Act(at=2.0, say="goodbye then"),
        Act(at=4.2, say="no wait where is my parcel", during=1.5),
    ],
    answers=[
        Answer(to="parcel", says=LONG),
        Answer(to="goodbye", asks=Asks(tool="finish"), says="Goodbye and thank you very much."),
    ],
    tools=[ScriptedTool(name="finish", changes=True, ends_call=True)],
    ends_at=20,
)


@pytest.mark.parametrize("asked", ["end_asked", "transfer_asked"])
def test_l5_sees_a_call_that_ends_although_the_caller_goes_on(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """What an abandoned reply asked for must not happen after another one."""
    finish = ScriptedTool(name="finish", changes=True, transfers_to="+15550199")
    scenario = ENDS if asked == "end_asked" else msgspec.structs.replace(ENDS, tools=[finish])
    assert fired(simulate(scenario)) == set()
    monkeypatch.setattr(actions, "_stay", lambda call: None)
    assert "L5" in fired(simulate(scenario))


def test_l5_lets_a_machine_speak_without_an_answer() -> None:
    """What a machine says is no turn of a caller, however long the call goes on after it."""
    scenario = Scenario(
        says="A machine that says more than once what it is.",
        caller=[
            Act(at=1.0, say="please leave a message after the tone", during=2.0),
            Act(at=3.5, say="press one for more options", during=2.0),
        ],
        wire=Wire(outbound=True),
        settings=Settings(beep_ms=40_000),
        ends_at=60,
    )
    assert fired(simulate(scenario)) <= {"L6"}  # the wait for the beep was made absurdly long


def test_l5_lets_a_word_be_read_otherwise_after_two_more_turns() -> None:
    """What comes too late to correct the turn that had the word was not lost for that."""
    said = "where is my parcel please i have been waiting for it"
    scenario = Scenario(
        says="The caller speaks through three limits; the first word is understood otherwise then.",
        caller=[Act(at=1.0, say=said, final=said.replace("where", "when"), during=9.0)],
        settings=Settings(turn_limit_ms=1600),
        ends_at=24,
    )
    trace = simulate(scenario)
    assert trace.end
    assert next(line.text for line in trace.end.history if line.role == "caller") == "where"
    assert fired(trace) == set()
