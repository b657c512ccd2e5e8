"""Each thing that a law can say is said by it of some call.

The laws' code is read for what they can say, and every sentence of it has to be heard of a call
with a planted bug, or of one of which something else is told than what happened.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import journal
from engine.simulation import laws
from engine.simulation.laws import Violation, check_laws
from engine.simulation.laws.order import isolated
from engine.simulation.scenario import Act, Answer, Asks, Scenario, ScriptedTool
from engine.simulation.scenario_files import load_scenario
from engine.simulation.trace import Trace
from engine.simulation.world import simulate
from states import events, notes
from states.call import Line
from tests.fuzz.mutants.run import MUTANTS
from tests.laws_kit import LONG, NOISE, PLAIN
from tests.scenarios.test_scenarios import FILES

BACKSLASH = chr(92)
SCENARIOS = {path.stem: path for path in FILES}

# --- what the laws can say ------------------------------------------------------------------


def _sentences() -> Iterator[tuple[str, str]]:
    """What each violation in the laws' code says, as a pattern, and where it stands."""
    for path in sorted(Path(laws.__file__).parent.glob("*.py")):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _name(call.func) == "Violation":
                    says = _pattern(_said(call.args[2], function))
                    yield says, f"{path.stem}.{function.name}: {says.replace(BACKSLASH, '')}"


def _said(argument: ast.expr, function: ast.FunctionDef) -> ast.expr:
    """The text of a violation: as it stands there, or as ``says`` was given it before."""
    if _name(argument) != "says":
        return argument
    given = [
        one
        for one in ast.walk(function)
        if isinstance(one, ast.Assign) and _name(one.targets[0]) == "says"
    ]
    return max((one for one in given if one.lineno < argument.lineno), key=_line).value


def _line(one: ast.Assign) -> int:
    return one.lineno


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _pattern(text: ast.expr) -> str:
    match text:
        case ast.Constant(str(words)):
            return re.escape(words)
        case ast.JoinedStr(parts):
            return "".join(_pattern(part) for part in parts)
        case ast.BinOp(left, ast.Add(), right):
            return _pattern(left) + _pattern(right)
    return ".*"


SENTENCES = dict(_sentences())

# --- calls of which they say it -------------------------------------------------------------

PLANTED = (
    ("what broke off is not taken back", "what_a_broken_voice_had_ahead_is_not_heard"),
    (
        "a mute recogniser is kept",
        "recognition_that_is_mute_alone_is_tried_again_and_then_given_up",
    ),
    ("forget to clear", "what_must_be_said_survives_a_cough"),
    ("discard forgets the queue", "a_greeting_can_be_interrupted_when_its_protection_is_over"),
    ("two replies in the air", "recognition_that_is_gone_while_the_agent_speaks_ends_the_call"),
    ("acknowledgement over the caller", "nobody_is_reassured_while_they_speak"),
    (
        "the same acknowledgement again",
        "a_slow_tool_is_excused_and_the_caller_is_told_that_it_goes_on",
    ),
    ("nobody asks a silent caller", "a_moment_that_gets_long_ends_with_a_prompt"),
    ("resume plays twice", "noise_that_comes_and_goes_is_a_false_alarm_in_the_end"),
    ("resume skips what was cleared", "noise_that_comes_and_goes_is_a_false_alarm_in_the_end"),
    ("sent is taken for heard", "a_caller_on_hold_is_told_that_the_time_is_up"),
    ("every sound is a barge-in", "what_must_be_said_survives_a_cough"),
    ("false alarm drops the reply", "noise_that_comes_and_goes_is_a_false_alarm_in_the_end"),
    ("sound overtakes what is leaving", "late_audio_of_an_interrupted_reply_is_never_heard"),
    ("closing without bound", "a_side_effect_that_takes_long_does_not_keep_the_call_open"),
    ("timer not cancelled", "a_question_is_answered"),
    ("one prompt too many", "a_silent_caller_is_prompted_twice_and_then_let_go"),
    ("late events are not dropped", "a_lookup_that_nobody_waits_for_is_void"),
    (
        "waits for ever for what is leaving",
        "an_apology_does_not_wait_for_a_mind_that_goes_on",
    ),
    ("a side effect dies half-way", "a_side_effect_happens_once_although_the_turn_grows"),
    ("put through twice", "a_caller_is_put_through_after_the_announcement"),
    ("done and forgotten", "a_side_effect_under_way_at_the_hang_up_is_settled"),
    ("an answer that was kept is lost", "a_lookup_that_is_done_is_kept_when_the_turn_grows"),
    ("lead without limit", "a_question_is_answered"),
    ("prompts without end", "a_silent_caller_is_prompted_twice_and_then_let_go"),
    ("must although it was said", "a_sentence_that_must_be_said_is_said_once_in_a_reply"),
    ("must after a false alarm", "what_was_said_after_a_cough_is_not_said_again"),
    ("must is told only", "what_must_be_said_is_said_after_an_interruption"),
    ("partial taken for final", "a_question_is_answered"),
    ("stale draft", "what_must_be_said_survives_a_cough"),
    ("old words for new", "noise_that_comes_and_goes_is_a_false_alarm_in_the_end"),
    ("no apology", "a_mind_that_always_fails_ends_with_a_goodbye"),
    ("the end is not taken up", "the_agent_may_end_the_call"),
    ("history from what was generated", "a_reply_to_an_interruption_knows_what_was_heard"),
    ("what was heard is written too late", "a_reply_to_an_interruption_knows_what_was_heard"),
    ("draft spoken", "what_must_be_said_survives_a_cough"),
    ("speculative side effect", "a_side_effect_waits_until_the_turn_is_over"),
    ("retract loses words", "what_must_be_said_survives_a_cough"),
    ("the end is not taken back", "a_caller_who_has_more_to_say_keeps_the_call"),
    (
        "the transfer is not taken back",
        "a_caller_who_speaks_over_the_announcement_is_not_put_through",
    ),
    ("sessions mixed up", "words_after_recognition_broke_are_new_words"),
    ("commit twice", "a_question_is_answered"),
    ("a voice comes back", "another_voice_says_a_fixed_line_and_the_answer"),
    ("a voice leaves a clause out", "another_voice_says_what_the_first_could_not"),
    ("a voice changes in mid-sentence", "another_voice_begins_the_sentence_again"),
    ("two minds speak at once", "a_late_mind_gets_company"),
    ("looked up twice", "a_lookup_that_is_done_is_kept_when_the_turn_grows"),
)
"""Mutants, and a scenario in which a law sees them."""


def _planted() -> Iterator[Violation]:
    for name, scenario in PLANTED:
        with MUTANTS[name].planted() as subject:
            yield from check_laws(subject.hold(load_scenario(SCENARIOS[scenario])))


def lines(trace: Trace, kind: type, change: Callable[[Any], Any]) -> Trace:
    """The journal's lines (or their events, or notes) of a kind changed; ``change`` returns one
    line or several."""
    changed: list[journal.AnyLine] = []
    for line in trace.lines:
        inside = getattr(line, "event", getattr(line, "note", None))
        new = change(line) if isinstance(line, kind) or isinstance(inside, kind) else line
        changed += new if isinstance(new, list) else [new]
    return replace(trace, lines=changed)


def history(change: Callable[[list[Line]], list[Line]]) -> Callable[[Trace], Trace]:
    """Change the history at the end."""

    def end(line: journal.End) -> journal.End:
        return msgspec.structs.replace(line, history=change(line.history))

    return lambda trace: lines(trace, journal.End, end)


def unheard(trace: Trace) -> Trace:
    """Nobody is told that the agent was heard."""
    return lines(trace, events.AudioStarted, lambda line: NOTHING)


def longer(trace: Trace) -> Trace:
    """The caller stays for long."""
    stays = lines(trace, events.HungUp, lambda line: NOTHING)
    crossed = [one for one in trace.crossed if one.kind != "stop"]
    return replace(stays, crossed=crossed, closed_ms=200_000.0)


def committed_once(trace: Trace) -> Trace:
    """What was taken back is never taken up again."""
    times = 0

    def take(line: journal.Event) -> journal.AnyLine:
        nonlocal times
        times += any(raised == "committed" for _, raised in line.took)
        return NOTHING if times > 1 else line

    return lines(trace, journal.Event, take)


def many_drafts(trace: Trace) -> Trace:
    """Each draft is asked for as nine."""

    def nine(line: journal.Note) -> list[journal.AnyLine]:
        asked = line.note
        assert isinstance(asked, notes.ReplyRequested)
        numbers = range(asked.reply * 9, asked.reply * 9 + 9)
        return [
            journal.Note(note=msgspec.structs.replace(asked, reply=number)) for number in numbers
        ]

    return lines(trace, notes.ReplyRequested, nine)


NOTHING = journal.Note(note=notes.EventDropped(at_ms=0.0, event="x", effect="x"))
ACTS = Scenario(
    says="A side effect, and an answer.",
    caller=[Act(at=2.0, say="change it")],
    answers=[Answer(asks=Asks(tool="change"), says="Done.")],
    tools=[ScriptedTool(name="change", changes=True, takes=0.2)],
    ends_at=12,
)
TWO = msgspec.structs.replace(PLAIN, caller=[*PLAIN.caller, Act(at=10.0, say="to me")], ends_at=16)
GROWS = msgspec.structs.replace(
    PLAIN,
    caller=[*PLAIN.caller, Act(at=3.75, say="the one for friday")],
    answers=[Answer(says=LONG, first_token=1.0)],
)
ENDS = load_scenario(SCENARIOS["the_agent_may_end_the_call"])
EDITED: tuple[tuple[str, Scenario, Callable[[Trace], Trace]], ...] = (
    (
        "other sound",
        PLAIN,
        lambda t: replace(
            t,
            crossed=[
                msgspec.structs.replace(c, audio=b"\x01" * len(c.audio)) if c.at_ms > 4500 else c
                for c in t.crossed
            ],
        ),
    ),
    ("the end twice", PLAIN, lambda t: lines(t, journal.End, lambda end: [end, end])),
    (
        "a bug",
        PLAIN,
        lambda t: lines(
            t, journal.End, lambda end: msgspec.structs.replace(end, reason="KeyError")
        ),
    ),
    (
        "an effect without an end",
        PLAIN,
        lambda t: lines(
            t, journal.Effect, lambda one: NOTHING if one.phase == "cancelled" else one
        ),
    ),
    ("tasks left", PLAIN, lambda t: replace(t, tasks_left=1)),
    (
        "a draft that nobody composes",
        PLAIN,
        lambda t: lines(t, journal.Effect, lambda one: NOTHING if one.effect == "compose" else one),
    ),
    (
        "unsettled",
        ACTS,
        lambda t: lines(t, events.ToolSettled, lambda one: NOTHING),
    ),
    (
        "a transition that is nowhere",
        PLAIN,
        lambda t: lines(
            t, events.PlayedOut, lambda one: msgspec.structs.replace(one, took=[(9999, "x")])
        ),
    ),
    (
        "another way",
        PLAIN,
        lambda t: lines(
            t, events.PlayedOut, lambda one: msgspec.structs.replace(one, guards=[("x", True)])
        ),
    ),
    ("old sound", PLAIN, lambda t: replace(t, latest_frame_ms=60_000.0)),
    (
        "many drafts",
        PLAIN,
        many_drafts,
    ),
    (
        "never said",
        PLAIN,
        history(lambda said: [*said, Line("agent", "I never said this.", reply=99)]),
    ),
    ("said twice", PLAIN, history(lambda said: [*said, said[-1]])),
    (
        "other words",
        PLAIN,
        history(lambda said: [*said[:-1], Line("agent", "No.", reply=said[-1].reply)]),
    ),
    ("fewer words", PLAIN, history(lambda said: said[:-1])),
    ("never answered", PLAIN, lambda t: unheard(longer(t))),
    ("dropped for the next", TWO, lambda t: unheard(t)),
    ("forgotten", GROWS, lambda t: unheard(committed_once(longer(t)))),
    ("a goodbye for answer", ENDS, lambda t: unheard(t)),
)
"""Calls as they should be, of which something else is told."""


def _edited() -> Iterator[Violation]:
    for _, scenario, edit in EDITED:
        yield from check_laws(edit(simulate(scenario)))
    shorter, other = simulate(PLAIN), simulate(NOISE)
    shorter.alone = other.alone = simulate(PLAIN)
    shorter.journal.pop()
    yield from isolated(shorter)
    yield from isolated(other)


@pytest.fixture(scope="module")
def heard() -> set[str]:
    """All that the laws say of these calls."""
    return {violation.says for calls in (_planted(), _edited()) for violation in calls}


@pytest.mark.parametrize("says", SENTENCES, ids=SENTENCES.values())
def test_a_law_says_it_of_some_call(heard: set[str], says: str) -> None:
    """An oracle that cannot say it proves nothing."""
    assert any(re.fullmatch(says, one, re.DOTALL) for one in heard)


def test_the_laws_were_read() -> None:
    """Sentences that nobody finds in the code would not be missed."""
    assert len(SENTENCES) > 50
