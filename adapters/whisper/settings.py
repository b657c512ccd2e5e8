"""What can be set of Whisper."""

from __future__ import annotations

from typing import Literal

import msgspec

from states.settings import Count, Limit, Milliseconds, Share


class WhisperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Whisper model on this machine.

    ``model`` is a folder with a model in CTranslate2's format, or a model's name: "tiny.en" is
    read from the package that ``scripts/setup whisper`` installs, any other out of Hugging Face's
    cache on this machine, and is fetched from there only where ``download`` allows it.
    ``language`` is a code ("en") and matters to multilingual models only. ``compute_type`` is how
    the weights are kept in memory. ``threads`` is how many decodes run at a time, each on
    ``cpu_threads``. ``beam_size`` above 1 looks for better words in as many times the time.

    ``window_ms`` is how much the model reads at least, whatever the length of the speech; it was
    made to read 30 s, and most of a decode's time goes into that. tiny.en makes no more mistakes
    in 20 s, in half the time; at 15 s and below it begins to repeat short answers.

    Words are taken for noise where the model thinks with more than ``no_speech_probability`` that
    nobody spoke, and its mean log-probability of a token is below ``doubtful_log_probability``.
    """

    model: str = "tiny.en"
    download: bool = False
    language: str = "en"
    compute_type: Literal["int8", "int8_float32", "int16", "float32"] = "int8"
    threads: Count = 2
    cpu_threads: Count = 1
    beam_size: Count = 1
    window_ms: Milliseconds = 20_000
    no_speech_probability: Share = 0.6
    doubtful_log_probability: float = -1.0


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transcription endpoint as a recogniser.

    ``partial_every_ms`` is how much audio comes at least between two requests while the caller
    speaks, each of which sends all of the utterance again and costs money; 0 asks only once, when
    the caller has stopped. Words are taken for noise where the endpoint thinks with more than
    ``no_speech_probability`` that nobody spoke.
    """

    partial_every_ms: Limit = 0
    no_speech_probability: Share = 0.6
