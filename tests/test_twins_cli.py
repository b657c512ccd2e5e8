"""``antiphon twins``: what it serves, and the configuration that it writes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import twins_cli
from engine.agents import agent_kit
from engine.cli import application
from engine.config import load_config
from engine.errors import ConfigError
from engine.providers import Providers
from tests.twins.openai import OpenAiTwin
from tests.twins.stand import KEY, PORTS, configuration, open_twins


def test_its_configuration_is_one(tmp_path: Path) -> None:
    """A service takes it as it is: all the vendors, each at its twin, with the embedded ones behind
    them."""
    path = tmp_path / "t.toml"
    path.write_text(configuration(PORTS))
    config = load_config(path)
    made = Providers(config, agent_kit("parcel"), {})
    assert str(made) == (
        "speech-to-text deepgram or else embedded, mind openai or else embedded, "
        "voice elevenlabs or else cartesia or else embedded"
    )
    for name, port in PORTS.items():
        assert f"localhost:{port}" in getattr(config, name).base_url
        assert getattr(config.keys, name).get_secret_value() == KEY


async def test_twins_are_served_on_their_ports() -> None:
    """Those that are named, while they are wanted."""
    async with open_twins(["openai"], {"openai": 0}) as twins:
        (twin,) = twins
        assert isinstance(twin, OpenAiTwin)
        assert twin.key == KEY
        with socket.create_connection(("127.0.0.1", twin.port)):
            pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", twin.port))


async def test_a_port_that_is_taken_is_an_error_by_itself() -> None:
    """In no group, for the one line of it."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with open_twins(["openai"], {"openai": taken.getsockname()[1]}):
            pytest.fail("it was taken")


def _complaint(*arguments: str) -> str:
    """The one line that the command ends with."""
    result = CliRunner().invoke(application("twins"), ["twins", *arguments])
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    return line


def test_an_unknown_twin_is_answered_with_those_there_are() -> None:
    """Before anything is loaded."""
    line = _complaint("nova")
    assert line == f"antiphon: there is no twin of nova (twins: {', '.join(PORTS)})"


def test_a_port_in_use_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is likely; naming a twin twice is naming it once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("tests.twins.stand.PORTS", {"openai": taken.getsockname()[1]})
        line = _complaint("openai", "openai")
    assert line == "antiphon: a twin's port is in use: are the twins running already?"


def test_a_configuration_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It names the file."""
    monkeypatch.setattr("tests.twins.stand.PORTS", {**PORTS, "openai": 0})
    path = tmp_path / "no" / "t.toml"
    line = _complaint("openai", "--config", str(path))
    assert line.startswith(f"antiphon: cannot write {path}: No such file")


def test_without_the_repository_there_are_no_twins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are part of the tests, which are not installed."""
    monkeypatch.setattr(twins_cli, "__file__", str(tmp_path / "engine" / "twins_cli.py"))
    with pytest.raises(ConfigError, match="from a clone"):
        twins_cli._stand()
