"""A call that goes on, followed by pages over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio

from adapters.front.server import Listening
from engine.inspector import kept, live
from engine.inspector.kept import KeptLines
from engine.inspector.live import CALLS_KEPT, Live, LiveCall, Page, decoded
from engine.inspector.server import Inspector
from engine.inspector.view import turn_view
from engine.journal import AnyLine
from engine.session import Watcher
from engine.turns import Turns
from tests.inspector_kit import LINES, TOKEN, a_call, an_inspector, asked, listening, watched
from tests.sockets_kit import SOON_S
from tests.test_service import Change, a_desk

HALF = len(LINES) // 2
GENEROUS_S = 4 * SOON_S
"""For twenty pages on a slow machine."""


class Event:
    """A Server-Sent Event."""

    def __init__(self, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        self.kind, self.id = fields["event"], fields.get("id", "")
        self.data: Any = json.loads(fields["data"])


class Follower:
    """A page: what it is told of a call."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.events: list[Event] = []
        self._unread = ""

    @property
    def lines(self) -> list[Any]:
        return [event.data["line"] for event in self.events if event.kind == "line"]

    @property
    def turns(self) -> Any:
        return [event.data for event in self.events if event.kind == "turns"][-1]

    @property
    def over(self) -> bool:
        return bool(self.events) and self.events[-1].kind == "over"

    async def until(self, lines: int) -> None:
        """Read until so many lines have come."""
        while len(self.lines) < lines:
            assert await self.read(), "the stream ended"

    async def to_the_end(self) -> None:
        """Read until the stream ends."""
        while await self.read():
            pass

    async def read(self) -> bool:
        """Read something; False at the end."""
        data = await self.stream.receive_some()
        self._unread += data.decode()
        *whole, self._unread = self._unread.split("\n\n")
        self.events += [Event(text) for text in whole if not text.startswith(":")]
        return bool(data)


@asynccontextmanager
async def following(
    at: Listening, call_id: str = "CA1", after: int = 0, headers: str = ""
) -> AsyncIterator[Follower]:
    """A page that follows a call from this line on. It knows no chunks (HTTP/1.0)."""
    with trio.fail_after(GENEROUS_S):
        async with await trio.open_tcp_stream(at.host, at.port) as stream:
            path = f"/inspect/live?id={call_id}&after={after}"
            head = f"GET {path} HTTP/1.0\r\nHost: {at.host}:{at.port}\r\n{headers}\r\n"
            await stream.send_all(head.encode())
            said = b""
            while not said.endswith(b"\r\n\r\n"):  # a byte at a time: what follows is not ours
                said += await stream.receive_some(1)
            assert said.startswith(b"HTTP/1.1 200 "), said
            assert b"text/event-stream" in said
            yield Follower(stream)


@asynccontextmanager
async def a_live_call() -> AsyncIterator[tuple[Inspector, Listening, Watcher]]:
    """A call on a real port that has come to its half."""
    inspector = an_inspector(a_desk(Change()))
    watch = watched(inspector, a_call("CA1")[:HALF])
    assert watch is not None
    async with listening(inspector) as at:
        yield inspector, at, watch


def plain(lines: list[AnyLine]) -> Any:
    """Lines as they stand in a journal."""
    return json.loads(msgspec.json.encode(lines))


def turns_of(lines: list[AnyLine]) -> Any:
    records = Turns.of(lines).records
    return json.loads(msgspec.json.encode([turn_view(record) for record in records]))


def test_lines_are_kept_in_order_and_in_little_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """From any line on, across blocks; a copy has what there was and no more."""
    monkeypatch.setattr(kept, "BLOCK_BYTES", 1000)
    said = [b"line %d of a call, much like the others" % number for number in range(100)]
    lines = KeptLines()
    for number, line in enumerate(said):
        assert len(lines) == number
        if number == 60:
            before = lines.copy()
        lines.append(line)
    for count in range(102):
        assert list(lines.after(count)) == said[count:]
    assert list(before) == said[:60]
    assert len(before) == 60


async def test_a_page_follows_a_call_to_its_end() -> None:
    """First what there is, then each line as it comes, with its number; the turns whenever one
    changed; and at the end it is told so."""
    async with a_live_call() as (_, at, watch), following(at) as page:
        await page.until(HALF)
        assert page.lines == plain(a_call("CA1")[:HALF])
        for number, line in enumerate(a_call("CA1")[HALF:], start=HALF + 1):
            watch(line)
            await page.until(number)
        await page.to_the_end()
        assert page.lines == plain(a_call("CA1"))
        numbers = [(event.data["n"], int(event.id)) for event in page.events if event.id]
        assert numbers == [(number, number) for number in range(1, len(LINES) + 1)]
        assert page.turns == turns_of(LINES)
        turns = [event.data for event in page.events if event.kind == "turns"]
        assert all(before != after for before, after in pairwise(turns))
        assert page.events[-1].data == {"missed": 0}
        assert page.over


async def test_a_page_goes_on_where_the_call_s_view_ended() -> None:
    """It is told no line twice and misses none."""
    async with a_live_call() as (inspector, at, watch):
        view = json.loads((await asked(inspector, "/inspect/call", "id=CA1")).body)
        watch(a_call("CA1")[HALF])
        async with following(at, after=len(view["lines"])) as page:
            for line in a_call("CA1")[HALF + 1 :]:
                watch(line)
            await page.to_the_end()
        assert view["lines"] + page.lines == plain(a_call("CA1"))


async def test_a_page_that_was_cut_off_goes_on_where_it_was() -> None:
    """A browser names the last event that it saw; that counts more than the address, which is the
    one of its beginning."""
    async with a_live_call() as (_, at, watch):
        async with following(at) as page:
            await page.until(3)
            seen = page.events[2].id
        for line in a_call("CA1")[HALF:]:
            watch(line)
        async with following(at, headers=f"Last-Event-ID: {seen}\r\n") as again:
            await again.to_the_end()
            assert again.lines == plain(a_call("CA1")[3:])
            assert again.over


async def test_a_call_that_is_over_is_told_whole() -> None:
    """To a page that comes a moment too late; one that has it all is told only that."""
    inspector = an_inspector()
    watched(inspector, a_call("CA1"))
    async with listening(inspector) as at:
        async with following(at) as page:
            await page.to_the_end()
            assert page.lines == plain(a_call("CA1"))
        for after in (len(LINES), len(LINES) + 1000):
            async with following(at, after=after) as page:
                await page.to_the_end()
                assert [event.kind for event in page.events] == ["turns", "over"]


async def test_twenty_pages_see_the_same_call() -> None:
    """Each all of it, and the one that watches is never waited for."""
    async with a_live_call() as (_, at, watch), trio.open_nursery() as nursery:
        pages: list[Follower] = []

        async def follow() -> None:
            async with following(at) as page:
                pages.append(page)
                await page.to_the_end()

        for _ in range(20):
            nursery.start_soon(follow)
        for line in a_call("CA1")[HALF:]:
            watch(line)
            await trio.lowlevel.checkpoint()
    assert len(pages) == 20
    assert all(page.over and page.lines == plain(a_call("CA1")) for page in pages)


async def test_a_page_that_does_not_read_holds_up_nobody() -> None:
    """Neither the call nor a page beside it: nothing is kept for it but its place."""
    inspector = an_inspector()
    watch = watched(inspector, a_call("CA1")[:HALF])
    assert watch is not None
    many = 200
    async with listening(inspector) as at, following(at), following(at) as page:
        for _ in range(many):
            for line in a_call("CA1")[1:HALF]:
                watch(line)
        watch(LINES[-1])
        await page.to_the_end()
        assert page.over
        assert len(page.lines) == HALF + many * (HALF - 1) + 1


async def test_a_page_that_goes_away_is_forgotten() -> None:
    """And the others stay."""
    async with a_live_call() as (_, at, watch), following(at) as stays:
        async with following(at) as goes:
            await goes.until(HALF)
        for line in a_call("CA1")[HALF:]:
            watch(line)
        await stays.to_the_end()
        assert stays.over


async def test_a_service_that_stops_ends_its_streams() -> None:
    """At once, without saying that the call was over."""
    async with a_live_call() as (_, at, _watch), following(at) as page:
        await page.until(HALF)
        at.drain()
        await page.to_the_end()
        assert not page.over


@pytest.mark.parametrize(
    ("query", "status"),
    [("id=CA2", 404), ("", 404), ("id=CA1&after=x", 400), ("id=CA1&after=-1", 400)],
)
async def test_what_cannot_be_followed(query: str, status: int) -> None:
    """No such call; no such line."""
    inspector = an_inspector()
    watched(inspector, a_call("CA1"))
    assert (await asked(inspector, "/inspect/live", query)).status == status


async def test_a_stream_needs_the_same_right_as_everything() -> None:
    """And carries the same headers."""
    inspector = an_inspector(token=TOKEN)
    watched(inspector, a_call("CA1"))
    refused = await asked(inspector, "/inspect/live", "id=CA1", {"host": "elsewhere"})
    assert refused.status == 401
    answer = await asked(inspector, "/inspect/live", "id=CA1")
    assert answer.headers["cache-control"] == "no-store"


# --- what is kept


async def test_a_call_is_kept_as_it_was_written() -> None:
    """Line by line."""
    call = LiveCall()
    for line in LINES:
        call.feed(line)
    assert decoded(call.encoded) == LINES


async def test_of_a_long_call_the_beginning_is_kept_and_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its turns are counted on; a page is told how much it was not told."""
    monkeypatch.setattr(live, "CALL_BYTES_MOST", 5000)
    call = LiveCall()
    for line in LINES:
        call.feed(line)
    kept = decoded(call.encoded)
    assert kept == [*LINES[: len(kept) - 1], LINES[-1]]
    assert call.missed == len(LINES) - len(kept) > 0
    assert len(call.records) == len(Turns.of(LINES).records)
    part = await Page(call, 0).next_part()
    assert part is not None
    assert part.endswith(b'event: over\ndata: {"missed":%d}\n\n' % call.missed)


async def test_the_whole_of_a_call_that_was_too_long_is_in_its_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until it is over its view says what is missing."""
    monkeypatch.setattr(live, "CALL_BYTES_MOST", 5000)
    inspector = an_inspector(a_desk(Change()))
    watched(inspector, a_call("CA1"))
    view = json.loads((await asked(inspector, "/inspect/call", "id=CA1")).body)
    assert "lines were not kept" in view["troubles"][0]


async def test_what_is_kept_of_calls_that_are_over_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In calls and in bytes, but the last one is there; calls that go on are not touched."""
    kept = Live()
    going_on = kept.watcher()
    going_on(a_call("CA")[0])
    for number in range(CALLS_KEPT + 5):
        watch = kept.watcher()
        for line in a_call(f"CA{number}"):
            watch(line)
    assert len(kept.calls) == CALLS_KEPT + 1
    assert kept.get("CA") is not None
    monkeypatch.setattr(live, "KEPT_BYTES_MOST", 1)
    watch = kept.watcher()
    for line in a_call("last"):
        watch(line)
    assert [call.call_id for call in kept.calls] == ["last", "CA"]


async def test_an_id_that_is_given_twice_is_the_later_call() -> None:
    """That the earlier one is over and forgotten takes nothing from it."""
    kept = Live()
    first, second = kept.watcher(), kept.watcher()
    for line in a_call("CA1"):
        first(line)
    second(a_call("CA1")[0])
    for number in range(CALLS_KEPT):
        watch = kept.watcher()
        for line in a_call(f"other{number}"):
            watch(line)
    again = kept.get("CA1")
    assert again is not None
    assert not again.over


async def test_a_part_is_bounded_and_cancelling_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page that comes late is told what there was in several parts."""
    monkeypatch.setattr(live, "PART_BYTES", 2000)
    call = LiveCall()
    for line in LINES[:-1]:
        call.feed(line)
    page, said, parts = Page(call, 0), b"", 0
    while said.count(b"event: line") < len(LINES) - 1:
        part = await page.next_part()
        assert part is not None
        said, parts = said + part, parts + 1
    assert parts > 3
    with trio.CancelScope() as scope:
        scope.cancel()
        await page.next_part()
    call.feed(LINES[-1])
    part = await page.next_part()
    assert part is not None
    assert part.startswith(b"id: %d\n" % len(LINES))
    assert await page.next_part() is None
