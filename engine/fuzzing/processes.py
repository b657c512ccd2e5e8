"""Work that several processes share, in an order that does not depend on how many they are."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

_work: Callable[[int], Any]
"""What the processes do; they are forked with it, because what it needs cannot be sent."""


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing: calls that go wrong are what is looked for."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


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
