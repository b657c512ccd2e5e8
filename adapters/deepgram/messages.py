"""Deepgram's address and messages, without I/O.

What comes in is parsed by the SDK into types that it does not validate: a field that the vendor
leaves out is None, one of another type is what it is. So everything is read here, once, and what
cannot be read counts as a message that we do not know.

Sources, of developers.deepgram.com: reference/speech-to-text/listen-streaming (nova),
reference/speech-to-text/listen-flux, docs/utterance-end, docs/finalize, docs/flux/state, and
docs/stt-troubleshooting-websocket-data-and-net-errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from deepgram.core.query_encoder import encode_query
from deepgram.listen.v1.types import ListenV1Error, ListenV1Results, ListenV1UtteranceEnd
from deepgram.listen.v2.types import (
    ListenV2ConfigureFailure,
    ListenV2FatalError,
    ListenV2TurnInfo,
    ListenV2Warning,
)

from adapters.deepgram.settings import DeepgramSettings
from adapters.sockets import SocketClosed
from effects.ports import ProviderError, ProviderLost, ProviderRefused
from states.mulaw import SAMPLE_RATE_HZ

VENDOR = "deepgram"


@dataclass(frozen=True, slots=True)
class Words:
    """What was understood of a stretch of audio, or of a turn.

    ``through_ms`` is how far it reaches into the audio that this connection was sent. ``asked``:
    it is final because we asked for it. ``turn`` numbers the turns of Flux; nova has none.
    """

    text: str
    through_ms: float
    final: bool
    endpoint: bool = False
    eager: bool = False
    asked: bool = False
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """nova heard no further word for long."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something is wrong; ``fatal`` where Deepgram hangs up over it."""

    why: str
    fatal: bool = False


Message = Words | UtteranceEnd | Complaint


def address(settings: DeepgramSettings) -> str:
    """The URL of a connection, with all that it asks for."""
    common = {
        "model": settings.model,
        "encoding": "mulaw",
        "sample_rate": SAMPLE_RATE_HZ,
        "keyterm": list(settings.keyterms),
        "numerals": settings.numerals,
        "profanity_filter": settings.profanity_filter,
        "mip_opt_out": settings.mip_opt_out,
    }
    query = common | (_flux(settings) if settings.is_flux else _nova(settings))
    path = "/v2/listen" if settings.is_flux else "/v1/listen"
    asked = encode_query({name: value for name, value in query.items() if value is not None})
    return f"{settings.base_url.rstrip('/')}{path}?{urlencode(asked or [])}"


def _nova(settings: DeepgramSettings) -> dict[str, object]:
    return {
        "language": settings.language or None,
        "smart_format": settings.smart_format,
        "interim_results": True,
        "endpointing": settings.endpointing_ms or False,
        "utterance_end_ms": settings.utterance_end_ms or None,
    }


def _flux(settings: DeepgramSettings) -> dict[str, object]:
    return {
        "language_hint": settings.language or None,
        "eot_threshold": settings.eot_threshold,
        "eager_eot_threshold": settings.eager_eot_threshold,
        "eot_timeout_ms": settings.eot_timeout_ms,
    }


def read(message: object) -> Message | None:
    """A message of either protocol; None if it tells us nothing, or nothing that we know."""
    try:
        match message:
            case ListenV1Results():
                return _result(message)
            case ListenV2TurnInfo():
                return _turn(message)
            case ListenV1UtteranceEnd():
                return UtteranceEnd()
            case ListenV2FatalError():
                return Complaint(f"{message.code}: {message.description}", fatal=True)
            case ListenV2ConfigureFailure() | ListenV2Warning():
                return Complaint(f"{message.code}: {message.description}")
            case ListenV1Error():
                return Complaint(f"{message.variant}: {message.description}")
    except (AttributeError, IndexError, TypeError):
        pass  # not what its type says
    return None


def _result(message: ListenV1Results) -> Words:
    """What was asked for by Finalize is no judgement of Deepgram's that the turn is over."""
    asked = bool(message.from_finalize)
    return Words(
        text=message.channel.alternatives[0].transcript.strip(),
        through_ms=(message.start + message.duration) * 1000,
        final=bool(message.is_final),
        endpoint=bool(message.is_final and message.speech_final) and not asked,
        asked=asked,
    )


def _turn(message: ListenV2TurnInfo) -> Words:
    """Of the events only two differ: TurnResumed takes an EagerEndOfTurn back by being none."""
    over = message.event == "EndOfTurn"
    return Words(
        text=message.transcript.strip(),
        through_ms=message.audio_window_end * 1000,
        final=over,
        endpoint=over,
        eager=message.event == "EagerEndOfTurn",
        turn=message.turn_index + 0,
    )


def told(closed: SocketClosed) -> ProviderError:
    """Why Deepgram hung up, in words. Audio that it cannot decode it never will."""
    reason = closed.reason.lower().replace("-", "")
    if "data0000" in reason:
        return ProviderRefused(f"{VENDOR} cannot decode the audio ({closed.code} DATA-0000)")
    if "net0000" in reason:
        return ProviderLost(f"{VENDOR} could not answer in time ({closed.code} NET-0000)")
    if "net0001" in reason:
        return ProviderLost(f"{VENDOR} had no audio from us for too long ({closed.code} NET-0001)")
    return closed
