"""Moonshine tiny-en: an encoder-decoder speech recogniser small enough to run while one speaks.

The encoder reads the whole stretch of audio at once (no 30 s window to fill, so a short answer
is cheap); the decoder then writes tokens one by one, greedily, keeping its attention keys and
values from step to step.

A caller's growing utterance is decoded again and again, and each time most of the answer is
already known. So the tokens of the decode before serve as a *draft* of the next: the decoder
reads all of them in one step, the part that it would have written itself is kept, and it writes
on from there. This is greedy decoding in about half the time. The words are not always those of
a decode without a draft, because the quantized weights round differently when they read several
tokens at once; measured over real speech neither makes more mistakes than the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime as ort
import soxr
from numpy.typing import NDArray

from adapters.embedded.weights import weight
from states.mulaw import SAMPLE_RATE_HZ, to_float

_MODEL_RATE_HZ = 16_000
_SHORTEST_SAMPLES = 1600
"""Shorter audio (100 ms at 16 kHz) is padded: the encoder's convolutions need some length."""

_START, _END = 1, 2
_SPECIAL_TOKENS = 3
_TOKENS_PER_S = 10
_TOKENS_AT_LEAST = 8
"""The longest answer taken from a stretch of audio. Rapid digits come at eight tokens a second
with their commas; a decoder that writes more than this is going round in circles."""

_HEADS, _HEAD_WIDTH = 8, 36

_EXPECTED = {
    **dict.fromkeys("zero one two three four five six seven eight nine".split(), 1.5),
    **dict.fromkeys(("yes", "yeah", "no"), 2.5),
}
"""Added to the logits of words that callers say far more often than the people the model learned
from. It corrects nearly a third of the misheard digits, and "yet" for "yes"; other words are heard
as before. With half a unit more the model begins to hear digits everywhere, and with one more to
answer yes and no."""

_DOUBTFUL = 0.25
_DOUBTFUL_WHEN_SHORT = 0.6
_SHORT_SPEECH_MS = 300
"""Below these confidences words are taken for noise. A cough or a knock passes the voice detector
for a tenth of a second or two and is heard as "uh" or "but", at 0.2-0.6; real words of that
length are few and clear."""

_HEARD_IN_SILENCE = {"you"}
"""What the model makes, quite sure of itself, of a quiet line."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the model makes of one stretch of audio.

    ``tokens`` (without start and end) are the draft of the next decode. ``confidence`` is the
    geometric mean of the tokens' probabilities, 0..1. ``complete`` is false when the decoder was
    stopped before it came to an end by itself.
    """

    text: str
    tokens: tuple[int, ...]
    confidence: float
    complete: bool

    def words(self, speech_ms: float) -> str:
        """The text, or nothing where it is more likely noise than ``speech_ms`` of speech."""
        letters = "".join(filter(str.isalnum, self.text)).lower()
        needed = _DOUBTFUL_WHEN_SHORT if speech_ms < _SHORT_SPEECH_MS else _DOUBTFUL
        if not letters or letters in _HEARD_IN_SILENCE or self.confidence < needed:
            return ""
        return self.text


class Moonshine:
    """The model, ready to run. :meth:`decode` may be called from several threads at once."""

    def __init__(self, encoder: Path, decoder: Path, vocabulary: Sequence[bytes]) -> None:
        self._encoder = _session(encoder)
        self._decoder = _session(decoder)
        self._vocabulary = vocabulary
        self._bonus = _bonus(vocabulary)
        outputs = [output.name for output in self._decoder.get_outputs()]
        caches = [name for name in outputs if name.startswith("present.")]
        self._own_caches = [name for name in caches if ".decoder." in name]
        self._audio_caches = [name for name in caches if ".encoder." in name]

    @classmethod
    def load(cls) -> Self:
        """Verify and load the weights (blocks for about half a second), and run them once.

        Raises :class:`~effects.ports.ProviderRefused` if their package is missing or carries
        other files.
        """
        vocabulary = read_vocabulary(weight("moonshine-tokenizer").read_bytes())
        model = cls(weight("moonshine-encoder"), weight("moonshine-decoder"), vocabulary)
        # The first run allocates and takes twice as long: not while a caller waits.
        model.decode(b"\xff" * SAMPLE_RATE_HZ)
        return model

    def decode(self, mulaw: bytes, before: Hypothesis | None = None) -> Hypothesis:
        """Transcribe µ-law audio at 8 kHz. ``before`` is what an earlier decode of its beginning
        gave. Blocks: about 10 ms, and 10-15 ms more for each second of audio."""
        audio = _for_model(mulaw)
        draft = before.tokens if before else ()
        mask = np.ones(audio.shape, np.int64)
        encoded = self._encoder.run(None, {"input_values": audio, "attention_mask": mask})[0]
        shared = {"encoder_hidden_states": encoded, "encoder_attention_mask": mask}
        limit = _TOKENS_AT_LEAST + audio.shape[1] * _TOKENS_PER_S // _MODEL_RATE_HZ
        tokens, log_probability = self._write(shared, draft[:limit], limit)
        complete = tokens[-1] == _END
        written = tokens[:-1] if complete else tokens
        return Hypothesis(
            text=spell(written, self._vocabulary),
            tokens=tuple(written),
            confidence=float(np.exp(log_probability / len(tokens))),
            complete=complete,
        )

    def _write(
        self, shared: dict[str, NDArray[np.generic]], draft: Sequence[int], limit: int
    ) -> tuple[list[int], float]:
        """Greedy decoding: the tokens, and the sum of their log-probabilities."""
        empty = np.zeros((1, _HEADS, 0, _HEAD_WIDTH), np.float32)
        caches = dict.fromkeys(self._own_caches + self._audio_caches, empty)
        first = [_START, *draft]
        logits, caches = self._step(shared, first, caches, self._own_caches + self._audio_caches)
        # To quiet beginnings the model likes to answer with nothing at all; whether there was
        # anything to hear is judged by its confidence in the best words instead.
        logits[0, _END] = -np.inf
        tokens = accept(draft, (logits + self._bonus).argmax(axis=1))
        log_probability = sum(_log_probability(logits[i], t) for i, t in enumerate(tokens))
        for name in self._own_caches:
            caches[name] = np.ascontiguousarray(caches[name][:, :, : len(tokens)])
        while tokens[-1] != _END and len(tokens) < limit:
            logits, own = self._step(shared, tokens[-1:], caches, self._own_caches)
            caches |= own
            tokens.append(int((logits[0] + self._bonus).argmax()))
            log_probability += _log_probability(logits[0], tokens[-1])
        return tokens, log_probability

    def _step(
        self,
        shared: dict[str, NDArray[np.generic]],
        tokens: Sequence[int],
        caches: dict[str, NDArray[np.float32]],
        wanted: Sequence[str],
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Read ``tokens``; return the logits after each, and the ``wanted`` caches after all."""
        inputs = {
            name.replace("present.", "past_key_values."): cache for name, cache in caches.items()
        }
        logits, *updated = self._decoder.run(
            ["logits", *wanted],
            {
                **shared,
                **inputs,
                "input_ids": np.array([tokens], np.int64),
                # The cached branch leaves out the attention keys of the audio: they are known.
                "use_cache_branch": np.array([wanted is self._own_caches]),
            },
        )
        return logits[0], dict(zip(wanted, updated, strict=True))


def accept(draft: Sequence[int], written: NDArray[np.int64]) -> list[int]:
    """The tokens that greedy decoding gives, as far as one step over a draft can tell.

    ``written[i]`` is what the decoder writes after ``draft[:i]``. Up to the first difference
    draft and decoder agree; what the decoder wrote there is right, what follows is not.
    """
    agreed = 0
    while agreed < len(draft) and written[agreed] == draft[agreed]:
        agreed += 1
    return [*draft[:agreed], int(written[agreed])]


def read_vocabulary(packed: bytes) -> list[bytes]:
    """The tokens' bytes, by token number. The file holds each after its length, which takes one
    byte below 128 and else two, the low seven bits first. Token 0 is empty."""
    vocabulary, at = [], 0
    while at < len(packed):
        length = packed[at]
        at += 1
        if length >= 128:
            length += 128 * packed[at] - 128
            at += 1
        vocabulary.append(packed[at : at + length])
        at += length
    return vocabulary


def spell(tokens: Sequence[int], vocabulary: Sequence[bytes]) -> str:
    """The text of ``tokens``: special ones left out, ``<0x..>`` read as a byte of UTF-8."""
    spelled = b"".join(_bytes_of(vocabulary[t]) for t in tokens if t >= _SPECIAL_TOKENS)
    return spelled.decode("utf-8", "ignore").replace("\u2581", " ").strip()


def _bytes_of(token: bytes) -> bytes:
    is_byte = len(token) == 6 and token.startswith(b"<0x")
    return bytes.fromhex(token[3:5].decode()) if is_byte else token


def _for_model(mulaw: bytes) -> NDArray[np.float32]:
    audio = soxr.resample(to_float(mulaw), SAMPLE_RATE_HZ, _MODEL_RATE_HZ)
    padding = max(0, _SHORTEST_SAMPLES - len(audio))
    return np.pad(audio.astype(np.float32, copy=False), (0, padding))[np.newaxis]


def _bonus(vocabulary: Sequence[bytes]) -> NDArray[np.float32]:
    bonus = {
        f"\u2581{word}".encode(): units
        for lower, units in _EXPECTED.items()
        for word in (lower, lower.capitalize())
    }
    return np.array([bonus.get(token, 0) for token in vocabulary], np.float32)


def _log_probability(logits: NDArray[np.float32], token: int) -> float:
    highest = logits.max()
    return float(logits[token] - highest - np.log(np.exp(logits - highest).sum()))


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    # One thread a decode: two gain a tenth at this size, and calls share the cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
