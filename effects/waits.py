"""Waiting for news, but not for ever."""

from __future__ import annotations

import trio


async def parked(lot: trio.lowlevel.ParkingLot, at_most_s: float) -> None:
    """Wait until somebody unparks the lot, or for so many seconds. Who waits looks again whichever
    it was. Cancellable."""
    with trio.move_on_after(at_most_s):
        await lot.park()
