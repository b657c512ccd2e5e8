"""The faults of scripted providers."""

from __future__ import annotations

from typing import NoReturn

import trio

from effects.ports import ProviderLost, ProviderRefused, ProviderTimeout
from engine.simulation.scenario import Fault


def raise_fault(fault: Fault, who: str) -> NoReturn:
    """Raise what a scenario's fault stands for."""
    match fault:
        case "timeout":
            raise ProviderTimeout(f"{who} gave no answer")
        case "refused":
            raise ProviderRefused(f"{who} refused")
        case "lost":
            raise ProviderLost(f"{who} broke off")
        case "bug":
            raise ZeroDivisionError(f"a bug in {who}")


async def linger(seconds: float) -> None:
    """Ignore cancellation for a while, as bad adapters do."""
    if seconds:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
