"""Agents that users bring: found by module and attribute, or refused in one clear line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded.parcel import parcel_tools
from effects.ports import Message, Prompt, TextDelta, ToolCall
from engine.agents import AGENTS, AgentKit, agent_kit
from engine.errors import ConfigError
from tests.doubles import use
from tests.test_cli import antiphon, one_line

THEIRS = ("my_shop", "my_shops", "corner_shop")
EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's directory, which leaves nothing behind in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] in THEIRS]:
        del sys.modules[name]


def test_the_built_in_agent() -> None:
    """By its name."""
    assert agent_kit("parcel") is AGENTS["parcel"]


def test_an_agent_of_ones_own(here: Path) -> None:
    """From a module, or one in a package, in the current directory."""
    (here / "my_shop.py").write_text("from engine.agents import AGENTS\nMINE = AGENTS['parcel']\n")
    (here / "my_shops").mkdir()
    (here / "my_shops" / "big.py").write_text("from my_shop import MINE\n")
    assert agent_kit("my_shop:MINE") is AGENTS["parcel"]
    assert agent_kit("my_shops.big:MINE") is AGENTS["parcel"]


@pytest.mark.parametrize(
    ("name", "module", "named"),
    [
        ("my_shop:AGENT", None, "there is no module my_shop in {here} or among"),
        ("shops.mine:AGENT", None, "there is no module shops in {here}"),
        ("my_shop:AGNET", "from engine.agents import AGENTS\nAGENT = AGENTS['parcel']", "AGENT)"),
        ("my_shop:AGENT", "", "my_shop.py has no AGENT"),
        ("my_shop:AGENT", "AGENT = 'parcel'", "AGENT is a str, not an engine.agents.AgentKit"),
        ("my_shop:AGENT", "import nothing_such", "No module named 'nothing_such'"),
        ("my_shop:AGENT", "\n1 / 0", "ZeroDivisionError: division by zero ({here}/my_shop.py:2)"),
        ("my_shop:AGENT", "AGENT =", "SyntaxError"),
        ("my_shop:", "", "write module:attribute"),
        (":AGENT", "", "write module:attribute"),
        ("./my_shop.py:AGENT", "", "write module:attribute"),
    ],
)
def test_what_is_wrong_is_said(here: Path, name: str, module: str | None, named: str) -> None:
    """The error names the agent as it was asked for, and the file where there is one."""
    if module is not None:
        (here / "my_shop.py").write_text(module)
    with pytest.raises(ConfigError) as error:
        agent_kit(name)
    assert str(error.value).startswith(f"agent '{name}': ")
    assert named.format(here=here) in str(error.value)


def test_it_is_one_line_and_code_2(tmp_path: Path) -> None:
    """At the command line, before anything is loaded."""
    assert "write module:attribute" in one_line(antiphon("serve", "--agent", "my-shop:AGENT"))


def test_every_agent_can_end_the_call(tmp_path: Path) -> None:
    """And pass it on, where it is told whom to."""
    kit = AGENTS["parcel"]
    names = ["end_call", "find_order", "change_delivery", "hold_parcel"]
    assert list(kit.open_tools(tmp_path)) == names
    kit = replace(kit, agent=replace(kit.agent, transfers={"sales": "+15550199"}))
    assert "transfer_call" in kit.open_tools(tmp_path)


@pytest.mark.parametrize(
    ("tools", "named"),
    [
        (lambda data: parcel_tools(":memory:") * 2, "two tools are named 'find_order'"),
        (lambda data: (print,), "print> is not a tool; use @tool"),
    ],
)
def test_tools_that_cannot_be(tmp_path: Path, tools: Any, named: str) -> None:
    """Said at the start, with the agent's name."""
    kit = AGENTS["parcel"]
    with pytest.raises(ConfigError, match=named):
        AgentKit(kit.agent, kit.mind, tools).open_tools(tmp_path)


async def test_the_example_answers(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question about a day is a tool call, and its result a sentence."""
    monkeypatch.chdir(EXAMPLES)
    kit = agent_kit("corner_shop:AGENT")
    tools = kit.open_tools(here)
    said: list[TextDelta | ToolCall] = []
    asked = Message("caller", "Are you open on Saturday?")
    assert kit.mind is not None
    async with kit.mind() as mind:
        await mind.reply(Prompt("", (asked,)), said.append)
        [call] = said
        assert isinstance(call, ToolCall)
        result = await use(tools[call.name], call.arguments)
        assert json.loads(result) == {"day": "saturday", "hours": "from nine to noon"}
        told = (asked, Message("agent", "", call), Message("tool", result, call))
        await mind.reply(Prompt("", told), said.append)
    assert said[1] == TextDelta("On saturday we are open from nine to noon.")
