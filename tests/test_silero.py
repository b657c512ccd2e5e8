"""The voice detector, with its real model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.silero.vad import WINDOW_SAMPLES, SileroVad
from effects.ports import VadStream
from states import mulaw
from tests.speech import two_cities


@pytest.fixture
async def vad() -> AsyncIterator[SileroVad]:
    async with SileroVad() as opened:
        yield opened


def probabilities(stream: VadStream, samples: NDArray[np.float32]) -> list[float]:
    whole = len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES
    return [stream.probability(window) for window in samples[:whole].reshape(-1, WINDOW_SAMPLES)]


async def test_speech_is_told_from_silence_and_noise(vad: SileroVad) -> None:
    """A spoken sentence is speech in most of its windows; silence and hiss are in none."""
    speech = mulaw.to_float(two_cities(through_ms=4600))[1000 * 8 :]
    assert np.mean(np.array(probabilities(vad.stream(), speech)) > 0.5) > 0.8
    assert max(probabilities(vad.stream(), np.zeros(8000, np.float32))) < 0.35
    hiss = np.random.default_rng(0).normal(0, 0.05, 8000).astype(np.float32)
    assert max(probabilities(vad.stream(), hiss)) < 0.5


async def test_callers_do_not_disturb_each_other(vad: SileroVad) -> None:
    """Two streams fed in turns give what each gives by itself: only the model is shared."""
    speech = mulaw.to_float(two_cities(through_ms=2000))
    alone = probabilities(vad.stream(), speech)
    ours, other = vad.stream(), vad.stream()
    noise = np.random.default_rng(1).normal(0, 0.1, WINDOW_SAMPLES).astype(np.float32)
    together = []
    for at in range(0, len(alone) * WINDOW_SAMPLES, WINDOW_SAMPLES):
        together.append(ours.probability(speech[at : at + WINDOW_SAMPLES]))
        other.probability(noise)
    assert together == alone


async def test_the_windows_before_are_remembered(vad: SileroVad) -> None:
    """The same window is judged by what came before it."""
    speech = mulaw.to_float(two_cities(through_ms=2000))
    first = vad.stream().probability(speech[-WINDOW_SAMPLES:])
    assert probabilities(vad.stream(), speech[len(speech) % WINDOW_SAMPLES :])[-1] != first


async def test_a_window_of_another_length_is_a_mistake(vad: SileroVad) -> None:
    """The model would take it without complaint and answer nonsense."""
    with pytest.raises(ValueError, match="256 samples"):
        vad.stream().probability(np.zeros(160, np.float32))


async def test_it_must_be_opened_first() -> None:
    """Without its context there is no model, and the message says what to do."""
    with pytest.raises(RuntimeError, match="async with"):
        SileroVad().stream()
