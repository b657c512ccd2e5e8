"""For tests of what a service shows of its calls: calls to show, and somebody who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import trio
from pydantic import SecretStr

from adapters.front.http import Request, Response
from adapters.front.server import Listening, serve
from effects.ports import Carrier
from engine.config import Inspect
from engine.inspector.access import Access
from engine.inspector.server import Inspector
from engine.journal import AnyLine, Head
from engine.session import Desk, Watcher
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import simulate

SCENARIO = Scenario(
    says="", caller=[Act(at=2.0, say="hello there")], answers=[Answer(says="Hi.")], ends_at=8.0
)
LINES = simulate(SCENARIO).lines
LOCAL = {"host": "127.0.0.1:8765"}
TOKEN = "a-token-of-some-length"


def a_call(call_id: str) -> list[AnyLine]:
    """A call's lines, under this id."""
    head, *rest = LINES
    assert isinstance(head, Head)
    return [msgspec.structs.replace(head, call_id=call_id), *rest]


def an_inspector(
    desk: Desk | None = None,
    host: str = "127.0.0.1",
    *,
    calls: Path | None = None,
    token: str = "",
    enabled: bool = True,
) -> Inspector:
    """That of a service that listens on ``host``."""
    inspect = Inspect(enabled=enabled, token=SecretStr(token) if token else None)
    access = Access(inspect, lambda: host)
    return Inspector(access, lambda: desk, calls)


def watched(inspector: Inspector, lines: list[AnyLine]) -> Watcher | None:
    """The lines are seen as those of one call, which may go on."""
    watcher = None
    for watcher in inspector.watchers():
        for line in lines:
            watcher(line)
    return watcher


def journal(folder: Path, name: str, lines: list[AnyLine]) -> Path:
    """A journal of these lines in this folder."""
    path = folder / name
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


async def asked(
    inspector: Inspector, path: str, query: str = "", headers: Mapping[str, str] = LOCAL
) -> Response:
    """The answer, without a connection."""
    return await inspector.routes["GET", path](Request("GET", path, query, headers))


@asynccontextmanager
async def listening(inspector: Inspector) -> AsyncIterator[Listening]:
    """The inspector on a real port."""

    async def on_call(_: Carrier) -> None: ...

    start = partial(serve, "127.0.0.1", 0, on_call=on_call, routes=inspector.routes)
    async with trio.open_nursery() as nursery:
        yield await nursery.start(start)
        nursery.cancel_scope.cancel()
