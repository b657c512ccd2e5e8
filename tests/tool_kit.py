"""What the tests of tools share: a call with tools, without an interpreter."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, cast

import trio
from pydantic import BaseModel

from effects.call_tools import call_tools
from effects.phrases import Phrases
from effects.ports import ProviderLost, ToolCall, ToolContext
from effects.stage import Draft, Ports, Stage
from effects.toolkit import tool
from effects.tools import use_tool
from states import events
from states.call import Line, Reply, Turn
from tests.chart_kit import a_call
from tests.doubles import FakeCarrier


class LookUp(BaseModel):
    """Look something up."""

    number: int


ONE = '{"number": 1}'


class Bench:
    """A call with tools. ``ran`` holds what ``look_up`` was given, ``happened`` the events that
    came of it, ``dropped`` those of an effect that was cancelled."""

    def __init__(self, nursery: trio.Nursery, **declared: Any) -> None:
        self.ran: list[int] = []
        self.happened: list[events.Event] = []
        self.dropped: list[events.Event] = []
        self.fails = False

        @tool(LookUp, holding="I am looking.", **declared)
        async def look_up(arguments: LookUp, context: ToolContext) -> dict[str, int]:
            self.ran.append(arguments.number)
            await trio.sleep(1)
            if self.fails:
                raise ProviderLost("the line is down")
            return {"is": arguments.number}

        self.call = a_call()
        self.call.agent = replace(self.call.agent, transfers={"sales": "+15550199"})
        self.call.turn = Turn(segments={0: "look up one"})
        self.stage = self._stage(nursery, [look_up, *call_tools(self.call.agent)])

    def _stage(self, nursery: trio.Nursery, tools: list[Any]) -> Stage:
        unused = cast(Any, None)

        def run_errand(
            name: str,
            errand: Callable[[], Coroutine[Any, Any, None]],
            give_up: Callable[[], None],
        ) -> None:
            nursery.start_soon(errand, name=name)

        ports = Ports(
            speech_to_text=unused,
            language_model=unused,
            text_to_speech=unused,
            voice_activity=unused,
            turn_detector=unused,
            tools={each.spec.name: each for each in tools},
            phrases=Phrases(),
        )
        return Stage(
            call=self.call,
            ports=ports,
            carrier=FakeCarrier(),
            ears=unused,
            playout=unused,
            now_ms=lambda: trio.current_time() * 1000,
            note=lambda note: None,
            emit=self.happened.append,
            run_errand=run_errand,
            settled=unused,
        )

    def draft(self, reply: int, *, committed: bool = True) -> Draft:
        """A reply to the one turn of the caller becomes the reply of the call."""
        self.call.turn.committed = committed
        self.call.history = [Line("caller", "look up one")] if committed else []
        self.call.reply = Reply(number=reply)
        return Draft(reply, committed=committed)

    async def use(
        self,
        draft: Draft,
        name: str = "look_up",
        arguments: str = ONE,
        scope: trio.CancelScope | None = None,
    ) -> Any:
        """Use a tool as the draft's effect does, within its scope; None if it was cancelled."""
        scope = scope or trio.CancelScope()

        def emit(event: events.Event) -> None:
            (self.dropped if scope.cancel_called else self.happened).append(event)

        with scope:
            call = ToolCall("call-1", name, arguments)
            return json.loads(await use_tool(self.stage, emit, draft, call))

    def settled(self) -> list[tuple[int, str, bool, bool]]:
        """Which reply's tool was settled how; whether it changes, whether it survives."""
        return [
            (event.reply, event.outcome, event.changes, event.survives)
            for event in self.happened
            if isinstance(event, events.ToolSettled)
        ]
