"""A call to read: what stands in its transcript, and how it looks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from engine.inspector.summary import Summary
from engine.journal import AnyLine, End, Event, Head
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.transcript import Entry, print_transcript, transcript
from engine.transcript.sides import Sides
from states.events import PlayedOut, Transcript

SCENARIOS = Path(__file__).parent / "scenarios"
LONG = "It left Memphis this morning. It should be with you on Thursday, before noon."
QUESTION = Act(at=2.0, say="where is my parcel", during=1.2)


def held(*acts: Act, **more: object) -> list[AnyLine]:
    """A call in which the caller asks, gets a long answer, and does this."""
    answers = [Answer(to="parcel", says=LONG), Answer(to="friday", says="Friday it is.")]
    told = {"answers": answers, "ends_at": 14.0, **more}
    return simulate(Scenario(says="", caller=[QUESTION, *acts], **told)).lines  # type: ignore[arg-type]


def scenario(name: str) -> list[AnyLine]:
    return simulate(load_scenario(SCENARIOS / f"{name}.yaml")).lines


def told(entries: Sequence[Entry], who: str) -> list[Entry]:
    return [entry for entry in entries if entry.who == who]


def printed(lines: list[AnyLine], *, width: int = 80, words: bool = True, **more: object) -> str:
    """As a terminal that is no terminal shows it."""
    text, head = io.StringIO(), lines[0]
    assert isinstance(head, Head)
    summary = Summary.of(lines).told(live=False)
    assert summary is not None
    console = Console(file=text, width=width, highlight=False, **more)  # type: ignore[arg-type]
    print_transcript(console, head, transcript(lines), summary, words=words)
    return text.getvalue()


def test_a_call_is_told_in_order() -> None:
    """Each side's words when they began, the turn between question and answer, and the end."""
    entries = transcript(held())
    assert [(entry.who, entry.said) for entry in entries] == [
        ("agent", "Hello."),
        ("caller", "where is my parcel"),
        ("turn", ""),
        ("agent", LONG),
        ("silence", ""),
        ("call", ""),
    ]
    caller, turn = entries[1], entries[2]
    assert 2000 <= caller.at_ms < 2100
    assert turn.aside == "turn 1 · 610 ms, acceptable · endpoint: semantic"
    assert entries[-1].aside == "the caller hung up"


def test_an_interruption_is_told_with_what_was_heard() -> None:
    """What was heard is what the history says, what was not is the rest, and why it stopped and
    how soon stands where it stopped."""
    lines = held(Act(at=5.0, say="no deliver it on friday please", during=1.6))
    end = lines[-1]
    assert isinstance(end, End)
    heard = next(line.text for line in end.history if line.interrupted)
    entries = transcript(lines)
    answer, silent = told(entries, "agent")[1], told(entries, "silent")[0]
    assert (answer.said, f"{answer.said} {answer.unheard}") == (heard, LONG)
    interrupting = told(entries, "caller")[1]
    assert interrupting.over
    after_ms = silent.at_ms - interrupting.at_ms
    assert silent.aside == f"cut off: the words of the caller, {after_ms:.0f} ms after they began"
    assert told(entries, "turn")[0].aside.endswith("interrupted")


def test_the_rest_of_a_fixed_line_is_known() -> None:
    """The greeting is composed by nobody; what was not heard of it is told all the same."""
    entries = transcript(scenario("a_greeting_can_be_interrupted_when_its_protection_is_over"))
    greeting = told(entries, "agent")[0]
    assert greeting.said
    assert greeting.unheard


def test_a_false_alarm_is_told_once_and_the_reply_is_whole() -> None:
    """The reply shows where it was silent; nothing of it counts as not heard."""
    entries = transcript(held(Act(at=5.0, sound=True, during=0.9)))
    answer, silent = told(entries, "agent")[1], told(entries, "silent")
    assert (answer.said, answer.unheard) == (LONG, "")
    assert [LONG[:place] for place in answer.pauses] == ["It left Memphis this morning."]
    assert [one.aside for one in silent] == [
        "false alarm: the caller spoke on; goes on after 0.6 s"
    ]
    assert told(entries, "caller")[1].aside.startswith("a sound without words")


def test_the_agent_cannot_be_heard_while_it_is_held() -> None:
    """From the hold until it goes on; so a caller who speaks then speaks over nobody."""
    lines = held(Act(at=5.0, sound=True, during=0.9))
    sides = Sides.of(lines)
    (hold,) = sides.replies[1].holds
    _, before, after = sides.agent_sounds
    assert (before.until_ms, after.since_ms) == (hold.at_ms, hold.until_ms)
    played_out = [
        line.event.at_ms
        for line in lines
        if isinstance(line, Event) and isinstance(line.event, PlayedOut)
    ]
    assert after.until_ms == played_out[-1]


def test_the_history_has_the_last_word() -> None:
    """What it says of a reply is what is told, whatever was reckoned before."""
    lines = held()
    end = lines[-1]
    assert isinstance(end, End)
    shorter = replace(end.history[-1], text="It left Memphis")
    lines[-1] = msgspec.structs.replace(end, history=[*end.history[:-1], shorter])
    assert told(transcript(lines), "agent")[-1].said == "It left Memphis"


def test_a_backchannel_is_over_the_agent_who_goes_on() -> None:
    """It is shown as what it is: no turn, and no interruption."""
    entries = transcript(scenario("a_backchannel_does_not_stop_the_agent"))
    over = [entry for entry in told(entries, "caller") if entry.over]
    assert [entry.said for entry in over] == ["yeah", "uh huh"]
    assert {entry.aside for entry in over} == {"(the agent goes on)"}
    assert len(told(entries, "turn")) == 1
    assert told(entries, "silent") == []


def test_silences_are_told_from_their_limit_on() -> None:
    """By how long they were; a pause of the caller in mid-turn is named as theirs."""
    lines = scenario("a_pause_in_mid_sentence_is_one_turn")
    assert [entry.aside for entry in told(transcript(lines), "silence")] == ["3.8 s"]
    asides = [entry.aside for entry in told(transcript(lines, silence_ms=500), "silence")]
    assert "the caller pauses for 0.8 s" in asides


def test_keys_are_one_entry() -> None:
    """A number that is dialled is read at once; the interruption by a key is told after it."""
    entries = transcript(scenario("a_key_interrupts_the_agent"))
    assert [entry.said for entry in told(entries, "keys")] == ["7#"]
    assert [entry.aside for entry in told(entries, "silent")] == ["cut off: a key"]


def test_causes_stand_before_what_comes_of_them() -> None:
    """Also where the clock sees no difference."""
    entries = transcript(scenario("a_key_interrupts_the_agent"))
    order = [entry.who for entry in entries if 5000 <= entry.at_ms <= 5400]
    assert order == ["keys", "silent", "turn", "agent"]


def test_a_tool_is_told_with_what_came_of_it() -> None:
    """When it began, how long it took, and the error of one that failed."""
    (tool,) = told(transcript(scenario("a_tool_that_fails_is_told")), "tool")
    assert tool.aside == "look: failed in 100 ms"
    assert "broke off" in tool.said


def test_a_takeover_is_told() -> None:
    """Who failed, why, and who goes on."""
    failed = told(transcript(scenario("another_mind_answers_when_the_first_does_not")), "failed")
    assert len(failed) == 1
    assert failed[0].aside.startswith("the reply: ")
    assert failed[0].aside.endswith("; second takes over")


def test_a_call_that_failed_says_so() -> None:
    """A bug ends the call: the transcript ends with it."""
    entries = transcript(scenario("a_bug_in_a_provider_ends_one_call_loudly"))
    assert entries[-1].aside.startswith("failed: compose: ZeroDivisionError")


@pytest.mark.parametrize(
    "name",
    [
        "a_barge_in_stops_the_agent",
        "a_caller_is_put_through_after_the_announcement",
        "a_key_pressed_after_an_interruption_is_taken",
        "a_slow_lookup_in_mid_reply_is_explained",
        "a_voice_is_replaced_during_an_interruption",
        "a_noise_that_begins_again_keeps_the_agent_silent",
        "a_machine_stops_even_a_protected_greeting",
        "a_late_word_corrects_the_history_behind_an_apology",
    ],
)
def test_what_is_told_is_what_the_history_says(name: str) -> None:
    """Whatever the call: every reply as it was heard, in order, and every line fits 80 columns."""
    lines = scenario(name)
    end = lines[-1]
    assert isinstance(end, End)
    said = [line.text for line in end.history if line.role == "agent" and line.text]
    entries = transcript(lines)
    assert [entry.said for entry in told(entries, "agent") if entry.said] == said
    assert [entry.at_ms for entry in entries] == sorted(entry.at_ms for entry in entries)
    assert max(len(line) for line in printed(lines).splitlines()) <= 80


def test_a_call_without_an_end_is_told_as_far_as_it_goes() -> None:
    """Of a reply that was being said nobody knows what was heard: what was composed of it stands
    as not heard."""
    lines = held()
    audible = [at for at, line in enumerate(lines) if "AudioStarted" in repr(line)]
    reply = told(transcript(lines[: audible[1] + 1]), "agent")[-1]
    assert reply.said == ""
    assert reply.unheard == "It left Memphis this morning."


# --- how it looks ------------------------------------------------------------------------------


def test_words_are_wrapped_under_words() -> None:
    """Each further line begins where the first one's words do, and none is broken in a word."""
    lines = printed(held(Act(at=5.0, say="no deliver it on friday please", during=1.6)), width=60)
    reply = [line for line in lines.splitlines() if "| " in line or "before noon" in line]
    assert any(line.startswith(" " * 18) for line in reply)
    assert all(len(line) <= 60 for line in lines.splitlines())
    assert "heard | not heard" in lines


def test_a_pipe_gets_no_colour_and_a_terminal_does() -> None:
    """Nor does a terminal with NO_COLOR; the text is the same."""
    lines = held()
    plain = printed(lines)
    assert "\x1b" not in plain
    coloured = printed(lines, force_terminal=True, color_system="standard")
    assert "\x1b[32m" in coloured
    modest = printed(lines, force_terminal=True, color_system="standard", no_color=True)
    assert "\x1b[32m" not in modest


def test_nothing_that_is_said_steers_the_terminal() -> None:
    """Control characters in a transcript are blanks, in a line that stays one."""
    lines = held()
    for at, line in enumerate(lines):
        if isinstance(line, Event) and isinstance(line.event, Transcript):
            event = msgspec.structs.replace(line.event, text="where\x1b[2J is\nmy\x9bparcel")
            lines[at] = msgspec.structs.replace(line, event=event)
    text = printed(lines)
    assert "caller   where [2J is my parcel\n" in text
    assert "\x1b" not in text


def test_words_can_be_left_out() -> None:
    """Nothing of what anybody said, pressed or asked of a tool is shown: only how much."""
    lines = scenario("a_tool_that_fails_is_told") + scenario("a_key_interrupts_the_agent")[1:-1]
    text = printed(lines, words=False)
    for said in ("parcel", "Memphis", "look it up", "7#", "broke off", "{}"):
        assert said not in text
    assert "4 words" in text
    assert "2 keys" in text


def test_the_last_line_sums_the_call_up() -> None:
    """Length, turns, latency, what happened, and how it ended."""
    lines = held(Act(at=5.0, sound=True, during=0.9))
    assert printed(lines).splitlines()[-1] == (
        "14.0 s, 1 turn, p50 610 p95 610 max 610 ms, 1 false alarm; completed: ended"
    )
