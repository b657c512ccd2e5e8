"""What is done with calls that failed, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.fuzzing.corpus import signature
from engine.fuzzing.failure import Failure
from engine.fuzzing.processes import Progress, never
from engine.fuzzing.shrink import shrunk
from engine.fuzzing.subject import Subject


def unlike(failures: Iterable[Failure]) -> list[Failure]:
    """The first failure of each signature."""
    first: dict[str, Failure] = {}
    for failure in failures:
        first.setdefault(signature(failure), failure)
    return list(first.values())


def smallest(
    failures: Sequence[Failure],
    subject: Subject,
    progress: Progress,
    over: Callable[[], bool] = never,
) -> list[Failure]:
    """One failure of each signature, made small as long as it is not ``over``; those that are then
    one are one."""
    small, distinct = [], unlike(failures)
    for number, failure in enumerate(distinct, start=1):
        small.append(shrunk(failure, subject, over=over))
        progress("made small", number, len(distinct))
    return unlike(small)
