"""``antiphon show``: which call is meant, what is printed, and what a spoilt journal comes to."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from engine.cli import application
from engine.journal import AnyLine, Head
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import simulate

SCENARIO = Scenario(
    says="", caller=[Act(at=2.0, say="hello there")], answers=[Answer(says="Hi.")], ends_at=8.0
)
LINES = simulate(SCENARIO).lines
DAY = "20261121T1146"


def encoded(lines: list[AnyLine]) -> list[bytes]:
    return [msgspec.json.encode(line) for line in lines]


def kept(folder: Path, call_id: str, second: int, *, lines: int | None = None) -> Path:
    """A journal of this call in the folder, as far as so many lines."""
    head, *rest = LINES
    assert isinstance(head, Head)
    started = f"2026-11-21T11:46:{second:02}+00:00"
    head = msgspec.structs.replace(head, call_id=call_id, started=started)
    path = folder / f"{DAY}{second:02}-{call_id}.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in encoded([head, *rest])[:lines]))
    return path


def show(*arguments: str | Path, folder: Path) -> Result:
    return CliRunner().invoke(
        application("show"), ["show", "--calls", str(folder), *map(str, arguments)]
    )


def test_a_call_is_found_by_a_part_of_its_id(tmp_path: Path) -> None:
    """Or by its journal; without either it is the latest."""
    first, other = kept(tmp_path, "CA111aaa", 1), kept(tmp_path, "CA222bbb", 2)
    for asked, found in (("1aa", "CA111aaa"), (first, "CA111aaa"), (other, "CA222bbb")):
        result = show(asked, folder=tmp_path)
        assert (result.exit_code, result.stdout.splitlines()[0]) == (0, found)
    assert show(folder=tmp_path).stdout.startswith("CA222bbb\n")


def test_an_id_that_another_begins_with_is_still_found(tmp_path: Path) -> None:
    """The whole id means that call, whatever others there are."""
    kept(tmp_path, "CA1", 1)
    kept(tmp_path, "CA12", 2)
    assert show("CA1", folder=tmp_path).stdout.startswith("CA1\n")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["CA"], "2 calls in "),
        (["nobody"], "has 'nobody' in its id"),
        (["nowhere.jsonl"], "cannot read the journal nowhere.jsonl"),
    ],
)
def test_a_call_that_cannot_be_told_is_one_line(
    tmp_path: Path, asked: list[str], says: str
) -> None:
    """Exit code 2, and what to do."""
    kept(tmp_path, "CA111aaa", 1)
    kept(tmp_path, "CA222bbb", 2)
    result = show(*asked, folder=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("antiphon: ")
    assert says in line


def test_a_folder_without_calls_is_one_line(tmp_path: Path) -> None:
    """There is nothing to show."""
    result = show(folder=tmp_path / "none")
    assert result.exit_code == 2
    assert result.stderr.startswith("antiphon: no calls in ")


def test_a_spoilt_journal_is_shown_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    """What is wrong stands at the end with its line, and the exit code is 1."""
    path = kept(tmp_path, "CA1", 1)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"line":"nonsense"}\n'
    path.write_bytes(b"".join(lines))
    result = show(path, folder=tmp_path)
    assert result.exit_code == 1
    assert "hello there" in result.stdout
    assert result.stderr.startswith(f"antiphon: {path}:5: not a journal line")
    assert len(result.stderr.splitlines()) == 1


def test_a_journal_that_was_cut_off_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    """A process that was killed in mid-line leaves no end: that is said, with the last line."""
    whole = len(LINES) - 6
    path = kept(tmp_path, "CA1", 1, lines=whole)
    with path.open("ab") as journal:
        journal.write(b'{"line":"event","seq"')
    result = show(path, folder=tmp_path)
    assert result.exit_code == 1
    assert "hello there" in result.stdout
    assert result.stderr.startswith(f"antiphon: {path}:{whole}: the last line, and no end")


def test_what_is_no_journal_is_one_line(tmp_path: Path) -> None:
    """Nothing of it can be read: exit code 2."""
    path = tmp_path / "x.jsonl"
    path.write_text("hello\n")
    result = show(path, folder=tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"antiphon: {path}:1: not a journal line")


def test_the_turns_as_json_lines(tmp_path: Path) -> None:
    """A line a turn, with its latency, how that feels, and where it went."""
    path = kept(tmp_path, "CA1", 1)
    (turn,) = map(json.loads, show(path, "--json", folder=tmp_path).stdout.splitlines())
    assert (turn["call"], turn["turn"]["words"]) == ("CA1", "hello there")
    assert turn["feeling"] == "natural"
    assert sum(step["took_ms"] for step in turn["waterfall"]) == turn["latency_ms"]


def test_words_can_be_left_out_of_everything(tmp_path: Path) -> None:
    """Of the transcript, the waterfalls, and the JSON lines."""
    path = kept(tmp_path, "CA1", 1)
    for options in (["--waterfalls"], ["--json"]):
        shown = show(path, *options, folder=tmp_path).stdout
        hidden = show(path, "--no-words", *options, folder=tmp_path).stdout
        assert "hello there" in shown
        assert "hello" not in hidden.lower()
        assert "Hi." not in hidden


def test_the_waterfalls_follow_the_transcript(tmp_path: Path) -> None:
    """Step by step, where the time of each turn went."""
    text = show(kept(tmp_path, "CA1", 1), "--waterfalls", folder=tmp_path).stdout
    assert text.index("turn 1: ") > text.index("completed: ended")
    assert "first token" in text


def test_the_calls_of_a_folder_are_listed_newest_first(tmp_path: Path) -> None:
    """A line each, with what is worth a look; what is no journal is passed over."""
    kept(tmp_path, "CA1", 1)
    kept(tmp_path, "CA2", 2, lines=len(LINES) - 1)
    kept(tmp_path, "CA3", 3)
    (tmp_path / "x.jsonl").write_text("hello\n")
    heading, *rows = show("--list", folder=tmp_path).stdout.splitlines()
    assert heading.split()[0] == "call"
    assert [row.split()[0] for row in rows] == ["CA3", "CA2", "CA1"]
    assert rows[0].split()[1:] == ["2026-11-21", "11:46", "0:08", "1", "302/302", "ms"]
    assert rows[1].endswith("no end")
    newest = show("--list", "--last", "2", folder=tmp_path).stdout.splitlines()[1:]
    assert [row.split()[0] for row in newest] == ["CA3", "CA2"]
