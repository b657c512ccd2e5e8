"""Admission: whether one more call may come in, decided before anybody suffers.

A call is turned away while the service loads or drains, when as many calls are live or on their
way as the limit says, and when the loop is late: that is what callers hear first on a machine that
has too much to do, whatever the reason, so it counts beside the number of calls.

    reserve ──> the call is on its way (its webhook was answered) ──> enter ──> leave
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import msgspec
import trio

Refusal = Literal["loading", "draining", "full", "lagging"]
"""Why no call is taken now."""

BEAT_S = 0.05
"""How often the loop's lateness is measured."""

_BEATS = 100  # five seconds: long enough that one hiccup is not overload


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one worker takes on.

    ``calls``: at the same time, those on their way included. ``lag_ms``: no new call while the loop
    was later than this in one of twenty measurements over five seconds; 0 turns that off.
    ``arrival_s``: how long a place is kept for a call whose webhook was answered.
    ``drain_s``: how long a service that is told to stop lets its calls go on; then it says goodbye.
    ``vendors``: how much may be asked at once of a vendor, by all workers together: sessions of
    speech-to-text, generations, replies spoken. Who finds no place goes on to the next provider.
    """

    calls: Annotated[int, msgspec.Meta(ge=1)] = 50
    lag_ms: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    arrival_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    drain_s: Annotated[float, msgspec.Meta(ge=0)] = 600.0
    vendors: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = {}


class Admission:
    """One worker's door."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.live = 0
        """Calls that are being held."""
        self.ready = False
        """Whether everything that a call needs is loaded."""
        self.leaving = False
        """Whether new calls had better come to others; who comes all the same is taken."""
        self.draining = False
        """Whether calls are only let out."""
        self.turned_away: Counter[Refusal] = Counter()
        """Calls so far that were not taken, by the reason that they were given."""
        self._reserved: dict[str, float] = {}  # by call, until when; oldest first
        self._lags_ms: deque[float] = deque(maxlen=_BEATS)

    def why_not(self) -> Refusal | None:
        """Why a call that comes now is turned away; None if it may come in."""
        if self.draining:
            return "draining"
        if not self.ready:
            return "loading"
        if self.live + self.reserved >= self.limits.calls:
            return "full"
        if 0 < self.limits.lag_ms < self.lag_p95_ms:
            return "lagging"
        return None

    def why_not_ready(self) -> Refusal | None:
        """Why calls had better be sent elsewhere; None if they are welcome."""
        return "draining" if self.leaving else self.why_not()

    def why_no_stream(self) -> Refusal | None:
        """The same for a media stream, which may be that of a call with a place kept for it."""
        if self.ready and self.reserved:
            return "full" if self.live >= self.limits.calls else None
        return self.why_not()

    @property
    def reserved(self) -> int:
        """Calls that were promised a place and have not arrived yet."""
        return len(self._waited_for())

    def has_place(self, call_id: str) -> bool:
        """Whether a place is kept for this call."""
        return call_id in self._waited_for()

    def reserve(self, call_id: str) -> None:
        """Keep a place for a call that is on its way, for ``arrival_s`` from now."""
        self.give_back(call_id)  # to be the youngest again
        self._reserved[call_id] = trio.current_time() + self.limits.arrival_s

    def give_back(self, call_id: str) -> None:
        """The call does not come any more."""
        self._reserved.pop(call_id, None)

    @contextmanager
    def entered(self, call_id: str) -> Iterator[None]:
        """A call that is held. It takes the place that was kept for it; or, if none was, the one
        that was kept longest: workers at one port get each other's calls."""
        if waited_for := self._waited_for():
            self.give_back(call_id if call_id in waited_for else next(iter(waited_for)))
        self.live += 1
        try:
            yield
        finally:
            self.live -= 1

    def _waited_for(self) -> dict[str, float]:
        now_s = trio.current_time()
        while self._reserved and self._reserved[next(iter(self._reserved))] <= now_s:
            del self._reserved[next(iter(self._reserved))]
        return self._reserved

    @property
    def lag_p95_ms(self) -> float:
        """How late the loop was, over the last five seconds; 0 until there is enough to judge."""
        if len(self._lags_ms) < _BEATS:
            return 0.0
        return sorted(self._lags_ms)[int(_BEATS * 0.95)]

    async def feel(self, told: Callable[[float], None] = lambda _: None) -> None:
        """Measure the loop's lateness until cancelled; ``told`` gets each in milliseconds."""
        while True:
            due_s = trio.current_time() + BEAT_S
            await trio.sleep_until(due_s)
            lag_ms = max(0.0, trio.current_time() - due_s) * 1000
            self._lags_ms.append(lag_ms)
            told(lag_ms)
