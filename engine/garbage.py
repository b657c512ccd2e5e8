"""Garbage: a start makes little of it, and what a start makes is needed to the end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def start_without_collecting() -> Iterator[None]:
    """Python looks for no garbage in the body, which takes a fifth of the time that modules take to
    load, and afterwards never among what was made until then: a look there, which all calls would
    wait for, finds nothing. Garbage of the body stays, a few megabytes."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
