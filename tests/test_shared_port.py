"""Several workers at one port: who takes what comes."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio
import trio.testing

from adapters.front.http import Request, Response, Routes, plain
from adapters.front.server import LAST_S, Listening, serve
from effects.ports import Carrier

SOON_S = 10.0
ASKED = b"GET /who HTTP/1.1\r\nhost: x\r\n\r\n"


class Worker:
    """One of those that share a port; it says its name."""

    def __init__(self, name: str, *, eager: bool) -> None:
        self.name, self.eager = name, eager

    @property
    def routes(self) -> Routes:
        async def tell(_: Request) -> Response:
            return plain(200, self.name)

        return {("GET", "/who"): tell}


async def no_call(_: Carrier) -> None:
    raise AssertionError("nobody calls")


@asynccontextmanager
async def sharing(*workers: Worker) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """The workers at their port; gives what asks who takes a connection."""
    async with serving(*workers) as (host, port):

        async def who() -> str:
            async with await trio.open_tcp_stream(host, port) as stream:
                await stream.send_all(ASKED.replace(b"host", b"connection: close\r\nhost"))
                answer = b"".join([part async for part in stream])
            return answer.rpartition(b"\r\n\r\n")[2].decode().strip()

        yield who


@asynccontextmanager
async def serving(*workers: Worker) -> AsyncIterator[tuple[str, int]]:
    """The workers at their port; gives its address."""
    with trio.fail_after(SOON_S), socket.create_server(("127.0.0.1", 0)) as opened:
        host, port = opened.getsockname()
        async with trio.open_nursery() as nursery:
            for worker in workers:

                async def run(
                    worker: Worker, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED
                ) -> None:
                    await serve(
                        host,
                        port,
                        on_call=no_call,
                        routes=worker.routes,
                        inherited=opened.dup(),
                        eager=lambda: worker.eager,
                        task_status=task_status,
                    )

                await nursery.start(run, worker)
            yield host, port
            nursery.cancel_scope.cancel()


async def test_who_is_not_eager_leaves_every_connection_to_the_others() -> None:
    """Not just the first: whom the others have not taken yet is waited for each time."""
    full, free = Worker("full", eager=False), Worker("free", eager=True)
    async with sharing(full, free) as who:
        assert await who() == "free"
        await trio.sleep(LAST_S * 3)  # whoever waited for that one has stopped
        assert [await who() for _ in range(20)] == ["free"] * 20


async def test_who_waits_eagerly_and_then_is_full_takes_no_more() -> None:
    """What counts is how it is when somebody comes, not when it began to wait."""
    one, other = Worker("one", eager=True), Worker("other", eager=True)
    async with sharing(one, other) as who:
        assert {await who() for _ in range(20)} <= {"one", "other"}
        one.eager = False
        assert [await who() for _ in range(20)] == ["other"] * 20


async def test_who_is_alone_takes_them_all_the_same() -> None:
    """A caller whom nobody has room for is told so, and is not left at the port."""
    async with sharing(Worker("full", eager=False)) as who:
        assert [await who() for _ in range(3)] == ["full"] * 3


async def test_who_is_not_eager_keeps_no_connection() -> None:
    """A proxy would ask again over the one that it has, and never find whoever has room."""
    worker = Worker("full", eager=True)
    async with serving(worker) as (host, port), await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(ASKED)
        assert b"connection: close" not in await stream.receive_some()
        worker.eager = False
        await stream.send_all(ASKED)
        assert b"connection: close" in await stream.receive_some()
        assert await stream.receive_some() == b""


async def test_who_lets_go_closes_what_is_kept_and_nothing_else() -> None:
    """Not who has connected a moment ago, and is about to ask."""
    async with trio.open_nursery() as nursery:
        listening: Listening = await nursery.start(partial(serve, "127.0.0.1", 0, on_call=no_call))
        with trio.fail_after(SOON_S):
            address = (listening.host, listening.port)
            kept, new = [await trio.open_tcp_stream(*address) for _ in range(2)]
            async with kept, new:
                await kept.send_all(ASKED)
                assert b" 404 " in await kept.receive_some()
                await trio.testing.wait_all_tasks_blocked(0.01)
                listening.let_go()
                assert await kept.receive_some() == b""
                await new.send_all(ASKED)
                assert b" 404 " in await new.receive_some()
        nursery.cancel_scope.cancel()
