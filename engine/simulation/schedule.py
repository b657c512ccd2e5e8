"""Time and order in a simulation: a clock that jumps, tasks in a known order, and a hand that
acts after the k-th step.

Nothing here is random. trio runs the tasks that are ready in an order that it is free to
choose; a simulation takes the order in which they were started, except at the decisions that a
scenario names, where the ready tasks are rotated, or by priorities that it names. That is how
other orders are explored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count, cycle
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

import trio

from effects import waits
from engine.simulation import scenario
from engine.simulation.loop import looping


class JumpingClock(trio.abc.Clock):
    """Virtual time: when nothing can run, it is at once the time of the next deadline or alarm.

    trio's own MockClock does the same, in two turns of its loop for each jump.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._set: list[tuple[float, int, Alarm]] = []
        """What the alarms were set to, a heap; one that was since set otherwise does not count."""
        self._settings = count()

    def alarm(self) -> Alarm:
        """A new alarm, for a task that waits."""
        return Alarm(self)

    def set(self, alarm: Alarm, at_s: float) -> None:
        """Let an alarm ring then."""
        alarm.at_s = at_s
        if at_s < inf:
            heappush(self._set, (at_s, next(self._settings), alarm))

    def start_clock(self) -> None:
        """Time begins at 0."""

    def current_time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Asked only when no task can run: then the wait is over already."""
        alarms = self._set
        while alarms and alarms[0][0] != alarms[0][2].at_s:
            heappop(alarms)
        if alarms and alarms[0][0] < deadline:
            deadline = alarms[0][0]
        if deadline == inf:
            return deadline  # trio waits for itself, to close down: its own pipe wakes it
        self._now = max(self._now, deadline)
        while alarms and alarms[0][0] <= self._now:
            at_s, _, alarm = heappop(alarms)
            if alarm.at_s == at_s:
                alarm.ring()
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """As :func:`trio.sleep`, by an alarm."""
        if seconds > 0:
            await Alarm(self).wait_until(self._now + seconds)
            await trio.lowlevel.checkpoint_if_cancelled()  # a deadline may be over as well
        else:
            await trio.lowlevel.checkpoint()

    async def parked(self, lot: trio.lowlevel.ParkingLot, at_most_s: float) -> None:
        """As :func:`effects.waits.parked`, by an alarm."""
        alarm = _LotAlarm(self, lot)
        self.set(alarm, self._now + at_most_s)
        try:
            await lot.park()
        finally:
            alarm.at_s = inf


class Alarm:
    """Wakes the one ``task`` that waits for it. ``at_s`` is when: infinity while nobody waits.

    It is what a cancel scope with a deadline does, at a third of the cost. Whoever is woken at
    one time runs in the same round as those whose deadline it is, in the known order.
    """

    __slots__ = ("_clock", "at_s", "task")

    def __init__(self, clock: JumpingClock) -> None:
        self._clock = clock
        self.task: trio.lowlevel.Task | None = None
        self.at_s = inf

    async def wait_until(self, at_s: float) -> None:
        """Sleep until then, or until it is brought forward. Cancellable."""
        self.task = trio.lowlevel.current_task()
        self._clock.set(self, at_s)
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def bring_forward(self, at_s: float) -> None:
        """Whoever waits does so until ``at_s`` at most."""
        if at_s < self.at_s < inf:
            self._clock.set(self, at_s)
            if at_s <= self._clock.current_time():
                self.ring()

    def ring(self) -> None:
        """Wake the task that waits."""
        assert self.task is not None
        self.at_s = inf
        trio.lowlevel.reschedule(self.task)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self.at_s = inf
        return trio.lowlevel.Abort.SUCCEEDED


class _LotAlarm(Alarm):
    """Wakes whoever is parked in a lot."""

    __slots__ = ("_lot",)

    def __init__(self, clock: JumpingClock, lot: trio.lowlevel.ParkingLot) -> None:
        super().__init__(clock)
        self._lot = lot

    def ring(self) -> None:
        self.at_s = inf
        self._lot.unpark_all()


@contextmanager
def sleeping_by(clock: JumpingClock) -> Iterator[None]:
    """Let all who call ``trio.sleep`` or ``waits.parked`` wait by an alarm of the clock: a call has
    more than a hundred such waits, a scope each, and most of them end at their deadline."""
    before = trio.sleep, waits.parked
    trio.sleep, waits.parked = clock.sleep, clock.parked
    try:
        yield
    finally:
        trio.sleep, waits.parked = before


class Order:
    """Puts the tasks that are ready in order: that is the schedule.

    ``decisions`` counts how often there was a choice.
    """

    def __init__(self, rotations: Mapping[int, int]) -> None:
        self._rotations = rotations
        self.decisions = 0

    def arrange(self, ready: list[Any]) -> None:
        ready.reverse()  # the last is taken first, so the task that was started first runs first
        if len(ready) > 1:
            self.decisions += 1
            by = self._rotations.get(self.decisions, 0) % len(ready)
            if by:
                ready[:] = ready[by:] + ready[:by]


class _ByPriority(Order):
    """The ready tasks by their priorities (see :class:`~engine.simulation.scenario.Order`)."""

    def __init__(self, order: scenario.Order) -> None:
        super().__init__({})
        self._drawn = cycle(order.priorities or [0])
        self._changes = order.changes
        self._priorities: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def arrange(self, ready: list[Any]) -> None:
        for task in ready:  # in the order of their creation
            if task not in self._priorities:
                self._priorities[task] = next(self._drawn)
        if len(ready) > 1:
            self.decisions += 1
            if self.decisions in self._changes:
                first = max(ready, key=self._priorities.__getitem__)
                self._priorities[first] = self._changes[self.decisions]
        # the last is taken first; of equals the older goes first
        ready.reverse()
        ready.sort(key=self._priorities.__getitem__)


@contextmanager
def deterministic_order(
    rotations: Mapping[int, int], order: scenario.Order | None = None
) -> Iterator[Order]:
    """Run trio's tasks in a known order; ``rotations`` says by how much the ready tasks are
    rotated at the n-th time that there is a choice. An ``order`` takes their place."""
    chosen = Order(rotations) if order is None else _ByPriority(order)
    with looping(chosen.arrange):
        yield chosen


class Conductor(trio.abc.Instrument):
    """Counts task steps from the start of the call, and acts after the chosen ones: in the order
    in which the acts are given, and when ``watch`` has seen the step.

    An instrument must not raise, so ``error`` keeps what is raised for the caller.
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
