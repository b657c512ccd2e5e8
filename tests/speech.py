"""Recorded speech for tests, out of the package that the speech-to-text weights come in."""

from __future__ import annotations

import wave
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soxr
import trio

from adapters.silero.vad import SileroVad
from effects.ears import FRAME_BYTES, Ears
from effects.ports import Frame, Heard, SpeechToText
from states import mulaw
from states.settings import Settings


async def understood(recogniser: SpeechToText) -> str:
    """What a recogniser makes of the sentence of :func:`two_cities`, through the voice detector and
    the ears; small letters only."""
    finals: list[str] = []
    audio = two_cities(through_ms=4700) + mulaw.SILENCE * 8000
    async with SileroVad() as vad:
        ears = Ears(vad.stream(), Settings())
        async with trio.open_nursery() as nursery:

            def heard(words: Heard) -> None:
                if words.final:
                    finals.append(words.text)
                    nursery.cancel_scope.cancel()

            with ears.listen(gated=True) as sound:
                nursery.start_soon(recogniser.transcribe, sound, heard)
                for at in range(0, len(audio), FRAME_BYTES):
                    ears.frame(Frame(audio[at : at + FRAME_BYTES], at / mulaw.BYTES_PER_MS))
                await trio.sleep_forever()
    return "".join(filter(lambda c: c.isalpha() or c == " ", finals[0])).lower()


def two_cities(through_ms: int) -> bytes:
    """The words "It was the best of times, it was the worst of times"; its first ``through_ms``, as
    µ-law at 8 kHz."""
    spec = find_spec("moonshine_voice")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "assets", "two_cities.wav")
    with wave.open(str(path)) as recording:
        rate_hz = recording.getframerate()
        samples = recording.readframes(rate_hz * through_ms // 1000)
    audio = np.frombuffer(samples, np.int16).astype(np.float32) / 32768
    return mulaw.from_float(soxr.resample(audio, rate_hz, mulaw.SAMPLE_RATE_HZ))
