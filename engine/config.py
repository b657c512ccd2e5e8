"""Configuration: one optional file, ``antiphon.toml``; the command line has the last word."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from pydantic import SecretStr

from adapters.cartesia.settings import CartesiaSettings
from adapters.deepgram.settings import DeepgramSettings
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.openai.settings import OpenAiSettings, TranscriptionSettings
from adapters.whisper.settings import EndpointSettings, WhisperSettings
from engine.errors import ConfigError
from states.settings import Settings

RecogniserName = Literal["deepgram", "whisper", "whisper-endpoint", "embedded"]
MindName = Literal["openai", "agent"]
VoiceName = Literal["elevenlabs", "cartesia", "embedded"]


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vendors' keys, for those who keep them in the file: what the environment says comes
    first (``DEEPGRAM_API_KEY`` and so on). ``transcription`` is the one for a ``base_url`` of
    ``[transcription]`` that is not OpenAI's."""

    deepgram: SecretStr | None = None
    openai: SecretStr | None = None
    elevenlabs: SecretStr | None = None
    cartesia: SecretStr | None = None
    transcription: SecretStr | None = None


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a provider is left alone: after ``failures`` in a row, for ``rest_s``."""

    failures: Annotated[int, msgspec.Meta(ge=1)] = 3
    rest_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class Inspect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether calls can be looked at, and the token for those who are not at this machine (see
    :mod:`engine.inspector.access`). What ``ANTIPHON_INSPECT_TOKEN`` says comes first."""

    enabled: bool = True
    token: SecretStr | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service is told.

    ``agent``: who answers: the name of a built-in agent, or ``module:attribute`` for one of
    your own (see :mod:`engine.agents`).
    ``chart``: a chart of your own; empty for the one that comes with antiphon.
    ``calls``: the folder for journals. ``data``: the folder for the agents' own files.
    ``settings``: turn-taking (see :class:`states.settings.Settings`).
    ``inspect``: who may look at calls (see :mod:`engine.inspector.access`).

    ``speech_to_text``, ``language_model`` and ``voice`` name the providers of each port in the
    order in which they are wanted; a later one takes over where those before it fail. Left out,
    they are the vendors of which there is a key, or else the embedded ones and the agent's own
    mind. How each is used stands in the table of its name. ``vad_batch_ms``: windows of sound
    may wait so long to be judged with those of other calls (0: none waits).
    """

    host: str = "127.0.0.1"
    port: int = 8765
    agent: str = "parcel"
    chart: str = ""
    calls: str = "calls"
    data: str = "calls/data"
    settings: Settings = Settings()
    inspect: Inspect = Inspect()

    speech_to_text: tuple[RecogniserName, ...] = ()
    language_model: tuple[MindName, ...] = ()
    voice: tuple[VoiceName, ...] = ()
    fallback: Fallback = Fallback()
    keys: Keys = Keys()
    deepgram: DeepgramSettings = DeepgramSettings()
    openai: OpenAiSettings = OpenAiSettings()
    elevenlabs: ElevenLabsSettings = ElevenLabsSettings()
    cartesia: CartesiaSettings = CartesiaSettings()
    whisper: WhisperSettings = WhisperSettings()
    transcription: TranscriptionSettings = TranscriptionSettings()
    whisper_endpoint: EndpointSettings = EndpointSettings()
    vad_batch_ms: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.0

    def __post_init__(self) -> None:
        for port in ("speech_to_text", "language_model", "voice"):
            names = getattr(self, port)
            if len(set(names)) < len(names):
                raise ValueError(f"{port} names a provider twice: {', '.join(names)}")


def load_config(path: Path | None) -> Config:
    """Read a configuration file; without one, the defaults.

    Raises :class:`ConfigError` that names the file and the field.
    """
    if path is None:
        return Config()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(table, Config, dec_hook=_secret)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        if "$.keys" in str(error):  # which may quote what was pasted there
            names = ", ".join(Keys.__struct_fields__)
            raise ConfigError(f"{path}: [keys] has a string for {names}, each if any") from None
        raise ConfigError(f"{path}: {error}{_allowed(str(error))}") from error


def _allowed(complaint: str) -> str:
    """What there is to choose from, where a complaint is about a name that is none of them."""
    place = re.search(r"^Invalid enum value .* - at `\$\.([^`]+)`$", complaint)
    if place is None:
        return ""
    kind: Any = Config
    for name in place[1].split("."):
        kind = get_type_hints(kind)[name.partition("[")[0]]
    return f" (there is: {', '.join(_names(kind))})"


def _names(kind: Any) -> list[str]:
    """The names in a type: a Literal, one or None, or a tuple of them."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [name for part in get_args(kind) for name in _names(part)]


def _secret(kind: type[Any], value: object) -> Any:
    if kind is SecretStr and isinstance(value, str):
        return SecretStr(value)
    raise TypeError("a key or a token is a string")
