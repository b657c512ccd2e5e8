"""Replies that go on: in memory and virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair

from adapters.front.http import HttpLimits, Request, Response, StreamedResponse
from adapters.front.server import TWILIO, Front, FrontLimits
from effects.ports import Carrier

GET = b"GET /numbers HTTP/1.1\r\nHost: a\r\n\r\n"
HEARTBEAT_S = HttpLimits().heartbeat_s


class Numbers:
    """Counts up to ``last``, a number each ``every_s``; ``asked`` is how often it was asked."""

    def __init__(self, last: int, every_s: float = 1.0, size: int = 1) -> None:
        self.last, self.every_s, self.size = last, every_s, size
        self.asked = self.number = self.given_up = 0

    async def __call__(self, _: Request) -> Response:
        return StreamedResponse(
            content_type="text/event-stream", next_part=self.next_part, heartbeat=b":\n"
        )

    async def next_part(self) -> bytes | None:
        self.asked += 1
        try:
            await trio.sleep(self.every_s)
        except trio.Cancelled:
            self.given_up += 1
            raise
        if self.number == self.last:
            return None
        self.number += 1
        return b"%d\n" % self.number * self.size


async def not_called(_: Carrier) -> None: ...


def front(numbers: Numbers, limits: FrontLimits | None = None) -> Front:
    routes = {("GET", "/numbers"): numbers}
    return Front(not_called, routes, TWILIO, None, limits or FrontLimits())


@asynccontextmanager
async def connected(to: Front, *, reading: bool = True) -> AsyncIterator[trio.abc.Stream]:
    """A connection to this front; at the end the front must let go of it."""
    ours, theirs = memory_stream_pair() if reading else lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(to.handle, ours)
        yield theirs
        await theirs.aclose()


async def rest(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([bytes(data) async for data in stream])


async def test_parts_are_sent_as_they_come(autojump_clock: MockClock) -> None:
    """Each in a chunk, at once; after the last the connection is closed."""
    began = trio.current_time()
    async with connected(front(Numbers(last=2))) as stream:
        await stream.send_all(GET)
        head = bytes(await stream.receive_some()).lower()
        assert b"transfer-encoding: chunked" in head
        assert b"connection: close" in head
        assert b"content-length" not in head
        assert await stream.receive_some() == b"2\r\n1\n\r\n"
        assert trio.current_time() - began == pytest.approx(1)
        assert await rest(stream) == b"2\r\n2\n\r\n0\r\n\r\n"
        assert trio.current_time() - began == pytest.approx(3)


async def test_a_client_without_chunks_gets_the_parts_bare(autojump_clock: MockClock) -> None:
    """HTTP/1.0 knows the end by the closing."""
    async with connected(front(Numbers(last=2))) as stream:
        await stream.send_all(GET.replace(b"1.1", b"1.0"))
        assert (await rest(stream)).endswith(b"\r\n\r\n1\n2\n")


async def test_a_head_asks_for_no_part(autojump_clock: MockClock) -> None:
    """And its connection goes on."""
    numbers = Numbers(last=2)
    async with connected(front(numbers)) as stream:
        for _ in range(2):
            await stream.send_all(GET.replace(b"GET", b"HEAD"))
            assert (await stream.receive_some()).endswith(b"\r\n\r\n")
    assert numbers.asked == 0


async def test_a_quiet_stream_has_a_heartbeat(autojump_clock: MockClock) -> None:
    """What is waited for meanwhile is asked for again."""
    numbers = Numbers(last=1, every_s=1000.0)
    began = trio.current_time()
    async with connected(front(numbers)) as stream:
        await stream.send_all(GET)
        await stream.receive_some()
        for beats in (1, 2):
            assert await stream.receive_some() == b"2\r\n:\n\r\n"
            assert trio.current_time() - began == pytest.approx(beats * HEARTBEAT_S)
    assert numbers.given_up >= 2


async def test_a_client_that_goes_away_is_noticed_at_once(autojump_clock: MockClock) -> None:
    """Not when there is something to send."""
    numbers = Numbers(last=1, every_s=10.0)
    began = trio.current_time()
    async with connected(front(numbers)) as stream:
        await stream.send_all(GET)
        await stream.receive_some()
    assert trio.current_time() == began
    assert numbers.given_up == 1


async def test_a_client_that_does_not_read_is_let_go(autojump_clock: MockClock) -> None:
    """After ten seconds, in which nothing was made for it but the one part it does not take."""
    numbers = Numbers(last=1000, every_s=0.0)
    began = trio.current_time()
    async with connected(front(numbers), reading=False) as stream:
        await stream.send_all(GET)
        await stream.receive_some()
        await trio.sleep(HttpLimits().reply_s + 0.1)
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")
    assert numbers.asked == 1
    assert trio.current_time() - began == pytest.approx(HttpLimits().reply_s + 0.1)


async def test_what_a_client_sends_during_its_stream_is_not_kept(autojump_clock: MockClock) -> None:
    """Nobody will answer it."""
    async with connected(front(Numbers(last=2))) as stream:
        await stream.send_all(GET)
        for _ in range(10):
            await stream.send_all(b"x" * 10_000)
        assert (await rest(stream)).endswith(b"2\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("reading", [True, False], ids=["reading", "stalled"])
async def test_a_stream_ends_at_once_when_the_front_drains(
    reading: bool, autojump_clock: MockClock
) -> None:
    """It is cut off, without the end that would say that it was whole; whoever asks for another
    then is told to go."""
    numbers = Numbers(last=1000)
    to = front(numbers)
    async with connected(to, reading=reading) as stream:
        await stream.send_all(GET)
        await stream.receive_some()
        await trio.sleep(2.5)
        began = trio.current_time()
        to.drain()
        assert not (await rest(stream)).endswith(b"0\r\n\r\n")
        assert trio.current_time() == began


async def test_a_stream_that_is_asked_for_while_the_front_drains(autojump_clock: MockClock) -> None:
    """It would keep the front from ending."""
    slow = Numbers(last=1000)

    async def slowly(request: Request) -> Response:
        await trio.sleep(1)
        return await slow(request)

    to = Front(not_called, {("GET", "/numbers"): slowly}, TWILIO, None, FrontLimits())
    async with connected(to) as stream:
        await stream.send_all(GET)
        await trio.sleep(0.5)
        to.drain()
        assert (await rest(stream)).startswith(b"HTTP/1.1 503 ")
    assert slow.asked == 0


async def test_one_stream_too_many_is_turned_away(autojump_clock: MockClock) -> None:
    """With 503, on a connection that goes on; when another has ended there is room again."""
    to = front(Numbers(last=1000), FrontLimits(streams=1))
    async with connected(to) as second:
        async with connected(to) as first:
            await first.send_all(GET)
            assert (await first.receive_some()).startswith(b"HTTP/1.1 200 ")
            await second.send_all(GET)
            assert (await second.receive_some()).startswith(b"HTTP/1.1 503 ")
        await second.send_all(GET)
        assert (await second.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_a_stream_that_fails_costs_its_connection(autojump_clock: MockClock) -> None:
    """What was sent cannot be taken back, so it is cut off there; the log has the reason, and
    there is room for another."""

    class Broken(Numbers):
        async def next_part(self) -> bytes | None:
            if self.number:
                raise ValueError("a bug in a stream")
            return await super().next_part()

    to = front(Broken(last=3), FrontLimits(streams=1))
    for _ in range(2):
        with capture_logs() as logs:
            async with connected(to) as stream:
                await stream.send_all(GET)
                answer = await rest(stream)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert not answer.endswith(b"0\r\n\r\n")
        assert [entry["event"] for entry in logs] == ["connection_failed"]
