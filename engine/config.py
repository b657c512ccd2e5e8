"""Configuration: one optional file, ``antiphon.toml``; what the environment says comes before it,
and the command line has the last word."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from pydantic import SecretStr

from adapters.asterisk.settings import AsteriskSettings, AudioSocketSettings
from adapters.cartesia.settings import CartesiaSettings
from adapters.database.settings import StoreSettings
from adapters.deepgram.settings import DeepgramSettings
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.openai.settings import OpenAiSettings, TranscriptionSettings
from adapters.stores.settings import AudioSettings
from adapters.telnyx.settings import TelnyxSettings
from adapters.twilio.settings import TwilioSettings
from adapters.whisper.settings import EndpointSettings, WhisperSettings
from engine.admission import Limits
from engine.config_sources import Table, explained, from_environment, merged, told_by
from engine.errors import ConfigError
from engine.observing_settings import LogSettings, MetricsSettings, TracingSettings
from engine.sessions_settings import SessionSettings
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
    twilio: SecretStr | None = None


class Redis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Redis that workers on several machines share, by its ``url`` (``redis://…``). Without it
    those of one machine share a file."""

    url: SecretStr | None = None


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a provider is left alone: after ``failures`` in a row, for ``rest_s``."""

    failures: Annotated[int, msgspec.Meta(ge=1)] = 3
    rest_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class Inspect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether calls can be looked at, and the token for those who are not at this machine (see
    :mod:`engine.inspector.access`)."""

    enabled: bool = True
    token: SecretStr | None = None


MEDIA_PATH = "/media"
"""Where Twilio's media streams come in, and all that speak as they do."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service is told.

    ``agent``: who answers: the name of a built-in agent, the folder of one of your own, or
    ``module:attribute`` (see :mod:`engine.agents`).
    ``numbers``: who answers at which called number, where it is somebody else.
    ``chart``: a chart of your own; empty for the one that comes with antiphon.
    ``calls``: the folder for journals. ``data``: the folder for the agents' own files.
    ``settings``: turn-taking (see :class:`states.settings.Settings`).
    ``inspect``: who may look at calls (see :mod:`engine.inspector.access`).
    ``workers``: how many processes take calls on the port; 0 is one for each core.
    ``limits``: what one of them takes on (see :mod:`engine.admission`), and what may be asked of
    vendors. ``twilio`` (see :mod:`adapters.twilio.settings`) and ``sessions`` (see
    :mod:`engine.sessions`): how calls come in. ``redis``: what workers share.
    ``telnyx``, ``asterisk``, ``audiosocket``: other carriers that calls come from.
    ``log``, ``metrics``, ``tracing``: what it tells those who run it (see
    :mod:`engine.observing_settings`).

    ``speech_to_text``, ``language_model`` and ``voice`` name the providers of each port in the
    order in which they are wanted; a later one takes over where those before it fail. Left out,
    they are the vendors of which there is a key, or else the embedded ones and the agent's own
    mind. How each is used stands in the table of its name. ``vad_batch_ms``: windows of sound
    may wait so long to be judged with those of other calls (0: none waits).
    """

    host: str = "127.0.0.1"
    port: int = 8765
    agent: str = "parcel"
    numbers: dict[str, str] = {}
    chart: str = ""
    calls: str = "calls"
    data: str = "calls/data"
    settings: Settings = Settings()
    inspect: Inspect = Inspect()
    workers: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 1
    limits: Limits = Limits()
    twilio: TwilioSettings = TwilioSettings()
    sessions: SessionSettings = SessionSettings()
    redis: Redis = Redis()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()

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
    telnyx: TelnyxSettings = TelnyxSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    audiosocket: AudioSocketSettings = AudioSocketSettings()
    vad_batch_ms: Annotated[float, msgspec.Meta(ge=0, le=30)] = 2.0
    store: StoreSettings = StoreSettings()
    audio: AudioSettings = AudioSettings()

    def __post_init__(self) -> None:
        for port in ("speech_to_text", "language_model", "voice"):
            names = getattr(self, port)
            if len(set(names)) < len(names):
                raise ValueError(f"{port} names a provider twice: {', '.join(names)}")
        paths = [path for path in (MEDIA_PATH, self.telnyx.path, self.asterisk.path) if path]
        if len(set(paths)) < len(paths):
            raise ValueError(f"two carriers come at one path: {', '.join(paths)}")
        there_are = {*get_args(RecogniserName), *get_args(MindName), *get_args(VoiceName)}
        if unknown := self.limits.vendors.keys() - there_are:
            raise ValueError(
                f"vendors in [limits] names no provider of ours: {', '.join(sorted(unknown))}"
                f" (there is: {', '.join(sorted(there_are))})"
            )


def load_config(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read a configuration file, if there is one, and what the environment changes of it.

    Every key can be set by a variable: ``ANTIPHON_PORT=9000``, and with two underscores before
    what lies in a table, ``ANTIPHON_SETTINGS__BARGE_IN_MS=400``. Lists are separated by commas.

    Raises :class:`ConfigError` that names the file or the variable, the key, what it was and what
    it may be.
    """
    table = _read(path) if path else {}
    config = _converted(table, str(path))
    told = from_environment(Config, environment)
    return _converted(merged(table, told), told_by(told)) if told else config


def config_for(config: Config, agent: str, changes: Mapping[str, Any]) -> Config:
    """A configuration with an agent's own changes laid over it, key by key in tables. Raises
    :class:`ConfigError` that names the agent and the key."""
    changed: dict[str, Any] = {}
    hints = get_type_hints(Config, include_extras=True)
    for key, value in changes.items():
        now = getattr(config, key)
        is_table = isinstance(now, msgspec.Struct) and isinstance(value, dict)
        whole = merged(msgspec.structs.asdict(now), value) if is_table else value
        try:
            changed[key] = msgspec.convert(whole, hints[key])
        except msgspec.ValidationError as error:
            raise ConfigError(f"{agent}: {key}: {error}") from error
    try:
        return msgspec.structs.replace(config, **changed)
    except ValueError as error:
        raise ConfigError(f"{agent}: {error}") from error


def _read(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _converted(table: Table, where: str) -> Config:
    try:
        return msgspec.convert(table, Config, dec_hook=_secret)
    except msgspec.ValidationError as error:
        if "$.keys" in str(error):  # which may quote what was pasted there
            names = ", ".join(Keys.__struct_fields__)
            raise ConfigError(f"{where}: [keys] has a string for {names}, each if any") from None
        raise ConfigError(f"{where}: {error}{explained(str(error), table, Config)}") from error


def _secret(kind: type[Any], value: object) -> Any:
    if kind is SecretStr and isinstance(value, str):
        return SecretStr(value)
    raise TypeError("a key or a token is a string")
