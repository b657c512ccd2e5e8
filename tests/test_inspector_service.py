"""A service that takes a call and shows it: all of it real, but for the providers."""

from __future__ import annotations

import http.client
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

from adapters.front.server import Listening
from adapters.stores.files import FileStore
from adapters.twilio.dialing import dialled
from adapters.twilio.phone import talk
from adapters.twilio.script import AtTime, Script
from engine.service import media_url, take_calls
from tests.sockets_kit import SOON_S
from tests.test_inspector_live import following
from tests.test_service import Change, a_desk


async def got(at: Listening, path: str) -> Any:
    """The answer to a request of its own."""

    def get() -> Any:
        connection = http.client.HTTPConnection(at.host, at.port, timeout=SOON_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == 200, path
            return json.loads(response.read())
        finally:
            connection.close()

    return await trio.to_thread.run_sync(get)


async def a_listed_call(at: Listening, *, live: bool) -> Any:
    """The only call in the list, as soon as there is one."""
    calls: Any = []
    while not calls:
        await trio.sleep(0.02)
        calls = await got(at, "/inspect/calls")
    (call,) = calls
    assert (call["outcome"] == "live") is live
    return call


async def test_a_call_is_watched_and_then_read(tmp_path: Path) -> None:
    """What a page was told while it went on is what stands in its journal, line by line; and the
    call is in the list, live and afterwards."""
    with trio.fail_after(4 * SOON_S):
        async with FileStore(tmp_path) as store, trio.open_nursery() as nursery:
            desk = replace(a_desk(Change()), store=store)
            start = partial(take_calls, desk, "127.0.0.1", 0, journals=tmp_path)
            at: Listening = await nursery.start(start)
            async with dialled(media_url(at)) as websocket, trio.open_nursery() as calling:
                calling.start_soon(talk, websocket, Script(hang_up=AtTime(1500)))
                live = await a_listed_call(at, live=True)
                async with following(at, live["call_id"]) as page:
                    await page.to_the_end()
            recorded = await a_listed_call(at, live=False)
            view = await got(at, f"/inspect/call?id={live['call_id']}")
            nursery.cancel_scope.cancel()
    (journal,) = tmp_path.glob("*.jsonl")
    written = [json.loads(line) for line in journal.read_bytes().splitlines()]
    assert page.over
    assert page.lines == written
    assert view["lines"] == written
    assert (recorded["outcome"], recorded["file"]) == ("completed", journal.name)
