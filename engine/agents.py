"""The agents that answer calls: the one that is built in, and those that users bring.

An agent of your own is a folder, ``agent = "agents/shop"`` (see :mod:`engine.agent_folders`), or an
:class:`AgentKit` in a module of yours: ``agent = "my_shop:AGENT"`` names it (module, colon,
attribute), and the current directory is looked in first.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from pathlib import Path

from adapters.embedded.mind import ParcelMind
from adapters.embedded.parcel import PARCEL, parcel_tools
from engine.agent_folders import is_agent_folder, read_agent_folder
from engine.agent_kit import AgentKit as AgentKit
from engine.errors import ConfigError, with_place

AGENTS: dict[str, AgentKit] = {
    "parcel": AgentKit(PARCEL, ParcelMind, lambda data: parcel_tools(data / "parcel.db"))
}


def agent_kit(name: str) -> AgentKit:
    """The built-in agent of that name, the one in that folder, or the one at
    ``module:attribute``.

    Raises :class:`ConfigError` that says what is not there, and what could have been meant.
    """
    if is_agent_folder(name):
        return read_agent_folder(Path(name))
    if ":" in name:
        return _imported(name)
    if name not in AGENTS:
        close = difflib.get_close_matches(name, AGENTS, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise ConfigError(
            f"unknown agent '{name}'{hint} (agents: {', '.join(AGENTS)}, or for one of your "
            "own its folder, or module:attribute)"
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
    return f"{module_name} cannot be imported: {with_place(error)}"
