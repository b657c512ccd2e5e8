"""What a failure tells a person."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.fuzzing.failure import Failure, judge
from engine.fuzzing.path import chart_path
from engine.fuzzing.replay_string import scenario_of
from engine.fuzzing.sequence import sequence
from engine.fuzzing.story import story
from engine.simulation.laws import LAWS, SENTENCES, Violation
from engine.simulation.scenario import Scenario
from engine.simulation.timeline import Happening, happenings, short_timeline, timeline
from engine.simulation.world import simulate
from tests.fuzz.planted import BARGE_IN, subject_that_talks_on

MESSAGE = re.compile(
    r"    (participant [a-z_]+( as [a-z_]+)?"
    r"|[a-z_]+->>[a-z_]+: [^;#\n]*(#\d+;[^;#\n]*)*"
    r"|Note over [a-z_]+(,[a-z_]+)?: [^;#\n]*(#\d+;[^;#\n]*)*)"
)
"""All that a line of the sequence diagrams may be, in Mermaid's grammar."""


@pytest.fixture
def failure(tmp_path: Path) -> Failure:
    found = judge(BARGE_IN, subject_that_talks_on(tmp_path))
    assert found is not None
    return found


def test_every_law_has_a_sentence() -> None:
    """Whatever is broken can be explained, in the words of docs/fuzzing.md."""
    assert set(SENTENCES) == set(LAWS)
    docs = (Path(__file__).parents[2] / "docs" / "fuzzing.md").read_text(encoding="utf-8")
    for law, sentence in SENTENCES.items():
        name, meaning = sentence.rstrip(".").split(": ")
        assert f"| {law} {name[0].lower()}{name[1:]} | {meaning} |" in docs


def test_the_story_begins_with_the_law_and_how_to_run_it_again(failure: Failure) -> None:
    """The first lines say which law was broken, what it means and how; then the command."""
    lines = story(failure, ["--chart", "my chart.yaml"]).splitlines()
    assert lines[0] == f"L2 broken. {SENTENCES['L2']}"
    assert re.fullmatch(r"  at 4\.000 s: reply \d+ talks over the caller for .* ms; .*", lines[1])
    command = re.fullmatch(
        r"  antiphon fuzz --chart 'my chart\.yaml' --replay '(f1-[\w-]+)'", lines[4]
    )
    assert command is not None
    assert scenario_of(command[1]) == BARGE_IN
    assert "--save NAME" in lines[5]


def test_the_story_marks_the_moment_of_the_violation(failure: Failure) -> None:
    """It stands in the timeline where it happened, between the caller and what follows."""
    text = story(failure)
    told = text[text.index("What happened") : text.index("The way through")]
    caller, broken = told.index("caller  says 'the other"), told.index("!!      L2: reply")
    assert caller < broken < told.index("overlap_held")


def test_what_happens_at_the_moment_of_a_violation_is_told(failure: Failure) -> None:
    """Also a transcript that changed nothing: it may be the cause. Elsewhere it is left out."""

    def happened(violation: Violation) -> str:
        told = story(replace(failure, violations=(violation,)))
        return told[told.index("What happened") : told.index("The way through")]

    quiet = [one for one in happenings(failure.trace) if "(partial" in one.what and not one.matters]
    first, last = quiet[0], quiet[-1]
    assert last.at_ms > first.at_ms + 1000
    told = happened(Violation("L5", first.at_ms + 5, "nobody answers"))
    assert first.what in told
    assert last.what not in told
    assert first.what not in happened(Violation("L5", last.at_ms, "nobody answers"))


def test_the_story_says_where_it_leaves_something_out(failure: Failure) -> None:
    """Of a call that goes on for long after the violation the rest is only counted; its history
    at the end is told."""
    text = story(failure)
    left_out = re.search(r"\n +([\d.]+)  \.\.\. +\((\d+) more lines\)\n", text)
    assert left_out is not None
    assert float(left_out[1]) == failure.violations[-1].at_ms / 1000 + 2
    assert "history agent" in text
    assert "the caller has hung up" not in text


def test_the_short_timeline_tells_less_and_loses_nobody(failure: Failure) -> None:
    """What the caller did and heard and where the call went are all in it; what changed nothing
    is not."""
    happened = happenings(failure.trace)
    short, full = short_timeline(happened), timeline(failure.trace)
    assert len(short.splitlines()) < 0.6 * len(full.splitlines())
    for one in happened:
        if one.who in ("caller", "agent", "line", "end", "history"):
            assert one.what in short
    assert "first_token" not in short
    assert "(nothing)" not in short


def test_the_way_through_the_chart_names_lines_and_guards(failure: Failure) -> None:
    """Each transition has its states, its event, the guards' values, and its line in the file."""
    lines = chart_path(failure.trace).splitlines()
    at = next(place for place, line in enumerate(lines) if "overlap_held" in line)
    assert lines[at].endswith("overlap_held  [only_backchannel no]")
    where, event, way = lines[at + 1].split(maxsplit=2)
    assert (event, way) == ("overlap_held:", "speaking.overlapped.brief -> interrupted.contested")
    name, number = where.split(":")
    text = Path(failure.trace.chart.path).read_text(encoding="utf-8").splitlines()
    assert name == "call.yaml"
    assert "event: overlap_held, target: interrupted" in text[int(number) - 1]


def test_the_way_ends_where_it_is_told_to(failure: Failure) -> None:
    """Nothing is told of the time after the moment given."""
    times = [line[:9] for line in chart_path(failure.trace, 4500).splitlines() if line[:9].strip()]
    assert max(map(float, times)) <= 4.5


def test_the_diagram_is_mermaid(failure: Failure) -> None:
    """Every line is one that Mermaid's grammar has, and names only participants."""
    text = sequence(happenings(failure.trace), [(4000.0, "L2: it talks; on")])
    first, *lines = text.splitlines()
    assert first == "sequenceDiagram"
    assert [line for line in lines if not MESSAGE.fullmatch(line)] == []
    there = {line.split()[1] for line in lines if line.startswith("    participant")}
    for line in lines:
        if "->>" in line:
            assert set(line.split(":")[0].strip().split("->>")) <= there
    assert "    caller->>line: 4.000 says 'the other one for friday please' for 2 s" in lines
    assert "    Note over caller,chart: 4.000 L2: it talks#59; on" in lines
    assert any(re.fullmatch(r"    effect_timers->>chart: 4\.\d+ overlap_held", x) for x in lines)


@pytest.mark.parametrize(
    "text", ["a; b # c", '<must>"x"</must>', "%% c", "%%{init: {}}%%", "a\nb", "end", "`$$x$$`"]
)
def test_no_text_breaks_the_diagram(text: str) -> None:
    """What means something to Mermaid is written by its number."""
    happened = [Happening(0.0, place, who, text) for place, who in enumerate(("caller", "note"))]
    lines = sequence(happened).splitlines()[1:]
    assert [line for line in lines if not MESSAGE.fullmatch(line)] == []
    assert not any(sign in line for line in lines for sign in '%<"{`$')


def test_a_call_that_is_cut_off_at_once_can_be_told() -> None:
    """There is a timeline, a path and a picture of a call in which next to nothing happened."""
    trace = simulate(Scenario(says="Nothing.", ends_at=0.0))
    happened = happenings(trace)
    assert "ended" in short_timeline(happened)
    assert "idle -> " in chart_path(trace)
    assert "line->>chart: 0.000 the caller has hung up" in sequence(happened)
