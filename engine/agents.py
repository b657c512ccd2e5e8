"""The agents that answer calls: the one that is built in, and those that users bring.

An agent of your own is an :class:`AgentKit` in a module of yours; ``agent = "my_shop:AGENT"``
names it (module, colon, attribute), and the current directory is looked in first.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

from adapters.embedded.mind import ParcelMind
from adapters.embedded.parcel import PARCEL, parcel_tools
from effects.call_tools import call_tools
from effects.ports import LanguageModel, Tool, ToolSpec
from engine.errors import ConfigError
from states.agent import Agent


def no_tools(data: Path) -> tuple[Tool, ...]:
    """For an agent that only talks, ends the call, and passes it on."""
    return ()


@dataclass(frozen=True, slots=True)
class AgentKit:
    """An agent with the mind and the tools it comes with.

    ``mind`` makes a language model of its own, if it has one that does without a vendor.
    ``tools`` makes the tools (see :mod:`effects.toolkit`), once for the process, and is given the
    folder for the agent's own files; every agent has
    those of :mod:`effects.call_tools` besides.
    """

    agent: Agent
    mind: Callable[[], LanguageModel] | None = None
    tools: Callable[[Path], Sequence[Tool]] = no_tools

    def open_tools(self, data: Path) -> dict[str, Tool]:
        """All tools by name. Raises :class:`ConfigError` for two of one name, and for what is
        no tool."""
        tools: dict[str, Tool] = {}
        for tool in (*call_tools(self.agent), *self.tools(data)):
            spec = getattr(tool, "spec", None)
            if not isinstance(spec, ToolSpec):
                raise ConfigError(f"agent '{self.agent.name}': {tool!r} is not a tool; use @tool")
            if spec.name in tools:
                raise ConfigError(f"agent '{self.agent.name}': two tools are named '{spec.name}'")
            tools[spec.name] = tool
        return tools


AGENTS: dict[str, AgentKit] = {
    "parcel": AgentKit(PARCEL, ParcelMind, lambda data: parcel_tools(data / "parcel.db"))
}


def agent_kit(name: str) -> AgentKit:
    """The built-in agent of that name, or the one at ``module:attribute``.

    Raises :class:`ConfigError` that says what is not there, and what could have been meant.
    """
    if ":" in name:
        return _imported(name)
    if name not in AGENTS:
        close = difflib.get_close_matches(name, AGENTS, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise ConfigError(
            f"unknown agent '{name}'{hint} (agents: {', '.join(AGENTS)}, or module:attribute "
            "for one of your own)"
        )
    return AGENTS[name]


def _imported(name: str) -> AgentKit:
    module_name, _, attribute = name.partition(":")
    if not (attribute.isidentifier() and all(map(str.isidentifier, module_name.split(".")))):
        raise ConfigError(f"agent '{name}': write module:attribute, as in my_shop:AGENT")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ConfigError(f"agent '{name}': {_why_not(module_name, here, error)}") from error
    kit = getattr(module, attribute, None)
    if isinstance(kit, AgentKit):
        return kit
    if hasattr(module, attribute):
        raise ConfigError(
            f"agent '{name}': {attribute} is a {type(kit).__name__}, not an engine.agents.AgentKit"
        )
    kits = [key for key, value in vars(module).items() if isinstance(value, AgentKit)]
    there_are = f" (agents there: {', '.join(kits)})" if kits else ""
    raise ConfigError(f"agent '{name}': {module.__file__} has no {attribute}{there_are}")


def _why_not(module_name: str, here: str, error: Exception) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and f"{module_name}.".startswith(f"{missing}."):
        return f"there is no module {missing} in {here} or among the installed packages"
    at = extract_tb(error.__traceback__)[-1]
    return (
        f"{module_name} cannot be imported: {type(error).__name__}: {error} "
        f"({at.filename}:{at.lineno})"
    )
