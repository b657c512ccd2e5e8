"""Configuration: one optional file, ``antiphon.toml``; the command line has the last word."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from engine.errors import ConfigError
from states.settings import Settings


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service is told.

    ``agent``: who answers: the name of a built-in agent, or ``module:attribute`` for one of
    your own (see :mod:`engine.agents`).
    ``chart``: a chart of your own; empty for the one that comes with antiphon.
    ``calls``: the folder for journals. ``data``: the folder for the agents' own files.
    ``settings``: turn-taking (see :class:`states.settings.Settings`).
    """

    host: str = "127.0.0.1"
    port: int = 8765
    agent: str = "parcel"
    chart: str = ""
    calls: str = "calls"
    data: str = "calls/data"
    settings: Settings = Settings()


def load_config(path: Path | None) -> Config:
    """Read a configuration file; without one, the defaults.

    Raises :class:`ConfigError` that names the file and the field.
    """
    if path is None:
        return Config()
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Config)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
