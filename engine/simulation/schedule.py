"""Time and order in a simulation: a clock that jumps, tasks in a known order, and a hand that
acts after the k-th step.

Nothing here is random. trio runs the tasks that are ready in an order that it is free to
choose; a simulation takes the order in which they were started, except at the decisions that a
scenario names, where the ready tasks are rotated. That is how other orders are explored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import trio
import trio._core._run as trio_run


class JumpingClock(trio.abc.Clock):
    """Virtual time: when nothing can run, it is at once the time of the next deadline.

    trio's own MockClock does the same, in two turns of its loop for each jump.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def start_clock(self) -> None:
        """Time begins at 0."""

    def current_time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Asked only when no task can run: then the wait is over already."""
        if deadline == float("inf"):
            return deadline  # trio waits for itself, to close down: its own pipe wakes it
        self._now = max(self._now, deadline)
        return 0.0


class Order:
    """Stands in for trio's random numbers: the shuffle of the ready tasks is the schedule.

    ``decisions`` counts how often there was a choice.
    """

    def __init__(self, rotations: Mapping[int, int]) -> None:
        self._rotations = rotations
        self.decisions = 0

    def shuffle(self, ready: list[Any]) -> None:
        ready.reverse()  # trio takes from the end, so the task that was started first runs first
        if len(ready) > 1:
            self.decisions += 1
            by = self._rotations.get(self.decisions, 0) % len(ready)
            if by:
                ready[:] = ready[by:] + ready[:by]

    def random(self) -> float:
        return 0.5

    def uniform(self, low: float, high: float) -> float:
        return low


@contextmanager
def deterministic_order(rotations: Mapping[int, int]) -> Iterator[Order]:
    """Run trio's tasks in a known order; ``rotations`` says by how much the ready tasks are
    rotated at the n-th time that there is a choice."""
    module: Any = trio_run
    order = Order(rotations)
    before = module._ALLOW_DETERMINISTIC_SCHEDULING, module._r
    module._ALLOW_DETERMINISTIC_SCHEDULING, module._r = True, order
    try:
        yield order
    finally:
        module._ALLOW_DETERMINISTIC_SCHEDULING, module._r = before


class Conductor(trio.abc.Instrument):
    """Counts task steps from the start of the call, and acts after the chosen ones: in the order
    in which the acts are given, and when ``watch`` has seen the step.

    trio logs and drops what an instrument raises, so ``error`` keeps it for the caller.
    """

    def __init__(
        self,
        acts: Iterable[tuple[int, Callable[[], None]]],
        watch: Callable[[trio.lowlevel.Task], None] | None = None,
    ) -> None:
        self._acts: dict[int, list[Callable[[], None]]] = {}
        for step, act in acts:
            self._acts.setdefault(step, []).append(act)
        self._watch = watch
        self.steps = 0
        self.armed = False
        self.error: BaseException | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._acts) or self._watch is not None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """One step of one task is over."""
        if not self.armed:
            return
        self.steps += 1
        try:
            if self._watch is not None:
                self._watch(task)
            for act in self._acts.get(self.steps, ()):
                act()
        except BaseException as error:
            self.error = error
