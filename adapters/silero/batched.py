"""Voice activity of many calls in one go of the model.

The model takes the windows of several callers as one batch, for about a third of the work: its
weights go through the processor's caches once, not once for each. So a window may wait a few
milliseconds for those of other calls. The first to come waits, and then judges all that have come
meanwhile; there is no task that does it, and where hardly anybody calls nobody waits.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

import numpy as np
import onnxruntime as ort
import outcome
import trio
from numpy.typing import NDArray

from states.mulaw import SAMPLE_RATE_HZ

_RATE = np.array(SAMPLE_RATE_HZ, np.int64)
WORTH_WAITING = 12
"""Fewer calls than this at a time bring too few windows together."""


class Waiting(Protocol):
    """A window that is to be judged: ``samples`` of shape (1, samples) and ``state`` (2, 1, 128)
    of its caller."""

    samples: NDArray[np.float32]
    state: NDArray[np.float32]

    def judge(self, probability: float, state: NDArray[np.float32]) -> None: ...


class Batch:
    """The windows that wait to be judged together, for ``wait_ms`` at most."""

    def __init__(self, session: ort.InferenceSession, wait_ms: float) -> None:
        self._session = session
        self._wait_s = wait_ms / 1000
        self._calls: WeakSet[Waiting] = WeakSet()
        self._waiting: list[Waiting] = []
        self._tasks: list[trio.lowlevel.Task] = []

    def join(self, call: Waiting) -> None:
        """Count this one among the calls that are worth waiting for, as long as it exists."""
        self._calls.add(call)

    @property
    def worth_waiting(self) -> bool:
        """Whether there are enough calls for windows to come together."""
        return len(self._calls) >= WORTH_WAITING

    async def run(self, window: Waiting) -> None:
        """Return when ``window`` is judged, after ``wait_ms`` at most. Cancelled only then."""
        self._waiting.append(window)
        if len(self._waiting) > 1:
            self._tasks.append(trio.lowlevel.current_task())
            await trio.lowlevel.wait_task_rescheduled(_not_now)
            return
        with trio.CancelScope(shield=True):
            await trio.sleep(self._wait_s)
        tasks, self._tasks = self._tasks, []
        windows, self._waiting = self._waiting, []
        try:
            judge(self._session, windows)
        except Exception as error:
            for task in tasks:
                trio.lowlevel.reschedule(task, outcome.Error(error))
            raise
        for task in tasks:
            trio.lowlevel.reschedule(task)


def judge(session: ort.InferenceSession, windows: list[Waiting]) -> None:
    """Run the model over windows of different callers."""
    samples = np.concatenate([window.samples for window in windows])
    state = np.concatenate([window.state for window in windows], axis=1)
    probabilities, state = session.run(None, {"input": samples, "state": state, "sr": _RATE})
    for number, window in enumerate(windows):
        window.judge(float(probabilities[number, 0]), state[:, number : number + 1])


def _not_now(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED
