"""An agent as a folder: read whole, or refused in one clear line."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from engine.agents import agent_kit
from engine.errors import ConfigError

AGENT = """\
greeting = "Corner shop, hello."
prompts = ["Are you there?", "Hello?"]
voice = ["cartesia", "embedded"]
[transfers]
owner = "+15551234567"
[settings]
silence_ms = 900
[elevenlabs]
voice = "a-voice"
"""
TOOLS = """\
from __future__ import annotations
from typing import Literal
from pydantic import BaseModel
from effects.toolkit import tool

Door = Literal["front", "back"]

class Ring(BaseModel):
    "Ring the bell."
    how: Literal["once", "twice"] = "once"
    door: Door = "front"

@tool(Ring)
async def ring(arguments, context):
    return arguments

TOOLS = (ring,)
"""


def a_folder(here: Path, **files: str) -> Path:
    """An agent's folder; a file is named with underscores for dots."""
    folder = here / "agents" / "shop"
    (folder / "phrases").mkdir(parents=True)
    usual = {"agent_toml": AGENT, "instructions_md": "You are a shop.\n"}
    for name, text in {**usual, **files}.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def a_wav(path: Path, rate_hz: int = 8000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.full(800, 1000, np.int16).tobytes())


def test_a_folder_is_an_agent(tmp_path: Path) -> None:
    """Its fixed lines, what it is told to be, and what it wants otherwise than the service."""
    kit = agent_kit(str(a_folder(tmp_path)))
    assert kit.agent.name == "shop"
    assert kit.agent.instructions == "You are a shop."
    assert kit.agent.greeting == "Corner shop, hello."
    assert kit.agent.prompts == ("Are you there?", "Hello?")
    assert kit.agent.goodbye == "Goodbye."
    assert kit.agent.transfers == {"owner": "+15551234567"}
    assert kit.config == {
        "voice": ["cartesia", "embedded"],
        "settings": {"silence_ms": 900},
        "elevenlabs": {"voice": "a-voice"},
    }
    assert kit.mind is None


def test_its_tools_are_its_own(tmp_path: Path) -> None:
    """Beside those that every agent has; TOOLS may be a function."""
    folder = a_folder(tmp_path, tools_py=TOOLS)
    assert {"ring", "end_call", "transfer_call"} <= set(agent_kit(str(folder)).open_tools(tmp_path))
    (folder / "tools.py").write_text(TOOLS + "made = TOOLS\ndef TOOLS(data): return made\n")
    assert "ring" in agent_kit(str(folder)).open_tools(tmp_path)


def test_tools_that_cannot_be_made_are_named(tmp_path: Path) -> None:
    """With the line on which it went wrong."""
    folder = a_folder(tmp_path, tools_py="def TOOLS(data):\n    return open(data / 'no' / 'db')\n")
    complaint = r"agent 'shop': its tools cannot be made: FileNotFoundError: .*tools\.py:2\)"
    with pytest.raises(ConfigError, match=complaint):
        agent_kit(str(folder)).open_tools(tmp_path)


def test_its_tools_may_have_types_of_their_own(tmp_path: Path) -> None:
    """Those that look up the module in which they stand, by its name, among them; two folders of
    one name are two modules."""
    types = """\
from dataclasses import dataclass
import msgspec

@dataclass
class Bell:
    tone: str

class Order(msgspec.Struct):
    bells: list[Bell]

ORDER = msgspec.json.decode(b'{"bells": [{"tone": "NAME"}]}', type=Order)
"""
    for name in ("low", "high"):
        folder = a_folder(tmp_path / name, tools_py=TOOLS + types.replace("NAME", name))
        assert "ring" in agent_kit(str(folder)).open_tools(tmp_path)


def test_a_folder_can_be_named_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agent has the folder's own name."""
    monkeypatch.chdir(a_folder(tmp_path))
    assert agent_kit("./").agent.name == "shop"


def test_lines_that_somebody_spoke_need_no_voice(tmp_path: Path) -> None:
    """By the name of the line; the second prompt is prompts-2."""
    folder = a_folder(tmp_path)
    a_wav(folder / "phrases" / "greeting.wav")
    a_wav(folder / "phrases" / "prompts-2.wav")
    recorded = agent_kit(str(folder)).recorded
    assert set(recorded) == {"Corner shop, hello.", "Hello?"}
    assert {len(mulaw) for mulaw in recorded.values()} == {800}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"agent_toml": "greting = 'Hi'"}, r"agent\.toml: .*no 'greting'; did you mean 'greeting'"),
        ({"agent_toml": "name = 'x'"}, r"agent\.toml: .*`greeting`"),
        ({"agent_toml": "greeting = 5"}, r"agent\.toml: Expected `str`, got `int` - .*greeting"),
        ({"agent_toml": "greeting ="}, r"agent\.toml: not valid TOML"),
        ({"tools_py": "1 / 0"}, r"tools\.py cannot be imported: ZeroDivisionError.*tools\.py:1"),
        ({"tools_py": "TOOL = ()"}, r"tools\.py: TOOLS is needed"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    """The file, and what is wrong with it."""
    folder = a_folder(tmp_path, **files)
    with pytest.raises(ConfigError, match=complaint) as error:
        agent_kit(str(folder))
    assert "\n" not in str(error.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Of a folder, and a recording of a line that there is not."""
    with pytest.raises(ConfigError, match=r"needs .*nothing/agent\.toml: No such file"):
        agent_kit(str(tmp_path / "nothing"))
    folder = a_folder(tmp_path)
    a_wav(folder / "phrases" / "greetings.wav")
    with pytest.raises(ConfigError, match=r"greetings\.wav: there is no such line .*greeting, "):
        agent_kit(str(folder))
    (folder / "phrases" / "greetings.wav").unlink()
    a_wav(folder / "phrases" / "greeting.wav", rate_hz=44100)
    with pytest.raises(ConfigError, match=r"greeting\.wav is 44\.1 kHz"):
        agent_kit(str(folder))
    (folder / "instructions.md").unlink()
    with pytest.raises(ConfigError, match=r"needs .*instructions\.md"):
        agent_kit(str(folder))
