"""Scenarios as files: YAML, in which only what is not as usual has to stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from engine.errors import ConfigError
from engine.simulation.scenario import (
    Act,
    Answer,
    Asks,
    Hearing,
    Injection,
    Order,
    Recognition,
    Said,
    Scenario,
    ScriptedTool,
    Use,
    Voice,
)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises :class:`ConfigError` naming the file and the field."""
    try:
        text = path.read_text(encoding="utf-8")
        return msgspec.convert(yaml.safe_load(text), Scenario, str_keys=False)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not a scenario: {error}") from error


def dump_scenario(scenario: Scenario) -> str:
    """A scenario as YAML, without what is as usual."""
    plain = plain_scenario(scenario)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None)


def plain_scenario(scenario: Scenario) -> dict[str, Any]:
    """A scenario as plain values, without what is as usual: what a file of it holds."""
    return _differing(scenario, Scenario(says=""))


_USUAL: dict[type[msgspec.Struct], msgspec.Struct] = {
    Act: Act(at=-1.0),
    Hearing: Hearing(at=-1.0, text="", segment=-1),
    Use: Use(arguments="", takes=-1.0),
    Answer: Answer(),
    Voice: Voice(),
    Recognition: Recognition(),
    Asks: Asks(tool=""),
    ScriptedTool: ScriptedTool(name=""),
    Injection: Injection(step=-1),
    Order: Order(),
    Said: Said(),
    Scenario: Scenario(says=""),
}
"""What items of a list, and a call beside, are compared with, to leave out what is as usual."""


def _differing(data: msgspec.Struct, usual: msgspec.Struct) -> dict[str, Any]:
    """The fields of ``data`` that differ from ``usual``, as plain values."""
    plain = {}
    for name in data.__struct_fields__:
        value, normal = getattr(data, name), getattr(usual, name)
        if value != normal:
            plain[name] = _plain(value, normal)
    return plain


def _plain(value: Any, normal: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item, _USUAL.get(type(item))) for item in value]
    if isinstance(value, msgspec.Struct):
        return _differing(value, normal if normal is not None else _USUAL[type(value)])
    return msgspec.to_builtins(value, str_keys=False)
