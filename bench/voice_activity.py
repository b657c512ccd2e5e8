"""What voice activity costs a call, judged one by one and together with other calls.

    python -m bench.voice_activity [--calls N]

The ears of so many calls get a frame each 20 ms, at phases of their own, and nothing else happens:
first with a detector that does nothing, then with Silero inline, then with windows that wait for
each other. The difference to the first is what the model costs. It takes a quarter of a minute.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import trio
from numpy.typing import NDArray

from adapters.silero.vad import SileroVad
from bench.report import Figure, at_most, finish, spread, this_machine
from effects.ears import Ears
from effects.ports import Frame, VadStream
from states.settings import Settings

CALLS = 50
PLAYED_S = 4.0
FRAME_S, FRAME_BYTES = 0.020, 160
WINDOWS_REPEAT_S = 0.160
"""After so long a window ends with a frame again."""
WAITS_MS = (0.0, 5.0, 10.0)


class Deaf:
    """A detector that costs nothing."""

    def probability(self, window: NDArray[np.float32]) -> float:
        return 0.0


async def measure(calls: int = CALLS) -> list[Figure]:
    """Play noise to the ears of so many calls, with each way to judge it."""
    idle_s, _ = await _play([Deaf() for _ in range(calls)])
    figures = []
    for wait_ms in WAITS_MS:
        async with SileroVad(batch_ms=wait_ms) as vad:
            busy_s, took_ms = await _play([vad.stream() for _ in range(calls)])
        name = f"{calls} calls, " + (f"waiting {wait_ms:g} ms" if wait_ms else "inline")
        share = 100 * (busy_s - idle_s) / PLAYED_S / calls
        figures.append(at_most(f"{name}: the model", share, "% of a core a call", None))
        figures += spread(f"{name}: a frame takes", took_ms, "ms")
    return figures


async def _play(streams: Sequence[VadStream]) -> tuple[float, list[float]]:
    """Seconds of work, and how long each frame took (ms)."""
    noise = np.random.default_rng(0).integers(0, 256, 50 * FRAME_BYTES).astype(np.uint8).tobytes()
    took_ms: list[float] = []
    start = trio.current_time()

    async def call(number: int, ears: Ears) -> None:
        phase_s = WINDOWS_REPEAT_S * number / len(streams)
        for count in range(round(PLAYED_S / FRAME_S)):
            await trio.sleep_until(start + phase_s + count * FRAME_S)
            at = (count + number) % 50 * FRAME_BYTES
            frame = Frame(noise[at : at + FRAME_BYTES], count * FRAME_S * 1000)
            began = time.perf_counter()
            if ears.batched:
                await ears.batched_frame(frame, ears.batched)
            else:
                ears.frame(frame)
            took_ms.append((time.perf_counter() - began) * 1000)

    busy_before = time.process_time()
    async with trio.open_nursery() as nursery:
        for number, stream in enumerate(streams):
            nursery.start_soon(call, number, Ears(stream, Settings()))
    return time.process_time() - busy_before, took_ms


def main() -> None:
    """Measure, save and show."""
    parser = argparse.ArgumentParser(description="What voice activity costs a call.")
    parser.add_argument("--calls", type=int, default=CALLS)
    arguments = parser.parse_args()
    finish("voice_activity", this_machine(), trio.run(measure, arguments.calls))


if __name__ == "__main__":
    main()
