"""Where a configuration comes from beside its file, and what is said of a mistake in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from pydantic import SecretStr, create_model

from engine.errors import ConfigError

PREFIX = "ANTIPHON_"
TESTS = "ANTIPHON_TEST_"
"""Stands before what is for the tests."""

WITHIN = "__"
"""Stands in a variable's name between a table and what lies in it."""

Table = dict[str, Any]
"""A table as TOML has it."""


# --- the environment ------------------------------------------------------------------------


def from_environment(kind: type[msgspec.Struct], environment: Mapping[str, str]) -> Table:
    """What variables say of a configuration of this kind, with values as TOML would have them.

    Raises :class:`ConfigError` for a variable with our prefix that is about none of its keys.
    """
    ours = {
        name.lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and not name.startswith(TESTS)
    }
    hints = get_type_hints(kind)
    for name in ours:
        key = name.removeprefix(PREFIX.lower()).partition(WITHIN)[0]
        if key not in hints:
            raise ConfigError(
                f"{name.upper()}: there is no key '{key}'{_meant(key, hints)}; within a table it"
                f" is {PREFIX}TABLE{WITHIN}KEY"
            )
    if not ours:
        return {}
    # Only where it is needed: it takes a tenth of a second to import.
    from pydantic_settings import (
        BaseSettings,
        EnvSettingsSource,
        SettingsConfigDict,
        SettingsError,
    )

    class Environment(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=WITHIN)

    fields: dict[str, Any] = {
        key: (dict[str, str] if _has_keys(hints[key]) else Any, None) for key in hints
    }
    model = create_model("Told", __base__=Environment, **fields)
    source = EnvSettingsSource(model)
    source.env_vars = ours
    try:
        told = source()
    except SettingsError:  # the text for a whole table is no JSON; a secret may stand in it
        tables = ", ".join(sorted(name.upper() for name in ours if WITHIN not in name))
        raise ConfigError(
            f"{tables}: what stands for a whole table is JSON; one key of it is set as"
            f" {PREFIX}TABLE{WITHIN}KEY"
        ) from None
    return {key: _typed(value, hints[key]) for key, value in told.items()}


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _has_keys(kind: object) -> bool:
    """Whether it is a table, with keys of ours or of the user's."""
    return _is_table(kind) or get_origin(kind) is dict


def _typed(value: Any, kind: Any) -> Any:
    """A variable's text as the value it stands for. What it cannot stand for stays text, which
    is then refused like any other mistake."""
    if isinstance(value, dict):
        hints = get_type_hints(kind) if _is_table(kind) else {}
        other = get_args(kind)[1] if get_origin(kind) is dict else str
        return {key: _typed(inner, hints.get(key, other)) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    if get_origin(kind) is tuple:
        return [name.strip() for name in value.split(",") if name.strip()]
    if get_origin(kind) is not dict and {str, SecretStr} & {kind, *get_args(kind)}:
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def merged(table: Table, over: Table) -> Table:
    """A table with another laid over it, key by key."""
    both = dict(table)
    for key, value in over.items():
        below = both.get(key)
        both[key] = merged(below, value) if isinstance(value, dict) and below else value
    return both


def told_by(table: Table) -> str:
    """The variables that say this, for an error."""
    return ", ".join(f"{PREFIX}{name}".upper() for name in _paths(table))


def _paths(table: Table) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from (f"{key}{WITHIN}{inner}" for inner in _paths(value))
        else:
            yield key


# --- mistakes -------------------------------------------------------------------------------

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"contains unknown field `([^`]*)`")


def explained(complaint: str, table: Table, kind: type[msgspec.Struct]) -> str:
    """What msgspec leaves out of a complaint: the value, and what there is to choose from."""
    place = _PLACE.search(complaint)
    # Of a table with the user's own keys msgspec does not say which: the whole is shown.
    path = place[1].replace("[...]", "").split(".") if place and place[1] else []
    unknown = _UNKNOWN.search(complaint)
    if unknown:
        hints = get_type_hints(_kind_at(kind, path))
        return f"{_meant(unknown[1], hints)} (there is: {', '.join(sorted(hints))})"
    if not path:
        return ""
    found = _kind_at(kind, path)
    if complaint.startswith("Invalid enum value"):
        return f" (there is: {', '.join(_names(found))})"
    if SecretStr in (found, *get_args(found)) or _is_table(found):
        return ""  # where a table is needed somebody may have put what belongs into it
    return f" (it is {_value_at(table, path)!r})"


def _meant(name: str, names: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _kind_at(kind: Any, path: list[str]) -> Any:
    for name in path:
        kind = get_type_hints(kind)[name.partition("[")[0]]
    return kind


def _value_at(value: Any, path: list[str]) -> Any:
    for name in path:
        key, _, place = name.partition("[")
        value = value[key]
        if place:
            value = value[int(place.rstrip("]"))]
    return value


def _names(kind: Any) -> list[str]:
    """The names in a type: a Literal, one or None, or a tuple of them."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [name for part in get_args(kind) for name in _names(part)]
