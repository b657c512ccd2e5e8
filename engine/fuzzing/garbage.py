"""Garbage: a campaign makes little of it, and has much that is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 20_000
"""Python looks for cycles once so many more objects were made than given back: in some twenty
calls."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let Python look for garbage seldom, and never among what is there already. Processes that are
    forked meanwhile do the same."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
