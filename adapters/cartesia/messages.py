"""The messages of Cartesia's `/tts/websocket`, as typed structs and JSON.

A context is one stretch of speech. Text is added to it while `continue` is true, its audio comes
in the order of the text, and `done` ends it (docs.cartesia.ai, "Text to Speech (WebSocket)",
"Contexts and Continuations"). `flush` makes the service say what it has got and mark the end of
its audio with `flush_done` ("Context Flushing and Flush IDs").
"""

from __future__ import annotations

import msgspec

from adapters.cartesia.settings import CartesiaSettings, Speed, Volume

VERSION = "2026-03-01"
"""The version of the API: the first whose errors have a structure ("API Errors")."""

PATH = "/tts/websocket"


# --- to Cartesia -----------------------------------------------------------------------------


class Voice(msgspec.Struct, frozen=True):
    id: str
    mode: str = "id"


class OutputFormat(msgspec.Struct, frozen=True):
    """What the telephone plays."""

    container: str = "raw"
    encoding: str = "pcm_mulaw"
    sample_rate: int = 8000


class GenerationConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    speed: Speed | None = None
    volume: Volume | None = None
    emotion: str | None = None


class Generation(msgspec.Struct, frozen=True, kw_only=True, rename={"goes_on": "continue"}):
    """Text for a context. All but the text and the two flags must stay the same in a context."""

    context_id: str
    transcript: str
    goes_on: bool
    flush: bool
    model_id: str
    voice: Voice
    language: str
    generation_config: GenerationConfig
    output_format: OutputFormat = OutputFormat()
    max_buffer_delay_ms: int = 0  # a clause is whole: nothing to wait for
    add_timestamps: bool = True
    use_normalized_timestamps: bool = False  # of the words as we wrote them


class Cancellation(msgspec.Struct, frozen=True):
    context_id: str
    cancel: bool = True


def say(settings: CartesiaSettings, context_id: str, text: str) -> str:
    """Add a clause to a context. Texts are joined as they are, hence the space."""
    return _generation(settings, context_id, f"{text} ")


def flush(settings: CartesiaSettings, context_id: str) -> str:
    """Mark the end of the audio of what was added."""
    return _generation(settings, context_id, "", flush=True)


def end(settings: CartesiaSettings, context_id: str) -> str:
    """Nothing more will be added."""
    return _generation(settings, context_id, "", goes_on=False)


def cancel(context_id: str) -> str:
    """Say nothing more of a context. What is being generated already still comes."""
    return _json(Cancellation(context_id))


def _generation(
    settings: CartesiaSettings,
    context_id: str,
    text: str,
    *,
    goes_on: bool = True,
    flush: bool = False,
) -> str:
    return _json(
        Generation(
            context_id=context_id,
            transcript=text,
            goes_on=goes_on,
            flush=flush,
            model_id=settings.model,
            voice=Voice(settings.voice),
            language=settings.language,
            generation_config=GenerationConfig(settings.speed, settings.volume, settings.emotion),
        )
    )


def _json(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode()


# --- from Cartesia ---------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that happened to a context; without one it is about the whole connection."""

    context_id: str | None = None


class Chunk(Event, frozen=True, tag="chunk"):
    """Audio."""

    data: bytes  # base64 in JSON


class Words(msgspec.Struct, frozen=True):
    """Words, and when the voice begins and ends each, in seconds."""

    words: list[str]
    start: list[float]
    end: list[float]


class Timestamps(Event, frozen=True, tag="timestamps"):
    """When words are said, of audio that has come or is about to."""

    word_timestamps: Words


class FlushDone(Event, frozen=True, tag="flush_done"):
    """All audio of what had been added before a flush has come."""


class Done(Event, frozen=True, tag="done"):
    """The context is over: ended, cancelled or expired."""


class Failed(Event, frozen=True, tag="error"):
    """The context, or the connection, is over: ``status_code`` is one of HTTP's."""

    status_code: int = 500
    error_code: str | None = None
    title: str | None = None

    @property
    def reason(self) -> str:
        """In words that quote nothing of what was to be said (as the message may)."""
        return ": ".join(part for part in (self.error_code, self.title) if part)


Heard = Chunk | Timestamps | FlushDone | Done | Failed

_decoder: msgspec.json.Decoder[Heard] = msgspec.json.Decoder(Heard)


def parse(message: str | bytes) -> Heard | None:
    """A message of Cartesia's; None if it is of a kind that we have no use for."""
    try:
        return _decoder.decode(message)
    except msgspec.MsgspecError:
        return None
