"""What a service shows of its calls: those that go on, and those in its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from adapters.front.http import Request
from adapters.twilio.dialing import Address
from adapters.twilio.recording import CallRecord, Stretch
from effects.ports import ProviderLost
from engine.errors import AntiphonError
from engine.insight import CallTurns, turns_of
from engine.inspector import calls as recorded_calls
from engine.inspector import server
from engine.inspector.live import CALLS_KEPT
from engine.inspector.pages import page_routes
from engine.inspector.server import Inspector
from engine.inspector.summary import CallSummary
from engine.journal import Head, Reading
from engine.phone_cli import waits_ms
from engine.session import Desk
from engine.simulation.scenario import Scenario
from engine.simulation.world import default_chart
from engine.turns import TurnRecord
from tests.inspector_kit import LINES, a_call, an_inspector, asked, journal, listening, watched
from tests.test_service import Change, a_desk


async def told(inspector: Inspector, path: str, query: str = "") -> Any:
    answer = await asked(inspector, path, query)
    assert (answer.status, answer.content_type) == (200, "application/json"), answer.body
    return json.loads(answer.body)


async def listed(inspector: Inspector, query: str = "") -> list[CallSummary]:
    answer = await asked(inspector, "/inspect/calls", query)
    return msgspec.json.decode(answer.body, type=list[CallSummary])


def desk_with_another_chart() -> Desk:
    """A desk whose chart did not come with antiphon."""
    desk = a_desk(Change())
    return replace(desk, chart=replace(desk.chart, path="mine.yaml"))


# --- turns and providers, as programs ask for them


async def test_the_turns_of_a_call_are_told_live_and_afterwards() -> None:
    """As far as they go while it is live, and whole when it is over."""
    inspector, lines = an_inspector(), a_call("CA1")
    (watch,) = inspector.watchers()
    watch(lines[0])
    live = msgspec.json.decode((await asked(inspector, "/turns", "call=CA1")).body, type=CallTurns)
    assert (live.over, live.turns) == (False, [])
    for line in lines[1:]:
        watch(line)
    over = msgspec.json.decode((await asked(inspector, "/turns", "call=CA1")).body, type=CallTurns)
    assert over.over
    assert [(turn.words, turn.outcome) for turn in over.turns] == [("hello there", "completed")]
    assert over.turns[0].waterfall


async def test_the_health_of_every_provider_is_told() -> None:
    """Port by port, what became of its work and whether it is asked at all."""
    desk = a_desk(Change())
    mind = desk.ports.language_model.first.name
    desk.ports.language_model.failed(mind, ProviderLost("gone"))
    providers = await told(an_inspector(desk), "/providers")
    assert [one["port"] for one in providers] == ["recogniser", "mind", "voice"]
    assert providers[1] == {
        "port": "mind",
        "provider": mind,
        "breaker": "closed",
        "failures_in_a_row": 1,
        "succeeded": 0,
        "failed": 1,
    }


async def test_a_caller_on_the_machine_is_told_over_the_port() -> None:
    """Through the service's own HTTP; of a call that it does not know there is nothing to tell, and
    a service elsewhere is not asked."""
    inspector = an_inspector()
    watched(inspector, a_call("CA 1&2"))
    async with listening(inspector) as at:
        service = Address("127.0.0.1", at.port, "/media")
        turns = await turns_of(service, "CA 1&2")
        assert [turn.words for turn in turns] == ["hello there"]
        assert isinstance(turns[0], TurnRecord)
        assert await turns_of(service, "CA2") == []
    assert await turns_of(service, "CA 1&2") == []
    assert await turns_of(Address("calls.example.com", 80, "/media"), "CA2") == []


def test_what_is_heard_at_the_line() -> None:
    """The wait for each answer; none where the agent speaks on, or the caller speaks first."""
    record = CallRecord(
        said=[Stretch(1.0, 2.0), Stretch(4.0, 5.0), Stretch(6.0, 7.0), Stretch(8.0, 9.0)],
        heard=[Stretch(2.6, 5.5), Stretch(9.75, 11.0)],
    )
    waits = [None if wait_ms is None else round(wait_ms) for wait_ms in waits_ms(record)]
    assert waits == [600, None, None, 750]
    assert waits_ms(CallRecord(heard=[Stretch(0.0, 1.0)])) == []


# --- the list


async def test_live_calls_come_first_then_the_recorded_newest_first(tmp_path: Path) -> None:
    """A call that goes on is in the list once, though its journal is being written."""
    for name, call_id in (("20260101T000000-CA1", "CA1"), ("20260102T000000-CA2", "CA2")):
        journal(tmp_path, f"{name}.jsonl", a_call(call_id))
    journal(tmp_path, "20260103T000000-CA_3.jsonl", a_call("CA 3")[:5])
    (tmp_path / "notes.txt").write_text("no journal")
    inspector = an_inspector(calls=tmp_path)
    watched(inspector, a_call("CA2"))
    watched(inspector, a_call("CA 3")[:5])
    found = await listed(inspector)
    assert [(call.call_id, call.outcome, call.file) for call in found] == [
        ("CA 3", "live", ""),
        ("CA2", "completed", "20260102T000000-CA2.jsonl"),
        ("CA1", "completed", "20260101T000000-CA1.jsonl"),
    ]
    assert (found[0].state, found[1].state) == ("thinking", "")


async def test_a_service_that_keeps_no_journals_lists_what_it_remembers() -> None:
    """Those that go on, and those that were over lately."""
    inspector = an_inspector()
    watched(inspector, a_call("CA1"))
    watched(inspector, a_call("CA2")[:5])
    found = await listed(inspector)
    assert [(call.call_id, call.outcome) for call in found] == [
        ("CA2", "live"),
        ("CA1", "completed"),
    ]


async def test_a_long_list_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest, then those before the last one of these, which are linked to."""
    monkeypatch.setattr(recorded_calls, "LISTED", 3)
    for day in range(5):
        journal(tmp_path, f"2026010{day}T000000-CA{day}.jsonl", a_call(f"CA{day}"))
    inspector = an_inspector(calls=tmp_path)
    watched(inspector, a_call("CA9")[:5])
    first = await listed(inspector)
    assert [call.call_id for call in first] == ["CA9", "CA4", "CA3", "CA2"]
    journal(tmp_path, "20260100T000000-CA9.jsonl", a_call("CA9")[:5])
    more = await listed(inspector, f"before={first[-1].file}")
    assert [call.call_id for call in more] == ["CA1", "CA0"]
    assert await listed(inspector, f"before={more[-1].file}") == []
    answer = await asked(inspector, "/inspect/calls")
    assert answer.headers["link"] == f'</inspect/calls?before={first[-1].file}>; rel="next"'
    answer = await asked(inspector, "/inspect/calls", f"before={first[-1].file}")
    assert "link" not in answer.headers


async def test_a_list_that_takes_long_ends_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one more call each time at the least, so that whoever asks on has them all."""
    monkeypatch.setattr(recorded_calls, "LIST_S", -1.0)
    for day in range(3):
        journal(tmp_path, f"2026010{day}T000000-CA{day}.jsonl", a_call(f"CA{day}"))
    inspector = an_inspector(calls=tmp_path)
    (newest,) = await listed(inspector)
    (second,) = await listed(inspector, f"before={newest.file}")
    assert (newest.call_id, second.call_id) == ("CA2", "CA1")


async def test_a_call_whose_journal_is_not_all_on_the_disk_is_over_all_the_same(
    tmp_path: Path,
) -> None:
    """The end is known before it is written. An older call of the same id was truly cut off."""
    (head, *rest) = a_call("CA1")
    assert isinstance(head, Head)
    older = msgspec.structs.replace(head, started="2026-01-01T00:00:00+00:00")
    journal(tmp_path, "20260101T000000-CA1.jsonl", [older, *rest[:5]])
    journal(tmp_path, "20260102T000000-CA1.jsonl", a_call("CA1")[:-1])
    inspector = an_inspector(calls=tmp_path)
    watched(inspector, a_call("CA1"))
    assert [(call.outcome, call.file) for call in await listed(inspector)] == [
        ("completed", "20260102T000000-CA1.jsonl"),
        ("cut off", "20260101T000000-CA1.jsonl"),
    ]


async def test_no_journal_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But one that changed is, and one that is gone is in the list no more."""
    read: list[str] = []

    def reading_of(path: Path) -> Reading:
        read.append(path.name)
        return _reading_of(path)

    _reading_of = recorded_calls.reading_of
    monkeypatch.setattr(recorded_calls, "reading_of", reading_of)
    for name in ("a", "b", "c"):
        journal(tmp_path, f"{name}.jsonl", a_call(name))
    inspector = an_inspector(calls=tmp_path)
    assert len(await listed(inspector)) == 3
    assert read == ["c.jsonl", "b.jsonl", "a.jsonl"]
    journal(tmp_path, "b.jsonl", a_call("b")[:-1])
    (tmp_path / "c.jsonl").unlink()
    found = await listed(inspector)
    assert read[3:] == ["b.jsonl"]
    assert [(call.call_id, call.outcome) for call in found] == [
        ("b", "cut off"),
        ("a", "completed"),
    ]


async def test_a_spoilt_journal_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    """Whether nothing of it can be read, or some; the folder is named nowhere."""
    (tmp_path / "a.jsonl").write_bytes(b"rubbish\n")
    (tmp_path / "b.jsonl").write_bytes(b"")
    (tmp_path / "c.jsonl").mkdir()
    spoilt = journal(tmp_path, "d.jsonl", a_call("CAd"))
    spoilt.write_bytes(spoilt.read_bytes().replace(b"\n", b"\nrubbish\n\xff\n", 1))
    found = await listed(an_inspector(calls=tmp_path))
    d, c, b, a = found
    assert a.reason.startswith("a.jsonl:1: not a journal line:")
    assert b.reason.startswith("b.jsonl:1: nothing in it")
    assert c.reason == "c.jsonl: not a file"
    assert all((call.outcome, call.flags) == ("failed", ["failed"]) for call in (a, b, c))
    assert (d.call_id, d.outcome, d.turns) == ("CAd", "completed", 1)
    assert d.reason.startswith("ended; d.jsonl:2: not a journal line:")
    assert d.reason.endswith("; 2 lines cannot be read")
    assert not any(str(tmp_path) in call.reason for call in found)


async def test_a_folder_that_is_not_there_has_no_calls(tmp_path: Path) -> None:
    """It may have been deleted under the service."""
    assert await listed(an_inspector(calls=tmp_path / "gone")) == []


async def test_a_journal_that_is_too_long_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is listed, and says so."""
    monkeypatch.setattr(recorded_calls, "JOURNAL_BYTES_MOST", 1000)
    journal(tmp_path, "a.jsonl", a_call("a"))
    (one,) = await listed(an_inspector(calls=tmp_path))
    assert one.reason.startswith("a.jsonl: too long to be shown: ")


# --- one call


async def test_a_call_is_found_by_its_id_and_by_its_journal(tmp_path: Path) -> None:
    """With and without the suffix; of two journals of one call the newest is it."""
    for day in (1, 2):
        journal(tmp_path, f"2026010{day}T000000-CA_1.jsonl", a_call("CA 1"))
    (tmp_path / "20260102T000000-CA_1.wav").write_bytes(b"")
    inspector = an_inspector(a_desk(Change()), calls=tmp_path)
    newest = "20260102T000000-CA_1"
    oldest = "20260101T000000-CA_1.jsonl"
    for call_id, file in (
        ("CA%201", f"{newest}.jsonl"),
        (newest, f"{newest}.jsonl"),
        (oldest, oldest),
    ):
        view = await told(inspector, "/inspect/call", f"id={call_id}")
        assert (view["call"]["call_id"], view["call"]["file"]) == ("CA 1", file)
        assert len(view["lines"]) == len(LINES)
        assert [turn["words"] for turn in view["turns"]] == ["hello there"]


@pytest.mark.parametrize(
    "call_id",
    [
        "",
        "../secret",
        "..%2Fsecret",
        "%2Fetc%2Fpasswd",
        "..",
        ".",
        "secret.jsonl%00",
        "link%2Fsecret",
        "%FF",
    ],
)
@pytest.mark.parametrize("path", ["/inspect/call", "/inspect/scenario", "/inspect/live", "/turns"])
async def test_nothing_but_the_folder_s_own_journals_is_found(
    path: str, call_id: str, tmp_path: Path
) -> None:
    """An id is no path."""
    folder = tmp_path / "calls"
    folder.mkdir()
    journal(tmp_path, "secret.jsonl", a_call("secret"))
    (folder / "link").symlink_to(tmp_path)
    inspector = an_inspector(a_desk(Change()), calls=folder)
    assert (await asked(inspector, path, f"id={call_id}&call={call_id}")).status == 404


async def test_a_live_call_is_shown_as_far_as_it_went() -> None:
    """And whole when it is over, from memory if there is no journal."""
    inspector = an_inspector(a_desk(Change()))
    watch = watched(inspector, a_call("CA1")[:5])
    assert watch is not None
    view = await told(inspector, "/inspect/call", "id=CA1")
    assert (view["call"]["outcome"], len(view["lines"])) == ("live", 5)
    for line in a_call("CA1")[5:]:
        watch(line)
    view = await told(inspector, "/inspect/call", "id=CA1")
    assert (view["call"]["outcome"], len(view["lines"])) == ("completed", len(LINES))


async def test_a_spoilt_journal_is_shown_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    """With what is wrong; and where there is nothing to show, that is said with the line."""
    spoilt = journal(tmp_path, "a.jsonl", a_call("a"))
    spoilt.write_bytes(spoilt.read_bytes().replace(b"\n", b"\nrubbish\n", 1))
    (tmp_path / "b.jsonl").write_bytes(b"rubbish\n")
    inspector = an_inspector(a_desk(Change()), calls=tmp_path)
    view = await told(inspector, "/inspect/call", "id=a")
    assert len(view["lines"]) == len(LINES)
    assert view["troubles"][0].startswith("a.jsonl:2: not a journal line")
    refused = await asked(inspector, "/inspect/call", "id=b")
    assert refused.status == 422
    assert refused.body.startswith(b"b.jsonl:1: not a journal line")


async def test_only_the_latest_calls_are_kept() -> None:
    """A service that runs for months does not grow by it."""
    inspector = an_inspector()
    for number in range(CALLS_KEPT + 1):
        watched(inspector, a_call(f"CA{number}"))
    assert (await asked(inspector, "/turns", "call=CA0")).status == 404
    assert (await asked(inspector, "/turns", "call=CA1")).status == 200
    assert (await asked(inspector, "/turns", f"call=CA{CALLS_KEPT}")).status == 200


async def test_a_call_can_be_had_as_a_scenario(tmp_path: Path) -> None:
    """As YAML that is a scenario."""
    journal(tmp_path, "a.jsonl", a_call("a"))
    answer = await asked(an_inspector(calls=tmp_path), "/inspect/scenario", "id=a")
    assert (answer.status, answer.content_type) == (200, "text/yaml; charset=utf-8")
    msgspec.convert(yaml.safe_load(answer.body), Scenario, str_keys=False)


# --- the chart and the pages


async def test_the_picture_of_our_chart_is_the_one_beside_it() -> None:
    """It was drawn before."""
    answer = await asked(an_inspector(a_desk(Change())), "/inspect/chart.svg")
    assert (answer.status, answer.content_type) == (200, "image/svg+xml")
    assert answer.body == Path(default_chart().path).with_suffix(".svg").read_bytes()


async def test_another_chart_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many look."""
    drawn: list[str] = []

    def svg(chart: object, layout: object) -> str:
        drawn.append("drawn")
        return "<svg/>"

    monkeypatch.setattr(server, "layout_of", lambda chart: None)
    monkeypatch.setattr(server, "svg", svg)
    inspector = an_inspector(desk_with_another_chart())
    for _ in range(3):
        answer = await asked(inspector, "/inspect/chart.svg")
        assert (answer.status, answer.body) == (200, b"<svg/>")
    assert drawn == ["drawn"]


async def test_where_no_picture_can_be_made_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a line, with what to do."""

    def layout_of(chart: object) -> None:
        raise AntiphonError("no layout for this chart: install Graphviz")

    monkeypatch.setattr(server, "layout_of", layout_of)
    answer = await asked(an_inspector(desk_with_another_chart()), "/inspect/chart.svg")
    assert (answer.status, answer.body) == (404, b"no layout for this chart: install Graphviz\n")


@pytest.mark.parametrize("path", ["/inspect/call", "/inspect/chart.svg"])
async def test_until_it_is_loaded_a_service_says_so(path: str) -> None:
    """And when to come again."""
    answer = await asked(an_inspector(), path, "id=CA1")
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")


async def test_a_page_s_files_are_what_lies_in_its_folder(tmp_path: Path) -> None:
    """Each with its type; no other kind of file, and nothing from below or above."""
    for name in ("index.html", "look.js", "look.css", "worklet.js", "notes.md", "code.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.js").mkdir()
    routes = page_routes(tmp_path, "/inspect", "/inspect/page")
    assert sorted(routes) == [
        "/inspect",
        "/inspect/page/look.css",
        "/inspect/page/look.js",
        "/inspect/page/worklet.js",
    ]
    page = await routes["/inspect"](Request("GET", "/inspect"))
    assert (page.body, page.content_type) == (b"index.html", "text/html; charset=utf-8")
    script = await routes["/inspect/page/look.js"](Request("GET", "/inspect/page/look.js"))
    assert script.content_type == "text/javascript; charset=utf-8"
    assert page_routes(tmp_path / "none", "/phone", "/phone") == {}
