"""For tests over real sockets: waiting for the other side, and cancelling at an exact step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

SOON_S = 5.0
"""Longer than anything here takes on a slow machine."""

Counts = Callable[[trio.lowlevel.Task], bool]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens on the other side of a socket."""
    with trio.fail_after(SOON_S):
        while not condition():  # noqa: ASYNC110  # it happens in another task's own time
            await trio.sleep(0.002)


class _CancelAfter(trio.abc.Instrument):
    def __init__(self, steps: int, counts: Counts) -> None:
        self.scope = trio.CancelScope()
        self._left, self._counts = steps, counts

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._counts(task):
            self._left -= 1
            if self._left == 0:
                self.scope.cancel()


@contextmanager
def cancelled_after(steps: int, counts: Counts | None = None) -> Iterator[trio.CancelScope]:
    """The body is cancelled after so many steps of the tasks that count: its own, if not told
    otherwise. The scope says whether it was."""
    own = trio.lowlevel.current_task()
    instrument = _CancelAfter(steps, counts or (lambda task: task is own))
    trio.lowlevel.add_instrument(instrument)
    try:
        with instrument.scope:
            yield instrument.scope
    finally:
        trio.lowlevel.remove_instrument(instrument)
