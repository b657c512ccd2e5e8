"""Work that several processes share, in an order that does not depend on how many they are."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many pieces of it are, and of how many."""

ASK_S = 0.2
"""How often it is asked whether it is over."""

_work: Callable[[int], Any]
"""What the processes do; they are forked with it, because what it needs cannot be sent."""


def never() -> bool:
    """It is not over before all is done."""
    return False


def spread(
    work: Callable[[int], T], many: int, jobs: int, over: Callable[[], bool] = never
) -> Iterator[T]:
    """``work(0)`` to ``work(many - 1)``, in order, done by so many processes, or as many of them
    as there is time for until it is ``over``. Those that are left are called off then, or when
    nobody wants them any more."""
    if jobs <= 1 or many <= 1:
        for number in range(many):
            if over():
                return
            yield work(number)
        return
    global _work
    _work = work
    with multiprocessing.get_context("fork").Pool(jobs, _deaf) as pool:
        results = pool.imap(_do, range(many))
        for _ in range(many):
            while True:
                if over():
                    return
                try:
                    result = results.next(ASK_S)
                except multiprocessing.TimeoutError:
                    continue
                break
            yield result


def _deaf() -> None:
    """Ctrl-C goes to all processes, and is for the first to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(number: int) -> Any:
    return _work(number)
