"""Which providers serve: by the keys that there are, or as the configuration lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import trio
from pydantic import SecretStr
from trio.testing import MockClock

from adapters.embedded.parcel import PARCEL
from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings, TranscriptionSettings
from adapters.openai.transcription import OpenAiTranscriber
from effects.ports import ProviderLost
from engine.agents import AgentKit, agent_kit
from engine.config import Config, Fallback, Keys
from engine.errors import ConfigError
from engine.keys import VARIABLES, key_of
from engine.providers import Providers

ALL_KEYS = dict.fromkeys(VARIABLES.values(), "a-key")
PARCEL_DESK = agent_kit("parcel")


def providers(environment: Mapping[str, str], **settings: Any) -> list[list[str]]:
    """The names of each port's providers: recognisers, minds, voices."""
    made = Providers(Config(**settings), PARCEL_DESK, environment)
    choices = (made.speech_to_text, made.language_model, made.text_to_speech)
    return [[one.name for one in choice.providers] for choice in choices]


def test_without_keys_all_is_embedded() -> None:
    """Nothing has to be configured to take a call."""
    assert providers({}) == [["embedded"], ["embedded"], ["embedded"]]


def test_the_vendors_of_which_there_is_a_key_serve() -> None:
    """And nothing is behind them that was not asked for."""
    assert providers(ALL_KEYS) == [["deepgram"], ["openai"], ["elevenlabs", "cartesia"]]
    only = {"CARTESIA_API_KEY": "a-key", "OPENAI_API_KEY": "  "}
    assert providers(only) == [["embedded"], ["embedded"], ["cartesia"]]


def test_a_key_may_be_in_the_file() -> None:
    """An empty one is none."""
    keys = Keys(deepgram=SecretStr("a-key"), openai=SecretStr(""))
    assert providers({}, keys=keys) == [["deepgram"], ["embedded"], ["embedded"]]


def test_a_list_has_the_last_word() -> None:
    """In its order, whatever keys there are."""
    listed = providers(
        ALL_KEYS,
        speech_to_text=("embedded", "whisper-endpoint"),
        language_model=("agent", "openai"),
        voice=("cartesia", "embedded"),
    )
    assert listed == [
        ["embedded", "whisper-endpoint"],
        ["embedded", "openai"],
        ["cartesia", "embedded"],
    ]


@pytest.mark.parametrize(
    ("lists", "vendor"),
    [
        ({"speech_to_text": ("deepgram",)}, "deepgram"),
        ({"speech_to_text": ("whisper-endpoint",)}, "openai"),
        ({"language_model": ("openai",)}, "openai"),
        ({"voice": ("embedded", "elevenlabs")}, "elevenlabs"),
        ({"voice": ("cartesia",)}, "cartesia"),
    ],
)
def test_a_vendor_without_a_key_is_named(lists: dict[str, Any], vendor: str) -> None:
    """With the places where the key can be."""
    with pytest.raises(ConfigError) as error:
        providers({}, **lists)
    assert str(error.value) == (
        f"{vendor} needs a key: set {VARIABLES[vendor]} (or {vendor} in [keys] of antiphon.toml)"
    )


def test_a_compatible_server_needs_no_key() -> None:
    """Most on one's own machine want none."""
    openai = OpenAiSettings(base_url="http://localhost:8080/v1")
    made = providers({}, language_model=("openai",), openai=openai)
    assert made[1] == ["openai"]


@pytest.mark.parametrize("plain", ["sk-ä", "two words", "a\nb", "a\x7f"])
@pytest.mark.parametrize("vendor", [name for name in VARIABLES if name != "transcription"])
def test_a_key_that_cannot_be_one_is_not_quoted(vendor: str, plain: str) -> None:
    """The error says where it stands, before any library has seen it."""
    with pytest.raises(ConfigError, match=f"{VARIABLES[vendor]} holds characters") as error:
        key_of(vendor, Keys(), {VARIABLES[vendor]: plain})
    assert plain not in str(error.value)
    with pytest.raises(ConfigError, match=rf"{vendor} in \[keys\] holds characters") as error:
        key_of(vendor, Keys(**{vendor: SecretStr(plain)}), {})
    assert plain not in str(error.value)


def test_two_that_are_the_same_provider_are_refused() -> None:
    """An agent's own mind that is called like the vendor: a journal could not tell them apart."""
    kit = AgentKit(PARCEL, lambda: OpenAi(SecretStr("a-key")))
    with pytest.raises(ConfigError, match=r"language_model: .* different names"):
        Providers(Config(language_model=("openai", "agent")), kit, ALL_KEYS)


def test_an_agent_without_a_mind_needs_a_language_model() -> None:
    """The error says how to give it one."""
    with pytest.raises(ConfigError, match="'parcel desk' has no mind of its own: set OPENAI_API"):
        Providers(Config(), AgentKit(PARCEL), {})


async def test_a_provider_is_left_alone_as_configured(autojump_clock: MockClock) -> None:
    """After so many failures in a row, for so long; the next one is asked meanwhile."""
    fallback = Fallback(failures=2, rest_s=5.0)
    voices = Providers(Config(fallback=fallback), PARCEL_DESK, ALL_KEYS).text_to_speech
    asked = []
    for _ in range(2):
        asked.append(voices.pick("").name)
        voices.failed("elevenlabs", ProviderLost("gone"))
    asked.append(voices.pick("").name)
    await trio.sleep(5)
    assert [*asked, voices.pick("").name] == ["elevenlabs", "elevenlabs", "cartesia", "elevenlabs"]


def test_who_serves_can_be_told() -> None:
    """In one line, in order, without a key."""
    made = Providers(Config(), PARCEL_DESK, ALL_KEYS)
    assert str(made) == "speech-to-text deepgram, mind openai, voice elevenlabs or else cartesia"


def test_the_key_of_openai_is_not_sent_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transcription server elsewhere gets its own key, or none."""
    keys: list[str] = []

    def transcriber(key: SecretStr, settings: TranscriptionSettings) -> OpenAiTranscriber:
        keys.append(key.get_secret_value())
        return OpenAiTranscriber(key, settings)

    monkeypatch.setattr("engine.providers.OpenAiTranscriber", transcriber)
    elsewhere = TranscriptionSettings(base_url="http://localhost:8000/v1")
    for own in ({}, {"TRANSCRIPTION_API_KEY": "own"}):
        environment = {"OPENAI_API_KEY": "sk-openai", **own}
        listed = providers(
            environment, speech_to_text=("whisper-endpoint",), transcription=elsewhere
        )
        assert listed[0] == ["whisper-endpoint"]
    providers({"OPENAI_API_KEY": "sk-openai"}, speech_to_text=("whisper-endpoint",))
    assert keys == ["", "own", "sk-openai"]
