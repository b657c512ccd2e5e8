"""Transcriptions as OpenAI's server sees them: an uploaded file to samples, words to an answer.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription.
"""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Collection
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser

import numpy as np
from numpy.typing import NDArray

from adapters.front.http import Request
from tests.twins.openai_requests import Json, bad, check_model, one_of

SHORTEST_S = 0.1
_FORMS = ("json", "text", "srt", "verbose_json", "vtt")


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was uploaded, and how it is answered. ``fields`` are all but the file."""

    samples: NDArray[np.int16]
    rate_hz: int
    fields: dict[str, str]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate_hz


def utterance_of(request: Request, models: Collection[str]) -> Utterance:
    """The utterance in a request. Raises ApiError for what OpenAI refuses."""
    parts = _multipart(request)
    file = parts.pop("file", b"")
    fields = {name: value.decode() for name, value in parts.items()}
    model = check_model(fields, models)
    form = one_of(fields.get("response_format", "json"), _FORMS, "response_format")
    if form != "json" and model != "whisper-1":
        raise bad(
            f"response_format '{form}' is not compatible with model '{model}'. "
            "Use 'json' or 'text' instead.",
            "response_format",
            "unsupported_value",
        )
    utterance = Utterance(*_sound(file), fields)
    if utterance.seconds < SHORTEST_S:
        raise bad(
            "Audio file is too short. Minimum audio length is 0.1 seconds.",
            "file",
            "audio_too_short",
        )
    return utterance


def transcription(utterance: Utterance, text: str, no_speech: float) -> Json:
    """The answer, in the form that was asked for."""
    billed = {"type": "duration", "seconds": math.ceil(utterance.seconds)}
    answer: Json = {"text": text, "usage": billed}
    if utterance.fields.get("response_format") == "verbose_json":
        segments = [_segment(text, utterance.seconds, no_speech)] if text else []
        answer |= {"task": "transcribe", "language": "english", "duration": utterance.seconds}
        answer["segments"] = segments
    return answer


def _multipart(request: Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    form = BytesParser().parsebytes(head + request.body)
    fields: dict[str, bytes] = {}
    for part in form.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(part, Message) and name is not None:
            fields[str(name)] = bytes(part.get_payload(decode=True))
    if not fields:
        raise bad("Could not parse multipart form")
    return fields


def _sound(file: bytes) -> tuple[NDArray[np.int16], int]:
    try:
        with wave.open(io.BytesIO(file)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
            return samples.astype(np.int16), sound.getframerate()
    except (wave.Error, EOFError):
        raise bad("Audio file might be corrupted or unsupported", "file", "invalid_value") from None


def _segment(text: str, duration_s: float, no_speech: float) -> Json:
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": duration_s,
        "text": f" {text}",
        "tokens": [50364, 50464],
        "temperature": 0.0,
        "avg_logprob": -0.25,
        "compression_ratio": 1.1,
        "no_speech_prob": no_speech,
    }
