"""A circuit breaker: a provider that fails again and again is left alone for a while.

    closed ── `failures` in a row ──> open ── `open_s` later ──> half open ── one try ──> closed, or
                                                                                          open again

All calls of a process share it, so that not each of them has to find out for itself.
"""

from __future__ import annotations

from typing import Literal

import trio

State = Literal["closed", "open", "half open"]


class Breaker:
    """Counts what became of one provider's work. Opens after ``failures`` in a row; after
    ``open_s`` it lets one through to see whether the provider is back."""

    def __init__(self, failures: int = 3, open_s: float = 30.0) -> None:
        self._limit = failures
        self._open_s = open_s
        self._opened_at = float("-inf")
        self._trying = False
        self.failures = 0
        """In a row, up to now."""

    @property
    def state(self) -> State:
        """Whether the provider may be asked."""
        if self.failures < self._limit:
            return "closed"
        return "open" if trio.current_time() < self._opened_at + self._open_s else "half open"

    @property
    def lets_through(self) -> bool:
        """Whether the provider is worth asking now."""
        return self.state == "closed" or (self.state == "half open" and not self._trying)

    def asked(self) -> bool:
        """The provider is asked; returns whether that is the try, of which :meth:`left` tells the
        end. Who was asked to serve this call before may still do so beside it."""
        tries = self.state == "half open" and not self._trying
        self._trying |= tries
        return tries

    def left(self) -> None:
        """Whoever tried is done, whatever came of it."""
        self._trying = False

    def succeeded(self) -> None:
        """The provider delivered."""
        self.failures = 0

    def failed(self) -> None:
        """The provider did not."""
        self.failures += 1
        if self.failures >= self._limit:
            self._opened_at = trio.current_time()
