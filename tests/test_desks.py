"""Several agents in one service: each with its own ways, on what they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from effects.ports import CallInfo
from engine.config import Config, config_for
from engine.errors import ConfigError
from engine.session import Desk, Desks
from engine.stack import agent_names, open_desks
from tests.test_agent_folders import a_folder, a_wav

SHOP = "+15550001111"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The parcel desk, and a shop with a number of its own."""
    folder = a_folder(
        tmp_path,
        agent_toml='greeting = "Shop."\nlanguage_model = ["openai"]\n[settings]\nsilence_ms = 900\n'
        '[openai]\nbase_url = "http://127.0.0.1:1/v1"\n',
    )
    a_wav(folder / "phrases" / "greeting.wav")
    return Config(
        numbers={SHOP: str(folder)},
        calls=str(tmp_path / "calls"),
        data=str(tmp_path / "data"),
        settings=Config().settings,
    )


async def test_each_number_has_its_agent(config: Config) -> None:
    """With settings, lines and a language model of its own; ears and voice are the same ones."""
    async with open_desks(config) as desks:
        parcel, shop = desks.usual, desks.for_call(call(to=SHOP))
        assert parcel.agent.name == "parcel desk"
        assert desks.for_call(call(to="+15559999999")) is parcel
        assert desks.for_call(call()) is parcel
        assert shop.agent.name == "shop"
        assert desks.for_call(call(agent=config.numbers[SHOP])) is shop
        assert desks.for_call(call(agent="nobody")) is parcel
        assert (parcel.settings.silence_ms, shop.settings.silence_ms) == (1200, 900)
        assert shop.ports.text_to_speech is parcel.ports.text_to_speech
        assert shop.ports.speech_to_text is parcel.ports.speech_to_text
        assert shop.ports.language_model.first.name == "openai"
        assert parcel.ports.language_model.first.name == "embedded"
        assert shop.ports.phrases.get("Shop.") is not None


def call(**parameters: str) -> CallInfo:
    return CallInfo("CA1", "MZ1", parameters)


def test_who_may_answer() -> None:
    """Each agent once, the usual one first."""
    numbers = {"+1": "agents/a", "+2": "parcel", "+3": "agents/a"}
    assert agent_names(Config(numbers=numbers)) == ["parcel", "agents/a"]


def test_an_agents_changes_are_laid_over_the_services() -> None:
    """Key by key; a mistake in them names the agent."""
    base = Config()
    changed = config_for(base, "shop", {"settings": {"silence_ms": 900}, "voice": ["cartesia"]})
    assert changed.settings.silence_ms == 900
    assert changed.settings.lead_ms == base.settings.lead_ms
    assert changed.voice == ("cartesia",)
    assert config_for(base, "shop", {}) == base
    with pytest.raises(ConfigError, match=r"shop: settings: .*unknown field `silence`"):
        config_for(base, "shop", {"settings": {"silence": 900}})
    with pytest.raises(ConfigError, match=r"shop: voice: .*'siri'"):
        config_for(base, "shop", {"voice": ["siri"]})


def test_an_agent_is_asked_for_by_name_before_the_number() -> None:
    """Whoever asks for one has a reason."""
    usual, shop, bank = (object.__new__(Desk) for _ in range(3))
    desks = Desks(usual, {"shop": shop, "bank": bank}, {SHOP: "shop"})
    assert desks.for_call(call(to=SHOP, agent="bank")) is bank
