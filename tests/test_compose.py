"""Composing: drafts, tools, failures; with the rest of the call around it, in virtual time."""

from __future__ import annotations

from dataclasses import replace

from effects.compose import prompt_for
from engine import journal
from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Recognition,
    Scenario,
    ScriptedTool,
    Voice,
)
from engine.simulation.world import Trace, simulate
from states import events, notes
from states.actions import begin_draft
from states.call import Turn
from tests.chart_kit import a_call

ASKS = Answer(to="today", asks=Asks(tool="change", arguments={"day": "today"}), says="It is done.")


def tool(**changed: object) -> ScriptedTool:
    usual: dict[str, object] = {"name": "change", "takes": 0.3, "returns": {"done": True}}
    return ScriptedTool(**{**usual, **changed})  # type: ignore[arg-type]


def settled(trace: Trace) -> list[events.ToolSettled]:
    return [
        line.event
        for line in trace.lines
        if isinstance(line, journal.Event) and isinstance(line.event, events.ToolSettled)
    ]


def test_a_reading_tool_runs_for_a_draft() -> None:
    """Looking something up before the turn is committed saves its time."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today")],
            answers=[ASKS],
            tools=[tool()],
            incomplete=["today"],
            ends_at=9,
        )
    )
    committed = [
        line.event.at_ms
        for line in trace.lines
        if isinstance(line, journal.Event) and line.words == "today"
    ]
    started = [
        line.note.at_ms
        for line in trace.lines
        if isinstance(line, journal.Note) and isinstance(line.note, notes.ToolStarted)
    ]
    assert started[0] < committed[0]
    assert "It is done." in trace.heard()


def test_a_side_effect_waits_for_the_commit_and_runs_once() -> None:
    """Nothing is changed for words that may yet grow."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today")],
            answers=[ASKS],
            tools=[tool(changes=True)],
            ends_at=9,
        )
    )
    (use,) = settled(trace)
    committed = [
        line.event.at_ms for line in trace.lines if isinstance(line, journal.Event) and line.words
    ]
    started = [
        line.note.at_ms
        for line in trace.lines
        if isinstance(line, journal.Note) and isinstance(line.note, notes.ToolStarted)
    ]
    assert started[0] >= committed[0]
    assert trace.tool_runs == {"change": 1}
    assert use.outcome == "done"


def test_a_side_effect_is_not_repeated_when_the_turn_is_answered_anew() -> None:
    """The caller goes on after the commit: the same intent is given the first result."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today"), Act(at=3.6, say="please", during=0.6)],
            answers=[ASKS],
            tools=[tool(changes=True)],
            voice=Voice(first_byte=0.6),
            ends_at=12,
        )
    )
    assert trace.tool_runs == {"change": 1}
    assert "It is done." in trace.heard()


def test_a_side_effect_under_way_at_the_hang_up_is_settled() -> None:
    """What began is finished within the closing time, and stands in the history."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today"), Act(at=3.9, hang_up=True)],
            answers=[ASKS],
            tools=[tool(changes=True, takes=1.0)],
        )
    )
    assert [use.outcome for use in settled(trace)] == ["done"]
    end = trace.lines[-1]
    assert isinstance(end, journal.End)
    assert any(line.role == "tool" for line in end.history)


def test_a_side_effect_that_never_answers_is_unknown() -> None:
    """Closing does not wait for ever, and the history says that nobody knows."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today"), Act(at=3.9, hang_up=True)],
            answers=[ASKS],
            tools=[tool(changes=True, takes=100.0, timeout=200.0)],
        )
    )
    assert [use.outcome for use in settled(trace)] == ["unknown"]
    assert trace.tasks_left == 0


def test_a_tool_that_fails_is_told_to_the_model() -> None:
    """The model is given the error and can say so."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today")],
            answers=[ASKS],
            tools=[tool(fault="lost")],
            ends_at=9,
        )
    )
    assert settled(trace)[0].outcome == "failed"
    assert "error" in settled(trace)[0].result
    assert "It is done." in trace.heard()


def test_a_tool_that_is_not_there_is_told_to_the_model() -> None:
    """Asking for an unknown tool is answered with an error, not with a failed call."""
    trace = simulate(Scenario(says="", caller=[Act(at=2, say="today")], answers=[ASKS], ends_at=9))
    assert trace.outcome is not None
    assert trace.outcome.completed
    assert "It is done." in trace.heard()


def test_markup_is_neither_said_nor_written_down() -> None:
    """The caller hears words, and history has them as the model wrote them, without its marks."""
    says = "**Sure** 😀, <key>order 42</key>:\n- it is *here*"
    trace = simulate(
        Scenario(
            says="", caller=[Act(at=2, say="where is it")], answers=[Answer(says=says)], ends_at=9
        )
    )
    assert "Sure,order forty two:it is here" in trace.heard()
    assert trace.end is not None
    assert trace.end.history[-1].text == "Sure, order 42: it is here"


def test_pictures_alone_say_nothing() -> None:
    """A reply of nothing that can be said is an empty one."""
    trace = simulate(
        Scenario(
            says="", caller=[Act(at=2, say="hello there")], answers=[Answer(says="😀 …")], ends_at=9
        )
    )
    assert "Sorry, say that again?" in trace.heard()


def test_a_model_that_says_nothing_is_an_apology() -> None:
    """An empty reply is a failed one: the caller is not left in silence."""
    trace = simulate(
        Scenario(
            says="", caller=[Act(at=2, say="hello there")], answers=[Answer(says="")], ends_at=9
        )
    )
    assert "Sorry, say that again?" in trace.heard()


def test_the_agent_says_which_model_composes_which_kind_of_reply() -> None:
    """A kind that it names no model for is composed by the usual one."""
    call = a_call()
    call.agent = replace(call.agent, models={"high_stakes": "large", "acknowledgement": "small"})
    models = {}
    for said in ("I want a refund", "thank you", "where is it"):
        call.turn = Turn(segments={0: said})
        begin_draft(call, events.WordsSettled(at_ms=0))
        models[said] = prompt_for(call, {}).model
    assert models == {"I want a refund": "large", "thank you": "small", "where is it": ""}


def test_a_reply_to_an_interruption_is_told_what_was_heard() -> None:
    """A draft begun in the moment in which the agent fell silent knows how far it came, and what
    the caller missed."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="today"), Act(at=3.9, say="change it", during=0.4)],
            recognition=Recognition(partials=False),
            answers=[
                Answer(to="change", says="Fine."),
                Answer(says="It left Memphis this morning. It comes on Thursday at nine."),
            ],
            ends_at=9,
        )
    )
    first, second = (prompt for _, prompt in trace.prompts)
    assert [message.text for message in second.messages] == [
        *(message.text for message in first.messages),
        "It left Memphis",
        "change it",
        "The caller did not hear: this morning. It comes on Thursday at nine.",
    ]
