"""Threads that compute in native code must be over before the process is."""

from __future__ import annotations

import trio

SETTLE_S = 5.0


async def settle(threads: trio.CapacityLimiter) -> None:
    """Wait until no thread of this limiter computes: five seconds at most, also when cancelled.

    Work that nobody waits for any more still runs to its end. If the process ended in the middle
    of it, the native code would abort the process instead. The limiter is used up afterwards.
    """
    with trio.move_on_after(SETTLE_S, shield=True):
        for _ in range(int(threads.total_tokens)):
            await threads.acquire_on_behalf_of(object())
