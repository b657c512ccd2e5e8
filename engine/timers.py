"""The timers of one call: one task waits for the one that is due next.

A timer does nothing but wait, and most are stopped before their time. So they have neither a task
nor a cancel scope each: they are times on a heap.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

import trio


class Timers:
    """Times at which something is called, on trio's clock. No two have the same number.

    The task that waits is started in ``nursery`` by the first of them, and is over with ``close``.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._heap: list[tuple[float, int]] = []
        """When each is due, and its number; one that is not in ``_fires`` was stopped."""
        self._fires: dict[int, Callable[[], None]] = {}
        self._open = trio.CancelScope()
        self._wait = trio.CancelScope()
        """Ends when the next one is due."""
        self._begun = False

    def start(self, number: int, wait_ms: float, fire: Callable[[], None]) -> None:
        """Call ``fire``, which must not raise, once so much time has passed. Of several that are
        due at one time the least number comes first."""
        if not self._begun:
            self._begun = True
            self._nursery.start_soon(self._run, name="timers")
        self._fires[number] = fire
        self._set(number, wait_ms)

    def stop(self, number: int) -> bool:
        """It does not fire any more; False if it had fired, or there is none."""
        if self._fires.pop(number, None) is None:
            return False
        self._look()
        return True

    def hasten(self, number: int) -> bool:
        """Let its time have come; False if it had fired, or there is none."""
        if number not in self._fires:
            return False
        self._set(number, 0.0)
        return True

    def close(self) -> None:
        """Nothing fires any more."""
        self._open.cancel()

    async def _run(self) -> None:
        with self._open:
            while True:
                with self._wait:
                    await trio.sleep_forever()
                self._wait = trio.CancelScope()
                while self._next_s() <= trio.current_time():
                    self._fires.pop(heappop(self._heap)[1])()
                self._look()

    def _set(self, number: int, wait_ms: float) -> None:
        heappush(self._heap, (trio.current_time() + max(0.0, wait_ms) / 1000, number))
        self._look()

    def _look(self) -> None:
        next_s = self._next_s()
        if next_s != self._wait.deadline:
            self._wait.deadline = next_s

    def _next_s(self) -> float:
        """When the next one is due."""
        while self._heap and self._heap[0][1] not in self._fires:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else inf
