"""Whether the task was done, and how many words went wrong: expectations against evidence."""

from __future__ import annotations

import pytest

from adapters.embedded.order_store import SEED, OrderRow
from engine.evaluation.dialogue import Expect, OrderIs
from engine.evaluation.task import (
    Evidence,
    ToolRun,
    WordErrors,
    checkable,
    failures,
    tool_runs,
    transcript,
    word_errors,
)
from engine.evaluation.words import is_heard
from engine.journal import Event
from states.events import ToolSettled, Transcript

BOOTS = SEED[0]


def test_a_tool_has_to_have_run_with_these_arguments() -> None:
    """More arguments may be there, others may not; a run that failed does not count."""
    runs = [
        ToolRun("change", {"number": "1", "day": "today", "time": "14:30"}, True),
        ToolRun("hold", {"number": "1"}, False),
    ]
    expect = Expect(
        tools=[{"change": {"day": "today"}}, {"change": {"day": "friday"}}, {"hold": {}}],
        never=["hold", "find"],
    )
    assert failures(expect, Evidence("", tools=runs)) == [
        "change(day=friday) was not run",
        "hold() was not run",
        "hold was run",
    ]


@pytest.mark.parametrize(
    ("row", "failed"),
    [
        (BOOTS, []),
        (None, ["there is no order 29340"]),
        (SEED[2], ["order 29340: delivery_day is 'Friday', not 'Thursday'"]),
    ],
)
def test_an_order_has_to_be_so_afterwards(row: OrderRow | None, failed: list[str]) -> None:
    """Field by field, as far as it was said."""
    expect = Expect(orders={"29340": OrderIs(delivery_day="Thursday")})
    assert failures(expect, Evidence("", orders={"29340": row})) == failed


def test_words_the_agent_has_to_say() -> None:
    """In what was understood of its sound."""
    expect = Expect(agent_says=["hiking boots", "tomorrow"], agent_never_says=["memphis", "snow"])
    assert failures(expect, Evidence("Hiking boots. It left Memphis.")) == [
        'the agent never said "tomorrow"',
        'the agent said "memphis"',
    ]


@pytest.mark.parametrize(
    ("phrase", "heard"),
    [
        ("five digit order number", True),
        ("Memfis depot", True),
        ("goodbye", True),
        ("four digit", False),
        ("order order", False),
        ("a phrase that is much longer than all of the text that it is looked for in", False),
    ],
)
def test_a_phrase_is_heard_as_an_ear_would(phrase: str, heard: bool) -> None:
    """Spelling and word boundaries of a transcript do not matter; other words do."""
    text = "What is your five-digit order number? The Memphis depot. Good-bye."
    assert is_heard(phrase, text) is heard


def test_what_cannot_be_known_from_elsewhere_is_not_judged() -> None:
    """Tools and orders of an engine at an address are its own; words can be heard."""
    elsewhere = Evidence("hello")
    assert checkable(Expect(agent_says=["hello"]), elsewhere)
    assert not checkable(Expect(tools=[{"find": {}}]), elsewhere)
    assert not checkable(Expect(never=["find"]), elsewhere)
    assert not checkable(Expect(orders={"1": OrderIs()}), elsewhere)
    assert failures(Expect(tools=[{"find": {}}], orders={"1": OrderIs()}), elsewhere) == []


def heard(segment: int, text: str, *, final: bool = True) -> Event:
    event = Transcript(at_ms=0, segment=segment, text=text, final=final, through_ms=0)
    return Event(seq=0, by="", event=event)


def settled(arguments: str) -> Event:
    event = ToolSettled(
        at_ms=0,
        reply=1,
        call_id="1",
        tool="find",
        arguments=arguments,
        result="",
        outcome="done",
        changes=False,
    )
    return Event(seq=0, by="", event=event)


def test_what_the_journal_tells() -> None:
    """The tools with their arguments as text, and the last final text of each segment."""
    assert tool_runs([settled('{"number": 7, "time": null}'), settled("not json")]) == [
        ToolRun("find", {"number": "7"}, True),
        ToolRun("find", {}, True),
    ]
    lines = [heard(1, "four"), heard(0, "it's", final=False), heard(0, "it is"), heard(1, "for")]
    assert transcript(lines) == "it is for"


def test_word_errors_do_not_count_how_words_are_written() -> None:
    """Digits, case, punctuation and hyphens are all one; left out, put in and taken for others
    is an error each."""
    assert word_errors(["four two", "Good-bye."], "42, goodbye") == WordErrors(4, 0)
    assert word_errors(["one two three"], "one tree four") == WordErrors(3, 2)
    assert word_errors(["one two"], "") == WordErrors(2, 2)
