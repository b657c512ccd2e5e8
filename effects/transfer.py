"""Transfer: put the caller through to somebody else."""

from __future__ import annotations

import trio

from effects.ports import ProviderError
from effects.stage import Emit, Stage
from states.events import TransferFailed, Transferred


async def transfer(stage: Stage, emit: Emit) -> None:
    """Ask the carrier to put the caller through, for at most ``transfer_ms``."""
    limit_ms = stage.call.settings.transfer_ms
    failure = ""
    try:
        with trio.fail_after(limit_ms / 1000):
            await stage.carrier.transfer(stage.call.transfer_to)
    except trio.TooSlowError:
        failure = f"no answer within {limit_ms} ms"
    except ProviderError as error:
        failure = str(error)
    if failure:
        emit(TransferFailed(at_ms=stage.now_ms(), reason=failure))
    else:
        emit(Transferred(at_ms=stage.now_ms()))
