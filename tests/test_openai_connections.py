"""Connections to OpenAI are used again, kept warm, and closed when a reply is called off."""

from __future__ import annotations

from functools import partial

import trio
import trio.testing

from effects.ports import TextDelta, ToolCall
from tests.openai_kit import PROMPT, SAYS, Api, Halting, both, cancelled_at, desk, ignore, say
from tests.sockets_kit import until
from tests.twins.openai import Quirks


@both
async def test_a_connection_is_used_again(api: Api) -> None:
    async with desk(api) as (twin, mind):
        for _ in range(3):
            await say(mind)
        assert twin.connections == twin.accepted == 1


@both
async def test_a_body_that_does_not_end_is_not_waited_for(api: Api) -> None:
    """The reply is complete; its connection is given up."""
    async with desk(api) as (twin, mind):
        twin.quirks = Quirks(lingers_s=60)
        assert await say(mind) == SAYS
        await until(lambda: twin.connections == 0)


async def test_connections_are_ready_before_they_are_needed() -> None:
    async with desk(ready=2) as (twin, mind):
        await until(lambda: twin.connections == 2 and len(twin.requests) == 2)
        await trio.testing.wait_all_tasks_blocked(0.05)  # the answers are read
        await say(mind)
        assert twin.accepted == 2


async def test_a_lost_connection_is_replaced_in_the_background() -> None:
    """A draft that is called off must not cost the next one a handshake."""
    async with desk(ready=1, brain=Halting()) as (twin, mind):
        await until(lambda: twin.connections == 1 and len(twin.requests) == 1)
        with trio.move_on_after(0.05):
            await mind.reply(PROMPT, ignore)
        await until(lambda: twin.accepted == 2)


@both
async def test_cancelling_stops_the_generation_at_once(api: Api) -> None:
    """The server sees its connection gone, though it has nothing to send at the moment."""
    async with desk(api, brain=Halting()) as (twin, mind), trio.open_nursery() as nursery:
        heard: list[TextDelta | ToolCall] = []
        nursery.start_soon(mind.reply, PROMPT, heard.append)
        await until(lambda: bool(heard))
        nursery.cancel_scope.cancel()
    assert twin.connections == 0


@both
async def test_cancelling_anywhere_leaves_nothing(api: Api) -> None:
    """At every await of a whole exchange: no connection in use, no generation, nothing emitted
    afterwards, and the next reply is whole."""
    async with desk(api) as (twin, mind):
        k, cancelled = 0, True
        while cancelled:
            k += 1
            pieces: list[TextDelta | ToolCall] = []
            cancelled = await cancelled_at(k, partial(mind.reply, PROMPT, pieces.append))
            count = len(pieces)
            await until(lambda: twin.generating == 0)
            assert len(pieces) == count
        assert k > 10
        assert await say(mind) == SAYS
        assert twin.connections <= 1


async def test_a_hundred_calls_at_once() -> None:
    """Each has its connection, and all replies are whole."""
    async with desk() as (_, mind):
        said: list[str] = []

        async def call() -> None:
            said.append(await say(mind))

        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(call)
        assert said == [SAYS] * 100
