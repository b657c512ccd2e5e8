"""Whisper over one stretch of speech, by CTranslate2.

Whisper reads a window of fixed length, 30 s as it was trained, padded with silence: a "yes" costs
as much as a speech. It does not insist on all of it: with a shorter window the encoder's work,
which is most of it, shrinks in proportion. Too short a one has it say short answers over and over.

Each stretch is read by itself, once, at temperature 0: no text before it as a prompt, no second
attempt with other temperatures, no timestamps. The voice detector has said already where speech is;
that is what keeps Whisper from making sentences out of silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from adapters.whisper.settings import WhisperSettings
from adapters.whisper.weights import tiny_en
from effects.ports import ProviderRefused
from states.mulaw import SAMPLE_RATE_HZ, SILENCE, to_float

_MODEL_RATE_HZ = 16_000
_FRAMES_PER_S = 100
"""Of the spectrogram that the model reads."""
_LONGEST_WINDOW_MS = 30_000
_MARGIN_MS = 5000
"""Silence after the speech, at least: without it the model goes on as if more were to come."""
_TOKENS_PER_S = 10
_TOKENS_AT_LEAST = 12
"""The longest answer taken from a stretch of audio; more is a model that goes round in circles."""

HOW_TO_INSTALL = "Install it with `scripts/setup whisper`, or the extra antiphon[whisper]."


class Tokenizer(Protocol):
    """The part of ``faster_whisper.tokenizer.Tokenizer`` that is used."""

    def decode(self, tokens: Sequence[int]) -> str: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What Whisper makes of one stretch of audio.

    ``no_speech`` is the probability (0..1) that nobody spoke, ``log_probability`` the mean of the
    tokens'. ``complete`` is false when the decoder was stopped before it came to an end by itself.
    ``noise`` says that no speech is more likely than these words.
    """

    text: str
    no_speech: float
    log_probability: float
    complete: bool
    noise: bool

    def words(self, speech_ms: float) -> str:
        """The text, or nothing where it is noise, however long."""
        return "" if self.noise or not any(map(str.isalnum, self.text)) else self.text


class Whisper:
    """The model, ready to run. :meth:`decode` may be called from several threads at once."""

    def __init__(self, model: Any, tokenizer: Tokenizer, settings: WhisperSettings) -> None:
        """``model`` is a ``faster_whisper.WhisperModel``, or a double of it."""
        self._model = model
        self._tokenizer = tokenizer
        self._settings = settings
        self._prompt: list[int] = model.get_prompt(tokenizer, [], without_timestamps=True)

    @classmethod
    def load(cls, settings: WhisperSettings) -> Self:
        """Verify and load the weights, and run them once; blocks for about two seconds.

        Raises :class:`~effects.ports.ProviderRefused` if faster-whisper or the model is not
        installed, is not what was reviewed, or cannot be loaded.
        """
        try:
            # Half a second, with a video library in it that we never call: not before it is wanted.
            from faster_whisper import WhisperModel
            from faster_whisper.tokenizer import Tokenizer as WhisperTokenizer
        except ImportError as error:
            raise ProviderRefused(
                f"faster-whisper is not there: {error}. {HOW_TO_INSTALL}"
            ) from error
        packaged = tiny_en() if settings.model == "tiny.en" else None
        try:
            loaded = WhisperModel(
                str(packaged or settings.model),
                device="cpu",
                compute_type=settings.compute_type,
                cpu_threads=settings.cpu_threads,
                num_workers=settings.threads,
                local_files_only=packaged is not None or not settings.download,
            )
            tokenizer = WhisperTokenizer(
                loaded.hf_tokenizer,
                loaded.model.is_multilingual,
                task="transcribe",
                language=settings.language,
            )
        except Exception as error:  # the libraries below have no error in common
            raise ProviderRefused(
                f"Whisper's model {settings.model!r} cannot be loaded: {error} "
                "Give the folder of a CTranslate2 model, let it be fetched (download), or install "
                "tiny.en with `scripts/setup whisper`."
            ) from error
        whisper = cls(loaded, tokenizer, settings)
        # The first run allocates and takes longer: not while a caller waits.
        whisper.decode(SILENCE * SAMPLE_RATE_HZ)
        return whisper

    def decode(self, mulaw: bytes, before: Reading | None = None) -> Reading:
        """Transcribe µ-law audio at 8 kHz, from its beginning whatever is known of it. Blocks for
        a quarter of a second (tiny.en), hardly depending on its length."""
        seconds = len(mulaw) / SAMPLE_RATE_HZ
        limit = _TOKENS_AT_LEAST + int(_TOKENS_PER_S * seconds)
        result = self._model.model.generate(
            self._model.encode(self._window(mulaw, seconds)),
            [self._prompt],
            beam_size=self._settings.beam_size,
            sampling_temperature=0,
            max_length=2 * limit,  # half of it is for a prompt
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens, score = result.sequences_ids[0], result.scores[0]
        return Reading(
            text=self._tokenizer.decode(tokens).strip(),
            no_speech=result.no_speech_prob,
            log_probability=score,
            complete=len(tokens) < limit,
            noise=result.no_speech_prob > self._settings.no_speech_probability
            and score < self._settings.doubtful_log_probability,
        )

    def _window(self, mulaw: bytes, seconds: float) -> NDArray[np.float32]:
        """The spectrogram of the audio and of the silence after it, shape (mels, frames)."""
        audio = soxr.resample(to_float(mulaw), SAMPLE_RATE_HZ, _MODEL_RATE_HZ)
        spectrogram = self._model.feature_extractor(audio)
        window_ms = max(self._settings.window_ms, round(1000 * seconds) + _MARGIN_MS)
        frames = min(window_ms, _LONGEST_WINDOW_MS) * _FRAMES_PER_S // 1000 // 2 * 2
        spectrogram = spectrogram[:, :frames]
        silence = frames - spectrogram.shape[1]
        return np.pad(spectrogram, ((0, 0), (0, silence))).astype(np.float32, copy=False)
