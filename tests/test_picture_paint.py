"""Painted pictures: by the journals of calls, and by what a campaign has covered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from engine.chart import default_chart_path
from engine.cli import application
from engine.journal import Event, read_journal
from engine.picture.paint import by_coverage, by_use
from engine.picture.tally import Taken, Tally, read_taken, tally_of, write_taken
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import simulate
from tests.chart_kit import shipped_chart

CALL = Scenario(says="", caller=[Act(at=2.0, say="hello there")], ends_at=6.0)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A call's journal, in a folder of its own."""
    path = tmp_path / "calls" / "call.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"\n".join(simulate(CALL).journal) + b"\n")
    return path


def tally(path: Path) -> Tally:
    def warn(text: str) -> None:
        raise AssertionError(text)

    return tally_of(shipped_chart(), [path], warn)


def of_another_chart(path: Path, name: str, *, differs: bool) -> Path:
    """The journal of a call on a chart with another text, which may go other ways."""
    text = path.read_text(encoding="utf-8").replace(shipped_chart().digest, "0123456789abcdef")
    other = path.with_name(name)
    other.write_text(text.replace('"took":[[1,', '"took":[[0,') if differs else text)
    return other


class TestTally:
    def test_times_and_counts_are_those_of_the_journal(self, journal: Path) -> None:
        """The states of a region share the time of the call; each transition counts."""
        told, chart = tally(journal), shipped_chart()
        lines = [line for line in read_journal(journal) if isinstance(line, Event)]
        assert told.calls == 1
        assert told.taken.total() == sum(len(line.took) for line in lines)
        assert told.taken[1] == 1
        floor = chart.states["floor"]
        regions = [told.in_state_ms[region.id] for region in chart.states["live"].children]
        assert regions == pytest.approx([told.in_state_ms["live"]] * 3)
        inside = sum(told.in_state_ms.get(child.id, 0.0) for child in floor.children)
        assert inside == pytest.approx(told.in_state_ms["floor"])
        assert told.ms == pytest.approx(6000, abs=200)
        assert told.entered["hearing"] >= 1

    def test_a_folder_is_all_its_journals(self, journal: Path) -> None:
        """Twice the same call is twice the numbers; the same file given twice is not."""
        journal.with_name("other.jsonl").write_bytes(journal.read_bytes())
        once, twice = tally(journal), tally(journal.parent)
        assert twice.calls == 2
        assert twice.taken == once.taken + once.taken
        folder = [journal.parent, journal]
        assert tally_of(shipped_chart(), folder, lambda _: None).calls == 2

    def test_a_call_on_another_text_of_the_chart_counts_if_it_replays(self, journal: Path) -> None:
        """Its numbers are this chart's then."""
        other = of_another_chart(journal, "other.jsonl", differs=False)
        assert tally(other).taken == tally(journal).taken

    def test_a_call_that_does_not_replay_is_left_out(self, journal: Path) -> None:
        """Which is said."""
        of_another_chart(journal, "other.jsonl", differs=True)
        said: list[str] = []
        assert tally_of(shipped_chart(), [journal.parent], said.append).calls == 1
        assert ["other.jsonl is left out" in line for line in said] == [True]


class TestPaint:
    def test_by_use(self, journal: Path) -> None:
        """Longer is hotter; what was not used stays plain; tips tell the figures."""
        told = tally(journal)
        paint = by_use(shipped_chart(), told)
        heats = [heat for heat, _ in paint.legend]
        by_time = sorted(told.in_state_ms, key=lambda state: told.in_state_ms[state])
        leaves = [s for s in by_time if not shipped_chart().states[s].children and s != "ended"]
        steps = [heats.index(paint.states[state].heat) for state in leaves]
        assert steps == sorted(steps)
        assert steps[0] < steps[-1]
        assert paint.states["machine"].heat == "plain"
        assert paint.transitions[1].figure == "1×"
        assert paint.transitions[1].tip == "taken once"
        assert paint.transitions[3].heat == "plain"
        assert re.fullmatch(r"\d+% \d+\.\d s", paint.states["waiting"].figure)

    @pytest.mark.parametrize("most", [0, 1, 3, 17, 1000, 1234567, 5 * 10**9])
    def test_the_legend_has_every_count_once(self, most: int) -> None:
        """From one to the most, without holes; figures are short."""
        chart = shipped_chart()
        counts = {1: most, 2: max(0, most - 1)}
        paint = by_coverage(chart, Taken(chart=chart.digest, calls=1, transitions=counts))
        (never, *steps) = paint.legend
        assert never == ("never", "never taken")
        ends = [[int(number) for number in re.findall(r"\d+", text)] for _, text in steps]
        assert [low for low, *_ in ends] == [1, *(one[-1] + 1 for one in ends)][: len(ends)]
        assert (ends[-1][-1] if ends else 0) == most
        assert paint.transitions[1].heat == (steps[-1][0] if most else "never")
        assert max(len(shade.figure) for shade in paint.transitions.values()) <= 4

    def test_an_arrow_of_several_transitions_may_have_more_than_each(self) -> None:
        """It is as hot as the hottest, and tells its own figure."""
        chart = shipped_chart()
        taken = Taken(chart=chart.digest, calls=1, transitions={0: 3, 1: 3})
        arrows = by_coverage(chart, taken).arrows
        assert {(one.heat, one.figure) for one in arrows.values() if one.figure != "0"} == {
            ("heat-4", "6×")
        }

    def test_by_coverage(self) -> None:
        """What was never taken stands out, and so does a state of which nothing was."""
        chart = shipped_chart()
        taken = Taken(chart=chart.digest, calls=2, transitions={1: 3})
        paint = by_coverage(chart, taken)
        assert paint.transitions[1].heat == "heat-4"
        assert paint.transitions[2].heat == "never"
        assert paint.arrows["from-live-to-ended"].heat == "never"
        assert paint.states["idle"].figure == "1/2"
        assert paint.states["live"].heat == "never"


def diagram(*arguments: object) -> Result:
    return CliRunner().invoke(application("diagram"), ["diagram", *map(str, arguments)])


def one_line(arguments: Sequence[object]) -> str:
    result = diagram(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("antiphon: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


class TestTheCommand:
    def test_a_picture_by_journals(self, journal: Path, tmp_path: Path) -> None:
        """Written to a file; figures stand in it and in what is told when pointed at."""
        result = diagram("--journal", journal, "-o", tmp_path / "used.svg")
        assert result.exit_code == 0, result.output
        text = (tmp_path / "used.svg").read_text(encoding="utf-8")
        assert "1 call, 6.0 s" in text
        assert 'class="chart painted"' in text
        assert re.search(r"waiting\nruns idle_timer\n[\d.]+% of the time, .* entered", text)

    def test_a_picture_by_coverage(self, tmp_path: Path) -> None:
        """From the file that a campaign writes."""
        chart, path = shipped_chart(), tmp_path / "taken.json"
        write_taken(path, chart, 7, {0: 7})
        assert read_taken(path, chart).transitions == {0: 7}
        result = diagram("--coverage", path)
        assert result.exit_code == 0, result.output
        assert f"7 calls: 1 of {len(chart.transitions)} transitions taken." in result.stdout

    def test_the_plain_picture_is_the_committed_one(self) -> None:
        """Which is what it draws without options."""
        path = default_chart_path().with_suffix(".svg")
        assert diagram().stdout == path.read_text(encoding="utf-8")

    def test_what_cannot_be_drawn_is_one_line(self, journal: Path, tmp_path: Path) -> None:
        """Code 2, and what to do about it."""
        (tmp_path / "empty").mkdir()
        (tmp_path / "bad.json").write_text("{}")
        taken = Taken(chart="0123456789abcdef", calls=1, transitions={})
        (tmp_path / "old.json").write_bytes(msgspec.json.encode(taken))
        differs = of_another_chart(journal, "differs.jsonl", differs=True)
        for arguments, said in (
            (["nowhere.yaml"], "cannot read the chart nowhere.yaml"),
            (["--journal", tmp_path / "empty"], "no journals (*.jsonl) in"),
            (["--journal", tmp_path / "none.jsonl"], "cannot read the journal"),
            (["--journal", differs], "was held on another chart and does not replay on this one:"),
            (["--coverage", tmp_path / "bad.json"], "not what antiphon fuzz --coverage writes"),
            (["--coverage", tmp_path / "old.json"], "is of another chart"),
            (["--coverage", tmp_path / "none.json"], "cannot read"),
            (["--coverage", "x", "--journal", journal], "one meaning"),
            (["-f", "mermaid", "--journal", journal], "-f svg, not mermaid"),
            (["-o", tmp_path], "cannot write"),
        ):
            assert said in one_line(arguments)
