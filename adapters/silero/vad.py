"""Voice activity detection by Silero's recurrent model, at the telephone's own 8 kHz.

The model judges one 32 ms window at a time and carries two things forward: its recurrent state,
and the last 32 samples, which it wants in front of the next window (without them it misses half
of all speech). Both belong to a caller; the session, which is stateless, is shared by all calls.

A window takes tens of microseconds, less than a hop to a thread and back would, so it runs
inline; or, if that is wanted, together with those of other calls (:mod:`adapters.silero.batched`).
For the same reason the session has one thread and does not spin: with many calls in a process,
idle threads that poll for work would take the core from them.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import onnxruntime as ort
import trio
from numpy.typing import NDArray

from adapters.embedded.weights import weight
from adapters.silero.batched import Batch
from effects.ports import VadStream
from states.mulaw import SAMPLE_RATE_HZ

WINDOW_SAMPLES = 256
"""32 ms at 8 kHz: the only window length the model takes at this rate."""

_CONTEXT_SAMPLES = 32
_QUIET = 0.2
_FORGET_WINDOWS = 31
"""After a second of quiet (windows below ``_QUIET``) the recurrent state begins anew: it drifts
with the length and loudness of what came before, and then takes a soft "yes" for half as long as
it is."""

_STATE_SHAPE = (2, 1, 128)
_RATE = np.array(SAMPLE_RATE_HZ, np.int64)


class SileroVad:
    """A :class:`~effects.ports.VoiceActivityDetector`: enter it once, then a stream per call.

    With ``batch_ms`` a window may wait so long for those of other calls, to be judged with them
    for less work, where there are dozens of calls. With 0 none waits.
    """

    def __init__(self, *, batch_ms: float = 0.0) -> None:
        self._batch_ms = batch_ms
        self._batch: Batch | None = None
        self._session: ort.InferenceSession | None = None

    async def __aenter__(self) -> Self:
        """Load and verify the model. Raises :class:`~effects.ports.ProviderRefused` if its
        package is missing or carries another file. Cancelled only after loading."""
        self._session = await trio.to_thread.run_sync(_load)
        self._batch = Batch(self._session, self._batch_ms) if self._batch_ms else None
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Let go of the model. Streams already handed out go on working."""
        self._session = None

    def stream(self) -> VadStream:
        """A fresh detector state for one call."""
        if self._session is None:
            raise RuntimeError("SileroVad is not open: use it in `async with`")
        if self._batch:
            return _BatchedSileroStream(self._session, self._batch)
        return _SileroStream(self._session)


class _SileroStream:
    """The model reads and writes arrays that stay where they are, which saves a fifth of its time.
    Of the two for its state, each is the other's next."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._quiet_windows = 0
        self._probability = np.zeros((1, 1), np.float32)
        self.samples = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self.state = np.zeros(_STATE_SHAPE, np.float32)
        self._next_state = np.zeros(_STATE_SHAPE, np.float32)
        self._run = self._bound(self.state, self._next_state)
        self._next_run = self._bound(self._next_state, self.state)

    def _bound(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> ort.IOBinding:
        bound = self._session.io_binding()
        for name, array in ("input", self.samples), ("state", before), ("sr", _RATE):
            bound.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for name, array in ("output", self._probability), ("stateN", after):
            bound.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return bound

    def probability(self, window: NDArray[np.float32]) -> float:
        """The probability (0..1) that ``window``, 256 float samples in [-1, 1), is speech."""
        self._take(window)
        self._session.run_with_iobinding(self._run)
        self._run, self._next_run = self._next_run, self._run
        self.state, self._next_state = self._next_state, self.state
        return self._judged()

    def _take(self, window: NDArray[np.float32]) -> None:
        if window.shape != (WINDOW_SAMPLES,):
            raise ValueError(f"a window is {WINDOW_SAMPLES} samples, not of shape {window.shape}")
        samples = self.samples
        samples[0, :_CONTEXT_SAMPLES] = samples[0, -_CONTEXT_SAMPLES:]
        samples[0, _CONTEXT_SAMPLES:] = window

    def _judged(self) -> float:
        probability = float(self._probability[0, 0])
        self._quiet_windows = self._quiet_windows + 1 if probability < _QUIET else 0
        if self._quiet_windows == _FORGET_WINDOWS:
            self.state.fill(0.0)
            self._quiet_windows = 0
        return probability


class _BatchedSileroStream(_SileroStream):
    def __init__(self, session: ort.InferenceSession, batch: Batch) -> None:
        super().__init__(session)
        self._batch = batch
        batch.join(self)

    async def judged(self, window: NDArray[np.float32]) -> float:
        """As :meth:`probability`, perhaps after a few milliseconds. Cancelled only afterwards."""
        if not self._batch.worth_waiting:
            return self.probability(window)
        self._take(window)
        await self._batch.run(self)
        return self._judged()

    def judge(self, probability: float, state: NDArray[np.float32]) -> None:
        """Note what the model makes of the window that was taken."""
        self._probability[0, 0], self.state[:] = probability, state


def _load() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(
        weight("silero-vad"), options, providers=["CPUExecutionProvider"]
    )
    # The first run allocates: do that here rather than in the first window of the first call.
    _SileroStream(session).probability(np.zeros(WINDOW_SAMPLES, np.float32))
    return session
