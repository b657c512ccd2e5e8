"""What a caller talks the language model into: nothing beyond its agent comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from trio.testing import MockClock

from adapters.twilio.script import AtTime, Script
from adapters.twilio.settings import TwilioSettings
from effects.call_tools import call_tools
from effects.choice import Choice
from effects.ports import LanguageModel, ToolContext, ToolSpec
from engine.config import Config
from engine.journal import Event
from engine.simulation.providers import ScriptedMind
from engine.simulation.scenario import Answer, Asks, Scenario
from states.events import ToolSettled, TransferAsked
from tests.test_security import serving
from tests.test_service import KEYS, Change, Port, a_desk
from tests.test_service import port as port


class Counted:
    """A tool with a side effect that counts."""

    spec = ToolSpec("refund", "pays money back", {"type": "object"}, changes=True)

    def __init__(self) -> None:
        self.times = 0

    def prepare(self, arguments: str, context: ToolContext) -> Callable[[], Awaitable[str]]:
        async def run() -> str:
            self.times += 1
            return "{}"

        return run


async def talked_into(port: Port, asks: Asks) -> tuple[list[Any], Counted]:
    """What became of what the model asked for, in a call of an agent with one tool and one
    destination."""
    refund = Counted()
    desk = a_desk(Change())
    agent = replace(desk.agent, transfers={"owner": "+15551230000"})
    tools = {tool.spec.name: tool for tool in (*call_tools(agent), refund)}
    mind: Choice[LanguageModel] = Choice(
        ScriptedMind(Scenario(says="", answers=[Answer(asks=asks, says="Done.")]))
    )
    ports = replace(desk.ports, language_model=mind, tools=tools)
    config = Config(twilio=TwilioSettings(unsigned=True))
    async with serving(config, replace(desk, agent=agent, ports=ports)) as seen:
        await port.call(Script(keys=KEYS, hang_up=AtTime(6000)))
    (lines,) = seen
    return [line.event for line in lines if isinstance(line, Event)], refund


@pytest.mark.parametrize(
    ("asks", "told"),
    [
        (Asks(tool="read_file", arguments={"path": "/etc/passwd"}), "there is no tool"),
        (Asks(tool="__init__"), "there is no tool"),
        (
            Asks(tool="transfer_call", arguments={"to": "+19005550000", "reason": "asked"}),
            "no such destination",
        ),
        (Asks(tool="end_call", arguments={"reason": "asked", "then": "dial"}), "then"),
    ],
    ids=["not its own", "no tool", "another number", "one argument more"],
)
async def test_a_model_gets_nothing_beyond_its_agent(
    asks: Asks, told: str, port: Port, autojump_clock: MockClock
) -> None:
    """What the agent does not have is not done, whatever the model was talked into; it is told so,
    and the call goes on."""
    events, refund = await talked_into(port, asks)
    settled = [one for one in events if isinstance(one, ToolSettled)]
    assert settled
    assert {(one.outcome, one.changes) for one in settled} == {("failed", False)}
    assert told in settled[0].result
    assert refund.times == 0
    assert not any(isinstance(one, TransferAsked) for one in events)


async def test_a_model_may_put_through_to_the_agents_own(
    port: Port, autojump_clock: MockClock
) -> None:
    """To whom the agent's configuration names, by its number, which the model need not know."""
    asks = Asks(tool="transfer_call", arguments={"to": "owner", "reason": "asked"})
    events, _ = await talked_into(port, asks)
    assert [one.to for one in events if isinstance(one, TransferAsked)] == ["+15551230000"]


async def test_a_model_that_repeats_itself_changes_a_thing_once(
    port: Port, autojump_clock: MockClock
) -> None:
    """For one wish of a caller the same is done once, however often the model asks for it."""
    _, refund = await talked_into(port, Asks(tool="refund", times=3))
    assert refund.times == 1
