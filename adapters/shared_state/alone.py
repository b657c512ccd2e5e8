"""Shared state of a worker that is alone: in its memory."""

from __future__ import annotations

from typing import Self

import trio


class Alone:
    """See :class:`effects.ports.Shared`. It is never lost."""

    name = "alone"

    def __init__(self) -> None:
        self._until_s: dict[tuple[str, str], float] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def hold(self, name: str, holder: str, *, limit: int | None, ttl_s: float) -> bool:
        """See :class:`effects.ports.Shared`."""
        others = [one for one in await self.holders(name) if one != holder]
        granted = limit is None or len(others) < limit
        if granted:
            self._until_s[name, holder] = trio.current_time() + ttl_s
        return granted

    async def release(self, name: str, holder: str) -> None:
        """See :class:`effects.ports.Shared`."""
        await trio.lowlevel.checkpoint()
        self._until_s.pop((name, holder), None)

    async def holders(self, name: str) -> list[str]:
        """See :class:`effects.ports.Shared`."""
        await trio.lowlevel.checkpoint()
        now_s = trio.current_time()
        self._until_s = {
            held: until_s for held, until_s in self._until_s.items() if until_s > now_s
        }
        return sorted(holder for held, holder in self._until_s if held == name)

    async def once(self, key: str, ttl_s: float) -> bool:
        """See :class:`effects.ports.Shared`."""
        await trio.lowlevel.checkpoint()
        now_s, held = trio.current_time(), (f"once:{key}", "")
        if self._until_s.get(held, now_s) > now_s:
            return False
        self._until_s[held] = now_s + ttl_s
        return True
