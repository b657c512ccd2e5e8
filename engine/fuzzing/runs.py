"""What is done with calls that failed, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.fuzzing.corpus import signature
from engine.fuzzing.failure import Failure
from engine.fuzzing.shrink import shrunk
from engine.fuzzing.subject import Subject

Progress = Callable[[str], None]
"""Told now and then how far it is."""


def smallest(failures: Sequence[Failure], subject: Subject, progress: Progress) -> list[Failure]:
    """One failure of each signature, made small; those that are then one are one."""
    distinct: dict[str, Failure] = {}
    for failure in failures:
        distinct.setdefault(signature(failure), failure)
    small: dict[str, Failure] = {}
    for number, failure in enumerate(distinct.values(), start=1):
        progress(f"making failure {number} of {len(distinct)} smaller")
        one = shrunk(failure, subject)
        small.setdefault(signature(one), one)
    return list(small.values())
