"""The providers behind a service's calls, as its configuration wants them: vendors, or embedded.

Without a list, a port has the vendors of which there is a key. Nothing is connected here: a
provider opens its connections when it is entered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import SecretStr

from adapters.cartesia.voice import CartesiaVoice
from adapters.deepgram.speech_to_text import Deepgram
from adapters.elevenlabs.text_to_speech import ElevenLabs
from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.embedded.text_to_speech import EmbeddedVoice
from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OPENAI_URL
from adapters.openai.transcription import OpenAiTranscriber
from adapters.whisper.endpoint import WhisperEndpoint
from adapters.whisper.local import LocalWhisper
from effects.choice import Choice, Named
from effects.ports import LanguageModel, ProviderRefused, SpeechToText, TextToSpeech
from engine.agents import AgentKit
from engine.config import Config
from engine.errors import ConfigError
from engine.fleet import Fleet
from engine.keys import VARIABLES, key_of
from engine.limited import LimitedMind, LimitedSpeechToText, LimitedVoice

P = TypeVar("P", bound=Named)


@dataclass(slots=True)
class Made:
    """What several agents share: providers that are configured alike are one, with one breaker."""

    providers: dict[Hashable, Any] = field(default_factory=dict)
    choices: dict[Hashable, Choice[Any]] = field(default_factory=dict)


class Providers:
    """The choice of each port. Raises :class:`ConfigError` for one that cannot be made."""

    def __init__(
        self,
        config: Config,
        kit: AgentKit,
        environment: Mapping[str, str] = os.environ,
        made: Made | None = None,
        fleet: Fleet | None = None,
    ) -> None:
        """``made`` has what other agents of this service use already; ``fleet`` knows how much may
        be asked of each vendor at once."""
        self._config, self._kit, self._environment = config, kit, environment
        self._made, self._fleet = made or Made(), fleet
        self.speech_to_text = self._choice(
            "speech_to_text", config.speech_to_text or self._usual(["deepgram"], "embedded"),
            self._recogniser,
        )  # fmt: skip
        self.language_model = self._choice(
            "language_model", config.language_model or self._usual(["openai"], "agent"),
            self._mind,
        )  # fmt: skip
        self.text_to_speech = self._choice(
            "voice", config.voice or self._usual(["elevenlabs", "cartesia"], "embedded"),
            self._voice,
        )  # fmt: skip

    def __str__(self) -> str:
        """Who serves which port, in order, for the person at the keyboard."""
        ports: Mapping[str, Choice[Any]] = {
            "speech-to-text": self.speech_to_text,
            "mind": self.language_model,
            "voice": self.text_to_speech,
        }
        return ", ".join(
            f"{port} {' or else '.join(one.name for one in choice.providers)}"
            for port, choice in ports.items()
        )

    def _usual(self, vendors: Sequence[str], otherwise: str) -> Sequence[str]:
        return [vendor for vendor in vendors if self._key(vendor)] or [otherwise]

    def _choice(self, port: str, names: Sequence[str], make: Callable[[str], P]) -> Choice[P]:
        fallback, made = self._config.fallback, self._made
        wanted = tuple((port, name, self._configured(name)) for name in names)
        if wanted in made.choices:
            return cast(Choice[P], made.choices[wanted])
        try:
            for one, name in zip(wanted, names, strict=True):
                if one not in made.providers:
                    made.providers[one] = make(name)
            providers: list[P] = [made.providers[one] for one in wanted]
            choice = Choice(*providers, failures=fallback.failures, open_s=fallback.rest_s)
        except (ValueError, ProviderRefused) as error:
            raise ConfigError(f"{port}: {error}") from error
        made.choices[wanted] = choice
        return choice

    def _configured(self, name: str) -> Hashable:
        """All that a provider of this name is made of: two that agree in it are one."""
        config = self._config
        match name:
            case "agent":
                return self._kit.mind
            case "whisper-endpoint":
                return (config.whisper_endpoint, config.transcription)
            case _:
                return cast(Hashable, getattr(config, name, None))

    def _limits(self, name: str) -> Fleet | None:
        return self._fleet if name in self._config.limits.vendors else None

    def _recogniser(self, name: str) -> SpeechToText:
        provider, fleet = self._any_recogniser(name), self._limits(name)
        return LimitedSpeechToText(provider, fleet) if fleet else provider

    def _mind(self, name: str) -> LanguageModel:
        provider, fleet = self._any_mind(name), self._limits(name)
        return LimitedMind(provider, fleet) if fleet else provider

    def _voice(self, name: str) -> TextToSpeech:
        provider, fleet = self._any_voice(name), self._limits(name)
        return LimitedVoice(provider, fleet) if fleet else provider

    def _any_recogniser(self, name: str) -> SpeechToText:
        config = self._config
        match name:
            case "deepgram":
                return Deepgram(self._needed("deepgram"), config.deepgram)
            case "whisper":
                return LocalWhisper(config.whisper)
            case "whisper-endpoint":
                # OpenAI's key is OpenAI's: another server has one of its own, or none.
                is_openai = _is_openai(config.transcription.base_url)
                key = self._needed("openai") if is_openai else self._key("transcription")
                transcriber = OpenAiTranscriber(key or SecretStr(""), config.transcription)
                return WhisperEndpoint(transcriber, config.whisper_endpoint)
            case _:
                return EmbeddedSpeechToText()

    def _any_mind(self, name: str) -> LanguageModel:
        if name == "openai":
            settings = self._config.openai
            key = self._needed("openai") if _is_openai(settings.base_url) else self._key("openai")
            return OpenAi(key or SecretStr(""), settings)
        if self._kit.mind is None:
            agent = self._kit.agent.name
            raise ConfigError(
                f"agent '{agent}' has no mind of its own: set {VARIABLES['openai']}, or "
                'language_model = ["openai"] with a base_url in [openai] of antiphon.toml'
            )
        return self._kit.mind()

    def _any_voice(self, name: str) -> TextToSpeech:
        config = self._config
        match name:
            case "elevenlabs":
                return ElevenLabs(self._needed("elevenlabs"), config.elevenlabs)
            case "cartesia":
                return CartesiaVoice(self._needed("cartesia"), config.cartesia)
            case _:
                return EmbeddedVoice()

    def _needed(self, vendor: str) -> SecretStr:
        key = self._key(vendor)
        if key is None:
            raise ConfigError(
                f"{vendor} needs a key: set {VARIABLES[vendor]} (or {vendor} in [keys] of "
                "antiphon.toml)"
            )
        return key

    def _key(self, vendor: str) -> SecretStr | None:
        return key_of(vendor, self._config.keys, self._environment)


def _is_openai(base_url: str) -> bool:
    """Whether it is OpenAI itself; a compatible server elsewhere may want no key."""
    return base_url.rstrip("/") == OPENAI_URL
