"""The configuration file: strict, and clear about what is wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.agents import agent_kit
from engine.config import Config, config_for, load_config
from engine.errors import ConfigError
from states.settings import Settings


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


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("chunk_ms = 300", r"chunk_ms \(300\) must not be above lead_ms \(200\)"),
        ("offset_probability = 0.6", r"offset_probability \(0\.6\) .* onset_probability \(0\.5\)"),
        ("silence_ms = 2600", r"silence_ms \(2600\) must not be above silence_most_ms \(2000\)"),
        ("silence_ms = 2001", r"silence_ms \(2001\) must not be above silence_most_ms \(2000\)"),
        ("complete_silence_ms = 1201", r"complete_silence_ms \(1201\) .* silence_ms \(1200\)"),
        ("onset_probability = 1.1", r"settings\.onset_probability"),
        ("offset_probability = -0.1", r"settings\.offset_probability"),
        ("complete_threshold = nan", r"settings\.complete_threshold"),
        ("lead_ms = 0", r"settings\.lead_ms"),
        ("draft_limit = -1", r"settings\.draft_limit"),
        ("tool_rounds = 0", r"settings\.tool_rounds"),
        ("reply_chars = 0", r"settings\.reply_chars"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """Alone or with each other: one line that names the file and the fields."""
    path = tmp_path / "antiphon.toml"
    path.write_text(f"[settings]\n{text}\n")
    with pytest.raises(ConfigError, match=complaint) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_settings_at_their_bounds_are_fine() -> None:
    """What is equal is in order, and never is a number of times."""
    one = Settings(silence_ms=700, complete_silence_ms=700, chunk_ms=200, offset_probability=0.5)
    assert one.chunk_ms == one.lead_ms
    assert msgspec.convert({"draft_limit": 0, "stt_retry_limit": 0}, Settings).draft_limit == 0


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that was asked for and is not there is not passed over."""
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.toml")


def test_an_unknown_agent_is_answered_with_those_there_are() -> None:
    """A misspelt agent gets a hint."""
    with pytest.raises(ConfigError, match=r"unknown agent 'parcle'; did you mean 'parcel'\?"):
        agent_kit("parcle")


NAMES = "elevenlabs, cartesia, embedded"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('voice = ["elevenlab"]', rf"'elevenlab' - at `\$\.voice\[0\]` \(there is: {NAMES}\)"),
        ('speech_to_text = ["siri"]', r"`\$\.speech_to_text\[0\]` \(there is: deepgram, whisper,"),
        ('language_model = ["gpt"]', r"`\$\.language_model\[0\]` \(there is: openai, agent\)"),
        ('[openai]\napi = "chats"', r"`\$\.openai\.api` \(there is: chat, responses\)"),
        ('[openai]\nservice_tier = "x"', r"`\$\.openai\.service_tier` \(there is: auto, default"),
        ('voice = ["cartesia", "cartesia"]', "voice names a provider twice: cartesia, cartesia"),
        ('voice = "cartesia"', r"Expected `array`, got `str` - at `\$\.voice`"),
        ("speech_to_text = [1]", r"\$\.speech_to_text\[0\]"),
        ("[keys]\nopenai = 5", r"\[keys\] has a string for deepgram, openai, elevenlabs"),
        ('[keys]\ndeepgramm = "k"', r"\[keys\] has a string for deepgram, openai, elevenlabs"),
        ('[deepgram]\nbase_url = "localhost:1"', r"wss\?://.' - at `\$\.deepgram\.base_url`"),
        ('[cartesia]\nbase_url = "http://x"', r"wss\?://.' - at `\$\.cartesia\.base_url`"),
        ('[elevenlabs]\nbase_url = "wss://x"', r"https\?://.' - at `\$\.elevenlabs\.base_url`"),
        ('[transcription]\nbase_url = ""', r"https\?://.' - at `\$\.transcription\.base_url`"),
        ("[fallback]\nfailures = 0", r"`int` >= 1 - at `\$\.fallback\.failures`"),
        ("[fallback]\nrest_s = 0", r"`float` > 0.* - at `\$\.fallback\.rest_s`"),
        ("vad_batch_ms = 31", r"<= 30.* - at `\$\.vad_batch_ms`"),
        ('[telnyx]\npath = "/media"', "two carriers come at one path: /media, /media"),
        ("[limits.vendors]\ndeepgramm = 3", r"no provider of ours: deepgramm \(there is: agent, c"),
        ("[limits.vendors]\ndeepgram = 0", r">= 1 - at `\$\.limits\.vendors\[...\]` \(it is {'de"),
        ('[numbers]\n"+15551234567" = 5', r"`\$\.numbers\[...\]` \(it is {'\+15551234567': 5}"),
    ],
)
def test_a_mistake_about_providers_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """One line that says which key, and what it may be."""
    path = tmp_path / "antiphon.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_key_in_the_file_is_kept_to_itself(tmp_path: Path) -> None:
    """It can be used, and is not shown with the configuration."""
    path = tmp_path / "antiphon.toml"
    path.write_text('voice = ["cartesia"]\n[keys]\ncartesia = "the-key"\n')
    config = load_config(path)
    assert config.keys.cartesia is not None
    assert config.keys.cartesia.get_secret_value() == "the-key"
    assert config.voice == ("cartesia",)
    assert "the-key" not in repr(config)


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    """A variable changes one key, in a table too; the rest stays as the file has it."""
    path = tmp_path / "antiphon.toml"
    path.write_text('port = 9000\nagent = "shop"\n[settings]\nbarge_in_ms = 300\nlead_ms = 250\n')
    told = {
        "ANTIPHON_PORT": "9100",
        "ANTIPHON_SETTINGS__BARGE_IN_MS": "450",
        "ANTIPHON_VOICE": "cartesia, embedded",
        "ANTIPHON_KEYS__OPENAI": "12345678",
        "ANTIPHON_DEEPGRAM__KEYTERMS": "parcel support,Memphis",
        "ANTIPHON_OPENAI__PROJECT": "42",
        "ANTIPHON_NUMBERS": '{"+15550001111": "parcel"}',
        "ANTIPHON_LIMITS__VENDORS": '{"elevenlabs": 5}',
        "HOME": "/root",
    }
    config = load_config(path, told)
    assert (config.port, config.agent) == (9100, "shop")
    assert (config.settings.barge_in_ms, config.settings.lead_ms) == (450, 250)
    assert config.voice == ("cartesia", "embedded")
    assert config.deepgram.keyterms == ("parcel support", "Memphis")
    assert config.openai.project == "42"
    assert config.numbers == {"+15550001111": "parcel"}
    assert config.limits.vendors == {"elevenlabs": 5}
    assert config.keys.openai is not None
    assert config.keys.openai.get_secret_value() == "12345678"
    assert load_config(None, {"ANTIPHON_PORT": "9100"}).port == 9100


def test_a_variable_can_fill_a_table_with_keys_of_ones_own(tmp_path: Path) -> None:
    """Key by key, or as JSON, where a key cannot be a variable's name."""
    path = tmp_path / "antiphon.toml"
    path.write_text('[numbers]\n"+15550000001" = "shop"\n')
    told = {
        "ANTIPHON_LIMITS__VENDORS__DEEPGRAM": "20",
        "ANTIPHON_NUMBERS__+15550000002": "bank",
    }
    config = load_config(path, told)
    assert config.limits.vendors == {"deepgram": 20}
    assert config.numbers == {"+15550000001": "shop", "+15550000002": "bank"}
    told = {
        "ANTIPHON_LIMITS__VENDORS": '{"whisper-endpoint": 2}',
        "ANTIPHON_NUMBERS": '{"+15550000002": "bank"}',
    }
    config = load_config(path, told)
    assert config.limits.vendors == {"whisper-endpoint": 2}
    assert config.numbers == {"+15550000001": "shop", "+15550000002": "bank"}


def test_what_an_agent_wants_otherwise_makes_sense_as_a_whole() -> None:
    """As what stands in the file does."""
    with pytest.raises(ConfigError, match="agent 'shop': voice names a provider twice: cartesia"):
        config_for(Config(), "agent 'shop'", {"voice": ["cartesia", "cartesia"]})


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("ANTIPHON_PROT", "1", r"ANTIPHON_PROT: there is no key 'prot'; did you mean 'port'\?"),
        ("ANTIPHON_PORT", "many", r"ANTIPHON_PORT: .*`\$\.port` \(it is 'many'\)"),
        ("ANTIPHON_SETTINGS__BARGE_IN", "1", r"ANTIPHON_SETTINGS__BARGE_IN: .*'barge_in_ms'\?"),
        ("ANTIPHON_SETTINGS__LEAD_MS", "-1", r"LEAD_MS: .*settings\.lead_ms` \(it is -1\)"),
        ("ANTIPHON_VOICE", "siri", r"ANTIPHON_VOICE: .*\(there is: elevenlabs, cartesia"),
        ("ANTIPHON_SETTINGS", "7", r"ANTIPHON_SETTINGS"),
    ],
)
def test_a_mistake_in_a_variable_is_named(name: str, text: str, complaint: str) -> None:
    """The error says which variable, what it was, and what it may be."""
    with pytest.raises(ConfigError, match=complaint) as error:
        load_config(None, {name: text})
    assert "\n" not in str(error.value)


def test_a_mistake_says_what_it_was_and_what_was_meant(tmp_path: Path) -> None:
    """In the file, too."""
    path = tmp_path / "antiphon.toml"
    path.write_text("[settings]\nbarge_in = 300\n")
    with pytest.raises(ConfigError, match=r"did you mean 'barge_in_ms'\?"):
        load_config(path, {})
    path.write_text("vad_batch_ms = 31\n")
    with pytest.raises(ConfigError, match=r"vad_batch_ms` \(it is 31\)"):
        load_config(path, {})
