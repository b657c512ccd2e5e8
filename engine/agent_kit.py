"""What an agent comes with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effects.call_tools import call_tools
from effects.ports import LanguageModel, Tool, ToolSpec
from engine.errors import ConfigError, with_place
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
    those of :mod:`effects.call_tools` besides. ``recorded`` has fixed lines as somebody spoke
    them, µ-law by text. ``config`` is laid over the service's configuration for this agent's
    calls: its voice, its settings.
    """

    agent: Agent
    mind: Callable[[], LanguageModel] | None = None
    tools: Callable[[Path], Sequence[Tool]] = no_tools
    recorded: Mapping[str, bytes] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def open_tools(self, data: Path) -> dict[str, Tool]:
        """All tools by name. Raises :class:`ConfigError` for two of one name, for what is no
        tool, and if they cannot be made."""
        tools: dict[str, Tool] = {}
        for tool in (*call_tools(self.agent), *self._own_tools(data)):
            spec = getattr(tool, "spec", None)
            if not isinstance(spec, ToolSpec):
                raise ConfigError(f"agent '{self.agent.name}': {tool!r} is not a tool; use @tool")
            if spec.name in tools:
                raise ConfigError(f"agent '{self.agent.name}': two tools are named '{spec.name}'")
            tools[spec.name] = tool
        return tools

    def _own_tools(self, data: Path) -> Sequence[Tool]:
        try:
            return tuple(self.tools(data))
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                f"agent '{self.agent.name}': its tools cannot be made: {with_place(error)}"
            ) from error
