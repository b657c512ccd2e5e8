"""What the workers of a service share: places that are held for a while, and things done once.

One idea serves for everything: under a name there are places, each held by somebody until a time,
which is put off while they live. What a vendor lets us do at once is a name with as many places;
the live calls are a name without a limit; a worker that drains holds a place under ``draining``.
Whoever dies holds nothing after the time they were granted.
"""

from __future__ import annotations

from typing import Protocol

from effects.ports.provider import Provider, ProviderBusy, ProviderLost


class NoneFree(ProviderBusy):
    """All that we let ourselves ask of a provider at once is asked already. Not its fault."""


class SharedLost(ProviderLost):
    """The others cannot be reached, or not in time: nobody knows what they hold."""


class Shared(Provider, Protocol):
    """What all workers see. Nothing waits for longer than a tenth of a second: everything raises
    :class:`SharedLost` where there is no answer by then."""

    async def hold(self, name: str, holder: str, *, limit: int | None, ttl_s: float) -> bool:
        """Take one of ``limit`` places under ``name``, or hold on to it: for ``ttl_s`` from now.
        False if all are held by others. None is no limit."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give a place back; nothing if there is none."""
        ...

    async def holders(self, name: str) -> list[str]:
        """Who holds a place under ``name``, in the order of their names."""
        ...

    async def once(self, key: str, ttl_s: float) -> bool:
        """True for the first who asks with this key, of all within ``ttl_s``."""
        ...
