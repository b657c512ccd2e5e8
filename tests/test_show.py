"""What a person at a terminal is shown of calls."""

from __future__ import annotations

import io

import msgspec
from rich.console import Console

from engine.journal import AnyLine, Event, Head
from engine.show import CallsPrinter
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import simulate
from states.events import Transcript

LONG = "It left the depot in Memphis early this morning and should be with you on Thursday."
SCENARIO = Scenario(
    says="", caller=[Act(at=2.0, say="hello there")], answers=[Answer(says=LONG)], ends_at=14.0
)


def a_call(call_id: str) -> list[AnyLine]:
    """A call's lines, under this id."""
    head, *rest = simulate(SCENARIO).lines
    assert isinstance(head, Head)
    return [msgspec.structs.replace(head, call_id=call_id), *rest]


def a_printer() -> tuple[CallsPrinter, io.StringIO]:
    text = io.StringIO()
    return CallsPrinter(Console(file=text, width=80, highlight=False)), text


def test_one_call_after_another_is_shown_without_ids() -> None:
    """Nothing needs telling apart."""
    printer, text = a_printer()
    for call_id in ("CA-first-111111", "CA-other-222222"):
        watch = printer()
        for line in a_call(call_id):
            watch(line)
    assert "CA-other-222222 answered" in text.getvalue()
    assert not any(line.startswith(("111111", "222222")) for line in text.getvalue().splitlines())


def test_calls_at_once_are_told_apart() -> None:
    """While two calls are live each line begins with the end of its call's id; each call is
    shown as it would be alone; and after the end of one, the other is alone again."""
    printer, text = a_printer()
    one, other = printer(), printer()
    alone = [line.split(maxsplit=1) for line in _shown_alone()]
    for line in (lines := a_call("CA-first-111111")):
        one(line)
        if isinstance(line, Head):
            other(a_call("CA-other-222222")[0])
            text.truncate(0)
    told = [line.split(maxsplit=2) for line in text.getvalue().strip("\0").splitlines()]
    assert {words[0] for words in told} == {"111111"}
    assert [words[1:] for words in told] == alone[1:]
    for line in lines[1:]:
        text.truncate(0)
        other(line)
        assert "222222" not in text.getvalue()


def _shown_alone() -> list[str]:
    printer, text = a_printer()
    watch = printer()
    for line in a_call("CA-first-111111"):
        watch(line)
    return text.getvalue().splitlines()


def test_a_long_line_is_not_broken() -> None:
    """Into a file or a pipe, one thing that happened is one line."""
    assert any(line.endswith(f"“{LONG}”") for line in _shown_alone())


def test_what_was_said_does_not_steer_the_terminal() -> None:
    """Nor is it taken for markup: neither what the caller says, nor what they do not."""
    printer, text = a_printer()
    watch = printer()
    for line in a_call("CA1"):
        if isinstance(line, Event) and isinstance(line.event, Transcript):
            event = msgspec.structs.replace(line.event, text="hello \x1b[2J\x9b1m [bold]there")
            line = msgspec.structs.replace(line, event=event)
        watch(line)
    assert "“hello  [2J 1m [bold]there”" in text.getvalue()
    assert "\x1b" not in text.getvalue()
    assert "\x9b" not in text.getvalue()


def test_a_final_transcript_that_is_repeated_is_shown_once() -> None:
    """A vendor may send the words of a segment again when it closes it; other words are shown."""
    printer, text = a_printer()
    watch = printer()
    for line in a_call("CA1"):
        watch(line)
        if isinstance(line, Event) and isinstance(line.event, Transcript) and line.event.final:
            watch(line)
            changed = msgspec.structs.replace(line.event, text="jello there")
            watch(msgspec.structs.replace(line, event=changed))
    assert text.getvalue().count("“hello there”") == 1
    assert text.getvalue().count("“jello there”") == 1


def test_a_transcript_that_ends_in_an_abbreviation_has_one_full_stop() -> None:
    """Speech-to-text may end "two thirty p M." with another one; an ellipsis stays."""
    for heard, shown in (("At two p M..", "“At two p M.”"), ("Well...", "“Well...”")):
        printer, text = a_printer()
        watch = printer()
        for line in a_call("CA1"):
            if isinstance(line, Event) and isinstance(line.event, Transcript):
                event = msgspec.structs.replace(line.event, text=heard)
                line = msgspec.structs.replace(line, event=event)
            watch(line)
        assert shown in text.getvalue()
