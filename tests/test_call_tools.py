"""What a tool may ask of the call: that it ends, or is passed on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from pydantic import BaseModel
from trio.testing import MockClock

from effects.call_tools import call_tools
from effects.ports import ToolContext
from effects.toolkit import tool
from states import events
from tests.chart_kit import a_call
from tests.tool_kit import Bench, LookUp

TO_SALES = '{"to": "sales", "reason": "wants to buy"}'


def asked(bench: Bench) -> list[events.Event]:
    """What the tools asked of the call."""
    wanted = (events.EndAsked, events.TransferAsked)
    return [event for event in bench.happened if isinstance(event, wanted)]


class TestCallTools:
    async def test_they_ask_the_chart(self) -> None:
        """And tell the model what will happen. A destination may be named by its number."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            draft = bench.draft(1)
            ended = await bench.use(draft, "end_call", '{"reason": "done"}')
            await bench.use(draft, "transfer_call", TO_SALES)
            await bench.use(draft, "transfer_call", TO_SALES.replace("sales", "+15550199"))
        assert ended == {"ok": True, "note": "the call ends after this reply: say goodbye now"}
        end, to_sales, to_number = asked(bench)
        assert isinstance(end, events.EndAsked)
        assert end.reason == "done"
        for event in (to_sales, to_number):
            assert isinstance(event, events.TransferAsked)
            assert (event.to, event.reason) == ("+15550199", "wants to buy")

    async def test_nothing_is_asked_before_the_commit(self, autojump_clock: MockClock) -> None:
        """A draft that is dropped has not ended the call."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            scope = trio.CancelScope(deadline=trio.current_time() + 1)
            await bench.use(bench.draft(1, committed=False), "end_call", '{"reason": ""}', scope)
        assert asked(bench) == []

    async def test_a_turn_that_is_answered_anew_may_ask_again(self) -> None:
        """The caller went on and the call was to stay: the next reply asks for itself."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            await bench.use(bench.draft(1), "end_call", '{"reason": "done"}')
            await bench.use(bench.draft(2), "end_call", '{"reason": "done"}')
        assert len(asked(bench)) == 2
        assert len(bench.settled()) == 1

    async def test_an_abandoned_reply_asks_for_nothing(self, autojump_clock: MockClock) -> None:
        """A slow tool that ends the call when the caller has moved on does not end it."""

        class Close(BaseModel):
            """Close the account and end the call."""

        @tool(Close, changes=True)
        async def close(arguments: Close, context: ToolContext) -> None:
            await trio.sleep(1)
            context.end_call("closed")

        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            bench.stage.ports = replace(bench.stage.ports, tools={"close": close})
            scope = trio.CancelScope(deadline=trio.current_time() + 0.5)
            await bench.use(bench.draft(1), "close", "", scope)
            bench.draft(2)
        assert asked(bench) == []
        assert bench.settled() == [(1, "done", True, True)]

    async def test_a_tool_that_only_reads_cannot_end_the_call(self) -> None:
        """It runs before the turn is over, so that is a bug, and says what to do."""

        @tool(LookUp)
        async def look(arguments: LookUp, context: ToolContext) -> None:
            context.end_call("no")

        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            bench.stage.ports = replace(bench.stage.ports, tools={"look_up": look})
            with pytest.raises(RuntimeError, match="changes=True"):
                await bench.use(bench.draft(1))

    def test_a_transfer_is_offered_where_there_is_one(self) -> None:
        """To the agent's own destinations by name, and to nobody else."""
        agent = a_call().agent
        assert [each.spec.name for each in call_tools(agent)] == ["end_call"]
        _, transfer = call_tools(replace(agent, transfers={"sales": "+1", "help": "sip:a@b"}))
        parameters: Any = transfer.spec.parameters
        assert parameters["properties"]["to"]["enum"] == ["sales", "help"]
