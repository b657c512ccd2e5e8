"""The configuration file: strict, and clear about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.agents import agent_kit
from engine.config import Config, load_config
from engine.errors import ConfigError


def test_without_a_file_everything_is_as_usual() -> None:
    """No configuration is a configuration."""
    assert load_config(None) == Config()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    """Settings keep their defaults where the file says nothing."""
    path = tmp_path / "antiphon.toml"
    path.write_text("port = 9000\n[settings]\nbarge_in_ms = 300\n")
    config = load_config(path)
    assert config.port == 9000
    assert config.settings.barge_in_ms == 300
    assert config.settings.silence_ms == Config().settings.silence_ms


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "prot"),
        ('port = "many"', r"\$\.port"),
        ("[settings]\nbarge_in = 1", "barge_in"),
        ("port = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """The error says which file and which field."""
    path = tmp_path / "antiphon.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as error:
        load_config(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that was asked for and is not there is not passed over."""
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.toml")


def test_an_unknown_agent_is_answered_with_those_there_are() -> None:
    """A misspelt agent gets a hint."""
    with pytest.raises(ConfigError, match=r"unknown agent 'parcle'; did you mean 'parcel'\?"):
        agent_kit("parcle")
