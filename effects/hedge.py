"""Hedged requests: where the first provider is late the next is asked as well, and whoever begins
first goes on.

It costs a second request for the slowest few in a hundred, and takes their waiting away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import trio

from effects.ports import ProviderError

T = TypeVar("T")


class Hedge(Generic[T]):
    """A race between ``runners``, by name, started ``after_s`` apart, or as soon as all before have
    failed. A runner that begins to deliver asks :meth:`takes`: the first has won, and the others
    are stopped."""

    def __init__(self, runners: Mapping[str, Callable[[], Awaitable[T]]], after_s: float) -> None:
        self._runners = runners
        self._after_s = after_s
        self._scopes = {name: trio.CancelScope() for name in runners}
        self._news = trio.Event()
        self._failures: list[ProviderError] = []
        self._result: list[T] = []
        self.winner = ""

    def takes(self, name: str) -> bool:
        """Whether what this runner delivers counts."""
        if not self.winner:
            self.winner = name
            for other, scope in self._scopes.items():
                if other != name:
                    scope.cancel()
            self._news.set()
        return self.winner == name

    async def run(self) -> T:
        """What the winner returns. Raises the winner's :class:`ProviderError`, or, where nobody
        began, the last one's. Cancelling stops all."""
        async with trio.open_nursery() as nursery:
            for name in self._runners:
                if self.winner or self._result:
                    break
                self._news = trio.Event()
                nursery.start_soon(self._run, name)
                with trio.move_on_after(self._after_s):
                    await self._news.wait()
        if not self._result:
            raise self._failures[-1]
        return self._result[0]

    async def _run(self, name: str) -> None:
        with self._scopes[name]:
            try:
                await trio.lowlevel.checkpoint_if_cancelled()  # then it is not asked at all
                result = await self._runners[name]()
            except ProviderError as error:
                self._failures.append(error)
            else:
                if self.takes(name):  # it may have had nothing to deliver
                    self._result.append(result)
        self._news.set()
