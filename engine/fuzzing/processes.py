"""Work that several processes share, in an order that does not depend on how many they are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

_work: Callable[[int], Any]
"""What the processes do; they are forked with it, because what it needs cannot be sent."""


def spread(work: Callable[[int], T], many: int, jobs: int) -> Iterator[T]:
    """``work(0)`` to ``work(many - 1)``, in order, done by so many processes. Those that are left
    are called off when nobody wants them any more."""
    if jobs <= 1 or many <= 1:
        yield from map(work, range(many))
        return
    global _work
    _work = work
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_do, range(many))


def _do(number: int) -> Any:
    return _work(number)
