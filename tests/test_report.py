"""A call as one page: what is in it, what is not, and what becomes of a damaged journal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from engine.cli import application
from engine.inspector.report import embedded, report_of
from engine.inspector.view import view_of
from engine.journal import AnyLine, Reading
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import default_chart, simulate

SCENARIO = Path(__file__).parent / "scenarios" / "a_question_is_answered.yaml"


@pytest.fixture(scope="module")
def lines() -> list[AnyLine]:
    return list(simulate(load_scenario(SCENARIO)).lines)


@pytest.fixture
def journal(tmp_path: Path, lines: list[AnyLine]) -> Path:
    path = tmp_path / "call.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def antiphon(*arguments: object) -> Result:
    return CliRunner().invoke(application("report"), [str(argument) for argument in arguments])


def data_of(html: str) -> Any:
    begins = html.index('id="report">') + len('id="report">')
    return json.loads(html[begins : html.index("</script>", begins)])


def test_a_report_is_one_page_that_asks_nobody(journal: Path) -> None:
    """Chart, data, styles and scripts are in it; it names no other file and no other host, and its
    policy would not let it ask."""
    assert antiphon("report", journal).exit_code == 0
    html = journal.with_suffix(".html").read_text(encoding="utf-8")
    data = data_of(html)
    assert data["view"]["turns"][0]["words"] == "where is my parcel"
    assert "<svg" in data["chart_svg"]
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert "<link" not in markup.replace('<link rel="icon" href="data:,">', "")
    assert "<script src" not in html
    assert re.search(r'(src|href)="(https?:)?//', html) is None
    assert "default-src 'none'" in html
    assert html.count("antiphon.page = new antiphon.Inspector()") == 1


def test_what_a_caller_says_cannot_break_out_of_its_place(lines: list[AnyLine]) -> None:
    """Neither the end of a script nor a separator that ends a line of JavaScript; it is read as it
    was said, and fills no place that the page leaves for something else."""
    nasty = "</script><script>alert(1)</script><!-- a report has its call here --> & \u2028\u2029"
    said = msgspec.json.decode(msgspec.json.encode(lines).replace(b"where is my parcel", b"NASTY"))
    text = json.dumps(said).replace("NASTY", json.dumps(nasty)[1:-1])
    spoken = msgspec.json.decode(text, type=list[AnyLine])
    html = report_of(view_of(Reading(spoken, []), default_chart()), "<svg></svg>")
    assert "alert(1)</script>" not in html
    assert "\u2028" not in html
    assert data_of(html)["view"]["turns"][0]["words"] == nasty
    assert json.loads(embedded(json.dumps(nasty))) == nasty


def test_no_script_of_the_page_ends_where_it_is_put_into_a_report(journal: Path) -> None:
    """As many scripts begin as end: none has the end of a script in it."""
    antiphon("report", journal)
    html = journal.with_suffix(".html").read_text(encoding="utf-8")
    page = Path("engine/inspector/page").glob("*.js")
    assert html.count("</script>") == len(list(page)) + 1
    assert html.count("</style>") == 1


def test_without_words_nothing_that_was_said_is_in_the_page(journal: Path, tmp_path: Path) -> None:
    """It can be attached to a public bug: neither words nor the folder of the journal."""
    path = tmp_path / "bug.html"
    assert antiphon("report", journal, "-o", path, "--no-words").exit_code == 0
    html = path.read_text(encoding="utf-8")
    for said in ("where is my parcel", "left Memphis", "Are you there", str(tmp_path)):
        assert said not in html
    assert data_of(html)["view"]["turns"][0]["words"] == "[4 words]"


def test_of_a_damaged_journal_there_is_what_can_be_read(journal: Path) -> None:
    """Each line that cannot is named with its number, in the page and at the terminal; one that
    was cut off is said to be so. That is no failure."""
    texts = journal.read_bytes().split(b"\n")
    texts[3] = b"{spoilt"
    journal.write_bytes(b"\n".join(texts[:40]) + b"\n")
    result = antiphon("report", journal)
    assert result.exit_code == 0
    assert "call.jsonl:4: not a journal line" in result.stderr
    assert "cut off" in result.stderr
    view = data_of(journal.with_suffix(".html").read_text(encoding="utf-8"))["view"]
    assert len(view["lines"]) == 39
    assert [trouble[:13] for trouble in view["troubles"]] == ["call.jsonl:4:", "the journal w"]
    assert view["call"]["outcome"] == "cut off"


@pytest.mark.parametrize("content", [b"", b"what to buy\n", b'{"line":"end"}\n'])
def test_a_file_of_which_nothing_can_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    """In one line, with code 2, and no page is written."""
    path = tmp_path / "call.jsonl"
    path.write_bytes(content)
    result = antiphon("report", path)
    assert result.exit_code == 2
    assert result.stderr.startswith("antiphon: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert not path.with_suffix(".html").exists()


def test_a_report_that_cannot_be_written_is_an_error(journal: Path, tmp_path: Path) -> None:
    """With the path and why."""
    result = antiphon("report", journal, "-o", tmp_path / "no" / "such" / "call.html")
    assert result.exit_code == 2
    assert "cannot write the report" in result.stderr
