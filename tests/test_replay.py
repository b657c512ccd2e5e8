"""Replay: a journal's events once more, as far as the journal goes."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace
from typer.testing import CliRunner

from engine.chart import default_chart_path, parse_chart
from engine.cli import application
from engine.journal import AnyLine, End, Event, Note
from engine.replay import CUT_OFF, replay
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import default_chart, simulate
from engine.vocabulary import VOCABULARY

CALL = Scenario(says="", caller=[Act(at=2.0, say="hello there")], ends_at=6.0)


def lines_of_a_call() -> list[AnyLine]:
    return list(simulate(CALL).lines)


def test_a_whole_journal_is_not_called_cut_off() -> None:
    """It has an end line; what effects that were abandoned leave behind it does not matter."""
    lines = lines_of_a_call()
    assert isinstance(lines[-1], End)
    for journal in (lines, [*lines, lines[-2]]):
        result = replay(journal, default_chart())
        assert result.difference is None
        assert not result.cut_off
        assert CUT_OFF not in str(result)


def test_a_journal_without_its_end_is_replayed_as_far_as_it_goes() -> None:
    """What there is agrees, and the result says that there is no more."""
    lines = lines_of_a_call()
    whole, part = replay(lines, default_chart()), replay(lines[: len(lines) // 2], default_chart())
    assert part.difference is None
    assert 0 < part.events < whole.events
    assert part.cut_off
    assert str(part) == f"{part.events} events: the same transitions\n{CUT_OFF}"


def without(lines: list[AnyLine], seq: int) -> list[AnyLine]:
    return [line for line in lines if not (isinstance(line, Event) and line.seq == seq)]


def test_a_guard_that_answers_otherwise_is_shown_side_by_side() -> None:
    """Each guard in the order asked, with both values; those that differ are marked, and what the
    chart did then is in words."""
    lines = lines_of_a_call()
    place, line = next(
        (place, line)
        for place, line in enumerate(lines)
        if isinstance(line, Event) and ("words_stand", True) in line.guards
    )
    guards = [(name, value != (name == "words_stand")) for name, value in line.guards]
    lines[place] = replace(line, guards=guards)
    difference = replay(lines, default_chart()).difference
    assert difference is not None
    assert difference.seq == line.seq
    shown = str(difference).splitlines()
    assert shown[1].split() == ["recorded", "|", "replayed"]
    marked = [row.split() for row in shown if "*" in row]
    assert ["*", "words_stand", "no", "|", "words_stand", "yes"] in [row[-6:] for row in marked]
    assert any("patient → thinking on pause_over" in row for row in shown)
    assert any("is_holding no" in row and "*" not in row for row in shown)


def test_on_another_chart_the_states_are_compared() -> None:
    """Numbers and guards are the chart's own; where it comes to another state it differs, and both
    are shown, with the new chart's transition in its words."""
    text = default_chart_path().read_text()
    text = text.replace("cond: words_stand, target: thinking", "target: waiting")
    difference = replay(lines_of_a_call(), parse_chart(text, "other", VOCABULARY)).difference
    assert difference is not None
    assert "overdue" in difference.recorded.states
    assert "waiting" in difference.replayed.states
    assert any(row.startswith("patient → waiting") for row in difference.replayed.transitions)


def test_a_chart_that_fails_at_an_event_differs_there() -> None:
    """What it failed with is shown."""
    lines = lines_of_a_call()
    text = default_chart_path().read_text()
    text = text.replace(
        "{event: played_out, cond: farewell,", "{event: played_out, cond: ends_turn,"
    )
    difference = replay(lines, parse_chart(text, "other", VOCABULARY)).difference
    assert difference is not None
    assert "AssertionError" in str(difference)


def test_a_missing_event_ends_the_replay() -> None:
    """What the chart was at afterwards is not known: what agrees up to there is said."""
    lines = lines_of_a_call()
    result = replay(without(lines, 5), default_chart())
    assert result.difference is None
    assert result.missing == 5
    assert result.events == 4
    assert "event 5 is missing" in str(result)


def journal(tmp_path: Path, spoil: int | None = None, keep: int | None = None) -> Path:
    lines = simulate(CALL).journal[:keep]
    if spoil is not None:
        lines[spoil] = lines[spoil][:-9]
    path = tmp_path / "call.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def spoilt_places() -> tuple[int, int]:
    """A line that is an event, and one that is a note."""
    lines = [msgspec.json.decode(line, type=AnyLine) for line in simulate(CALL).journal]
    events = [place for place, line in enumerate(lines) if isinstance(line, Event)]
    noted = [place for place, line in enumerate(lines) if isinstance(line, Note)]
    return events[6], noted[3]


def test_a_spoilt_line_is_named_and_the_rest_is_replayed(tmp_path: Path) -> None:
    """With the file and the line's number, and exit code 3: up to it where it was an event, to
    the end where it was not. The turns are shown as far as they can be read."""
    event, note = spoilt_places()
    for place, said in ((event, "is missing"), (note, "the same transitions")):
        path = journal(tmp_path, spoil=place)
        result = CliRunner().invoke(application("replay"), ["replay", str(path)])
        assert result.exit_code == 3, result.output
        assert f"{path}:{place + 1}: not a journal line" in result.output
        assert said in result.output
        assert "hello there" in result.output


def test_a_journal_without_its_head_is_refused(tmp_path: Path) -> None:
    """One line with the file and what is missing, exit code 2."""
    path = journal(tmp_path)
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[1:]))
    result = CliRunner().invoke(application("replay"), ["replay", str(path)])
    assert result.exit_code == 2
    assert "begins with a head" in result.output
