"""From phonemes to samples: a Piper voice ("joe", American English, medium) on onnxruntime.

The model is a VITS network of two very different parts. The first turns all phonemes of a
sentence into a row of latent frames, 11.6 ms of speech each, and decides how it is said: it must
see the whole sentence, and takes about a quarter of the work. The second, a vocoder, turns
frames into samples; it looks ten frames to either side and no further. So the file is cut
between them (:mod:`adapters.embedded.onnx_cut`) and the vocoder run on a stretch of frames at a
time, with ten more on either side that are computed and thrown away: the samples are those of the
whole model, and the first of a long sentence are there three times sooner.

Each run keeps to one thread: the other cores are for the other calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from adapters.embedded.onnx_cut import cut
from adapters.embedded.weights import weight

_SAMPLES_PER_FRAME = 256

_LATENT = "/Mul_7_output_0"
_CONTEXT_FRAMES = 10
_FIRST_FRAMES = 32  # 370 ms: 5 ms later than with the fewest, and that much time for the next
_NEXT_FRAMES = 48  # 560 ms, so that calls which speak at once take turns quickly

# Around each sentence, and after each phoneme.
_BEGIN, _END, _PAD = "^", "$", "_"


class _Audio(msgspec.Struct):
    sample_rate: int


class _Inference(msgspec.Struct):
    noise_scale: float
    length_scale: float
    noise_w: float


class _Config(msgspec.Struct):
    audio: _Audio
    inference: _Inference
    phoneme_id_map: dict[str, list[int]]


class Piper:
    """The loaded voice. Safe to use from several threads.

    Making one takes about 1.3 s and 120 MB. Raises :class:`effects.ports.ProviderRefused` if a
    file is missing or not the reviewed one.
    """

    def __init__(self) -> None:
        config = msgspec.json.decode(weight("piper-joe-config").read_bytes(), type=_Config)
        encoder, vocoder = cut(weight("piper-joe").read_bytes(), _LATENT)
        self.sample_rate_hz = config.audio.sample_rate
        self._ids = {phoneme: ids[0] for phoneme, ids in config.phoneme_id_map.items()}
        self._scales = np.array(msgspec.structs.astuple(config.inference), np.float32)
        self._encoder = _session(encoder)
        self._vocoder = _session(vocoder)

    def samples(self, phonemes: str) -> Iterator[NDArray[np.float32]]:
        """One sentence as consecutive stretches of float samples in [-1, 1]; shape (n,).

        Each step blocks for the time it takes to compute its stretch: run it in a thread.
        Phonemes that the voice does not know are left out. Raises what onnxruntime raises.
        """
        frames = _run(self._encoder, self._inputs(phonemes))  # shape (1, 192, count)
        count = frames.shape[2]
        start, stop = 0, min(_FIRST_FRAMES, count)
        while start < count:
            # What would be left over is added to the last stretch rather than made one of its own.
            if count - stop < _FIRST_FRAMES:
                stop = count
            before = max(0, start - _CONTEXT_FRAMES)
            window = frames[:, :, before : stop + _CONTEXT_FRAMES]
            decoded = _run(self._vocoder, {_LATENT: window})[0, 0, 0]
            skipped = (start - before) * _SAMPLES_PER_FRAME
            yield decoded[skipped : skipped + (stop - start) * _SAMPLES_PER_FRAME]
            start, stop = stop, min(stop + _NEXT_FRAMES, count)

    def _inputs(self, phonemes: str) -> dict[str, NDArray[np.generic]]:
        ids = [self._ids[_BEGIN], self._ids[_PAD]]
        for phoneme in phonemes:
            if phoneme in self._ids:
                ids += [self._ids[phoneme], self._ids[_PAD]]
        ids.append(self._ids[_END])
        return {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # From a file, because a session keeps bytes that it is given for as long as it lives.
    with TemporaryDirectory() as folder:
        path = Path(folder, "half.onnx")
        path.write_bytes(model)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(
    session: onnxruntime.InferenceSession, inputs: dict[str, NDArray[np.generic]]
) -> NDArray[np.float32]:
    output: NDArray[np.float32] = session.run(None, inputs)[0]
    return output
