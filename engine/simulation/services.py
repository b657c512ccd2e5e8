"""Who is being served by whom, right now, and the lever that ends it out of script.

A scripted provider does its work through :meth:`Services.serve`, so that an injection can strike
wherever the work is waiting at that moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar, get_args

import trio

from engine.simulation.faults import raise_fault

T = TypeVar("T")

Trouble = Literal["timeout", "refused", "lost", "bug", "stall", "finish"]
"""What can strike a service: a fault; that it never goes on; that it is done at once."""

TROUBLES: tuple[Trouble, ...] = get_args(Trouble)


class _Service:
    """One service that is under way. ``trouble`` is what has struck it."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.trouble: Trouble | None = None


class Services:
    """All services of one call that are under way, by who serves.

    ``who`` are the names of those who serve somebody, in order. Where nothing can strike, because
    nothing is injected, no service needs a scope.
    """

    def __init__(self, *, can_strike: bool = True) -> None:
        self.who: tuple[str, ...] = ()
        self._can_strike = can_strike
        self._under_way: dict[str, list[_Service]] = {}

    async def serve(self, who: str, work: Callable[[], Awaitable[T]], done: T) -> T:
        """Do some work, unless something strikes it: then it fails, waits until it is cancelled,
        or returns ``done`` at once."""
        service = _Service()
        self._under_way.setdefault(who, []).append(service)
        self._count()
        try:
            if not self._can_strike:
                return await work()
            with service.scope:
                return await work()
        finally:
            self._under_way[who].remove(service)
            self._count()
        if service.trouble == "stall":
            await trio.sleep_forever()
        elif service.trouble is not None and service.trouble != "finish":
            raise_fault(service.trouble, f"the scripted {who}")
        return done

    def strike(self, who: str, trouble: Trouble) -> bool:
        """Strike the service that ``who`` began last; False if there is none."""
        services = self._under_way.get(who)
        if not services:
            return False
        services[-1].trouble = trouble
        services[-1].scope.cancel()
        return True

    def _count(self) -> None:
        self.who = tuple(sorted(name for name, services in self._under_way.items() if services))
