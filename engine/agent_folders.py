"""An agent as a folder, which needs no Python unless it has tools:

    agents/shop/
        agent.toml        its name and its fixed lines; its voice and thresholds, where they differ
        instructions.md   what the language model is told
        tools.py          TOOLS, a tuple of tools (or a function that makes them from the folder
                          for the agent's files); optional
        phrases/          fixed lines as somebody spoke them: greeting.wav, prompts-2.wav; optional

In ``agent.toml`` stand the fields of :class:`states.agent.Agent`, and any key of the service's
configuration that is about speech: ``[settings]``, ``[elevenlabs]``, ``voice = […]`` and so on.
These are laid over the service's own for this agent's calls.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from adapters.twilio.wav import UnusableWav, read_caller_wav
from effects.ports import Tool
from engine.agent_kit import AgentKit, no_tools
from engine.errors import ConfigError, with_place
from states.agent import Agent

FILE, INSTRUCTIONS, TOOLS, PHRASES = "agent.toml", "instructions.md", "tools.py", "phrases"

OVERRIDES = frozenset(
    "settings speech_to_text language_model voice deepgram openai elevenlabs cartesia whisper"
    " transcription whisper_endpoint".split()
)
"""The keys of the service's configuration that an agent may have its own way with."""

_LINES = tuple(one.name for one in fields(Agent) if one.name not in ("name", "instructions"))


def is_agent_folder(name: str) -> bool:
    """Whether a name in a configuration is meant as a folder."""
    return ("/" in name and ":" not in name) or (Path(name) / FILE).is_file()


def read_agent_folder(folder: Path) -> AgentKit:
    """The agent in a folder. Raises :class:`ConfigError` that names the file and the key."""
    table = _table(folder / FILE)
    overrides = {key: table.pop(key) for key in OVERRIDES & table.keys()}
    agent = _agent(folder, table)
    return AgentKit(
        agent,
        tools=_tools(folder / TOOLS),
        recorded=dict(_recorded(folder / PHRASES, agent)),
        config=overrides,
    )


def _table(path: Path) -> dict[str, Any]:
    return _toml(path, _text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"an agent's folder needs {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _agent(folder: Path, table: Mapping[str, Any]) -> Agent:
    path = folder / FILE
    known = ("name", *_LINES)
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, (*known, *OVERRIDES), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise ConfigError(f"{path}: an agent has no '{key}'{hint}")
    told = {
        "name": folder.resolve().name,
        "instructions": _text(folder / INSTRUCTIONS).strip(),
        **table,
    }
    try:
        return msgspec.convert(told, Agent)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


# --- tools ----------------------------------------------------------------------------------


def _tools(path: Path) -> Callable[[Path], Sequence[Tool]]:
    if not path.exists():
        return no_tools
    spec = importlib.util.spec_from_file_location(f"tools of {path.parent.resolve()}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where pydantic looks for what its annotations name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise ConfigError(f"{path} cannot be imported: {with_place(error)}") from error
    tools = getattr(module, "TOOLS", None)
    if callable(tools):
        made: Callable[[Path], Sequence[Tool]] = tools
        return made
    if not isinstance(tools, tuple | list):
        raise ConfigError(
            f"{path}: TOOLS is needed: a tuple of tools, or a function that makes them"
        )
    return lambda data: tuple(tools)


# --- fixed lines that somebody spoke --------------------------------------------------------


def _recorded(folder: Path, agent: Agent) -> Iterator[tuple[str, bytes]]:
    """The lines of which there is a recording, each with its sound."""
    if not folder.is_dir():
        return
    lines = dict(_named_lines(agent))
    for path in sorted(folder.glob("*.wav")):
        if path.stem not in lines:
            raise ConfigError(f"{path}: there is no such line (there is: {', '.join(lines)})")
        try:
            yield lines[path.stem], read_caller_wav(path)
        except UnusableWav as error:
            raise ConfigError(str(error)) from error


def _named_lines(agent: Agent) -> Iterator[tuple[str, str]]:
    """Each fixed line with the name of its recording; several of one kind are numbered from 1."""
    for name in _LINES:
        value = getattr(agent, name)
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, tuple):
            yield from ((f"{name}-{number}", line) for number, line in enumerate(value, start=1))
