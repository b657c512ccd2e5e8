"""The messages of ``/v1/text-to-speech/{voice_id}/multi-stream-input``, without I/O.

elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input: a
context is opened by a single space, which alone may carry voice settings; its text ends with a
space; ``flush`` has it generated. What comes back are chunks of audio with their context's id, and
one ``isFinal`` when a context that was closed has been said to its end.

The SDK has types for these messages, which the tests hold ours against. They are not used here:
they accept anything (to them, an error is a context's end), and take three times as long.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec

from adapters.elevenlabs.errors import named_error
from adapters.elevenlabs.settings import OUTPUT_FORMAT, ElevenLabsSettings
from adapters.elevenlabs.timings import Aligned
from effects.ports import ProviderError


def socket_url(settings: ElevenLabsSettings) -> str:
    """Where the websocket is. What holds for all contexts on it is in the query."""
    query = {
        "model_id": settings.model,
        "output_format": OUTPUT_FORMAT,
        "auto_mode": str(settings.auto_mode).lower(),
        "sync_alignment": "true",
        "inactivity_timeout": str(settings.inactivity_timeout_s),
        "apply_text_normalization": "off",  # clauses are in words already
    }
    if settings.language:
        query["language_code"] = settings.language
    base = urlsplit(settings.base_url)
    path = f"{base.path.rstrip('/')}/v1/text-to-speech/{quote(settings.voice, safe='')}"
    scheme = base.scheme.replace("http", "ws")
    return urlunsplit((scheme, base.netloc, f"{path}/multi-stream-input", urlencode(query), ""))


# --- to the vendor --------------------------------------------------------------------------


class VoiceSettings(msgspec.Struct, frozen=True):
    stability: float
    similarity_boost: float
    style: float
    use_speaker_boost: bool
    speed: float


class OpenContext(msgspec.Struct, frozen=True):
    context_id: str
    voice_settings: VoiceSettings
    text: str = " "


class SendText(msgspec.Struct, frozen=True):
    context_id: str
    text: str
    flush: bool = True


class CloseContext(msgspec.Struct, frozen=True):
    context_id: str
    close_context: bool = True


def open_context(context: str, settings: ElevenLabsSettings) -> str:
    """The first message of a context."""
    voice = VoiceSettings(
        settings.stability,
        settings.similarity_boost,
        settings.style,
        settings.use_speaker_boost,
        settings.speed,
    )
    return _encoded(OpenContext(context, voice))


def send_text(context: str, text: str) -> str:
    """Have a text said at once."""
    return _encoded(SendText(context, f"{text} "))


def close_context(context: str) -> str:
    """Nothing more will be asked of a context; what it was asked for, it still says."""
    return _encoded(CloseContext(context))


def _encoded(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode()


# --- from the vendor ------------------------------------------------------------------------


class Alignment(msgspec.Struct, frozen=True, rename="camel"):
    chars: list[str]
    char_start_times_ms: list[float]
    char_durations_ms: list[float]


class Received(msgspec.Struct, frozen=True, rename="camel"):
    """Any message. The schema says ``isFinal``, the vendor's guide ``is_final``: both are taken."""

    audio: bytes | None = None  # base64 in JSON
    context_id: str | None = None
    is_final: bool | None = None
    is_final_too: bool | None = msgspec.field(default=None, name="is_final")
    alignment: Alignment | None = None
    normalized_alignment: Alignment | None = None
    error: str | None = None
    message: str | None = None
    code: int | str | None = None

    @property
    def ends_context(self) -> bool:
        return bool(self.is_final or self.is_final_too)

    @property
    def failure(self) -> ProviderError | None:
        """The error that it tells of. The SDK would take it for the end of a context."""
        if self.error is None:
            return None
        return named_error(self.error, self.message or "", self.code)

    @property
    def aligned(self) -> Aligned | None:
        """When which characters are said: those that we sent, if the vendor says, else those that
        it made of them (the same, because it normalizes nothing)."""
        known = self.alignment or self.normalized_alignment
        if known is None:
            return None
        times = zip(known.char_start_times_ms, known.char_durations_ms, strict=False)
        return Aligned(known.chars, [start + duration for start, duration in times])


_DECODER = msgspec.json.Decoder(Received)


def parse(message: str | bytes) -> Received | None:
    """A message of the vendor's; None for one that is no message at all."""
    try:
        return _DECODER.decode(message)
    except msgspec.DecodeError:
        return None
