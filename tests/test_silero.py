"""The voice detector, with its real model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
import trio
from numpy.typing import NDArray
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.silero.batched import WORTH_WAITING
from adapters.silero.vad import WINDOW_SAMPLES, SileroVad
from effects.ports import BatchedVadStream, VadStream
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


# --- many calls in one go ---

WAIT_MS = 5.0


@pytest.fixture
async def batched() -> AsyncIterator[SileroVad]:
    async with SileroVad(batch_ms=WAIT_MS) as opened:
        yield opened


def streams(vad: SileroVad, count: int) -> list[BatchedVadStream]:
    opened = [vad.stream() for _ in range(count)]
    return [stream for stream in opened if isinstance(stream, BatchedVadStream)]


async def test_together_they_get_what_each_gets_alone(
    batched: SileroVad, autojump_clock: MockClock
) -> None:
    """Callers who come in any order, some of them late, are judged as if nobody else called."""
    speech = mulaw.to_float(two_cities(through_ms=2000))
    callers = streams(batched, WORTH_WAITING + 4)
    together: list[list[float]] = [[] for _ in callers]

    async def call(number: int) -> None:
        start = trio.current_time() + number * 0.0007
        for window in range(25):
            at = (number + window) * WINDOW_SAMPLES
            await trio.sleep_until(start + window * 0.032)
            probability = await callers[number].judged(speech[at : at + WINDOW_SAMPLES])
            together[number].append(probability)

    async with trio.open_nursery() as nursery:
        for number in range(len(callers)):
            nursery.start_soon(call, number)
    for number, found in enumerate(together):
        part = speech[number * WINDOW_SAMPLES : (number + 25) * WINDOW_SAMPLES]
        assert found == pytest.approx(probabilities(batched.stream(), part), abs=1e-3)


async def test_a_window_waits_a_few_milliseconds_at_most(
    batched: SileroVad, autojump_clock: MockClock
) -> None:
    """The first to come waits its time, whoever comes later the rest of it."""
    callers = streams(batched, WORTH_WAITING)
    judged_ms: list[float] = []

    async def call(stream: BatchedVadStream, after_ms: float) -> None:
        await trio.sleep(after_ms / 1000)
        await stream.judged(np.zeros(WINDOW_SAMPLES, np.float32))
        judged_ms.append(trio.current_time() * 1000 - start_ms)

    start_ms = trio.current_time() * 1000
    async with trio.open_nursery() as nursery:
        for number, stream in enumerate(callers[:3]):
            nursery.start_soon(call, stream, 2 * number)
        nursery.start_soon(call, callers[3], 8)
    assert judged_ms == pytest.approx([WAIT_MS] * 3 + [8 + WAIT_MS])


async def test_few_calls_do_not_wait(batched: SileroVad, autojump_clock: MockClock) -> None:
    """One call is judged as soon as without the option, also when others are over."""
    for caller in (streams(batched, 1), streams(batched, WORTH_WAITING)[:1]):
        start_s = trio.current_time()
        await caller[0].judged(np.zeros(WINDOW_SAMPLES, np.float32))
        assert trio.current_time() == start_s


async def test_a_call_that_ends_leaves_the_others_judged(
    batched: SileroVad, autojump_clock: MockClock
) -> None:
    """The one who waits for all, and one who waits with it, are cancelled: only afterwards."""
    callers = streams(batched, WORTH_WAITING)
    found: list[float] = []

    async def call(stream: BatchedVadStream) -> None:
        found.append(await stream.judged(np.zeros(WINDOW_SAMPLES, np.float32)))

    async with trio.open_nursery() as staying, trio.open_nursery() as ending:
        for number, stream in enumerate(callers[:4]):
            (ending if number < 2 else staying).start_soon(call, stream)
        await wait_all_tasks_blocked()
        ending.cancel_scope.cancel()
    assert len(found) == 4


async def test_a_model_that_fails_fails_all_who_wait(
    batched: SileroVad, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever, and nobody takes an old judgement for a new one."""
    callers = streams(batched, WORTH_WAITING)
    failed: list[str] = []

    def fail(*_: object) -> None:
        raise ValueError("bad tensor")

    async def call(stream: BatchedVadStream) -> None:
        try:
            await stream.judged(np.zeros(WINDOW_SAMPLES, np.float32))
        except ValueError as error:
            failed.append(str(error))

    monkeypatch.setattr("adapters.silero.batched.judge", fail)
    async with trio.open_nursery() as nursery:
        for stream in callers[:3]:
            nursery.start_soon(call, stream)
    assert failed == ["bad tensor"] * 3
