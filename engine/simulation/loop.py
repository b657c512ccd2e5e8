"""trio's loop without the world.

In each of its turns trio asks the operating system for news, and each step of a task is told to
whoever might look on. A simulated call has some four hundred turns and no news: a thirteenth of its
time was that. This loop treats the tasks as that of the pinned trio does (``unrolled_run``), and
looks at the world only when nothing can run and no time is known at which something could. The same
calls go the same way in both, which a test holds.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from operator import attrgetter
from typing import Any

import trio
import trio._core._run as trio_run
from outcome import Error, Outcome, Value
from trio._core._run_context import GLOBAL_RUN_CONTEXT
from trio._core._traps import WaitTaskRescheduled

Arrange = Callable[[list[Any]], None]
"""Puts the tasks that are ready in order; the last runs first. They come as they were started."""

DAY_S = 86_400.0
"""The longest that the operating system is asked to wait."""

_age = attrgetter("_counter")


@contextmanager
def looping(arrange: Arrange) -> Iterator[None]:
    """Let ``trio.run`` run its tasks in this order, by this loop."""
    module: Any = trio_run
    scopes: Any = trio.CancelScope
    before = module.unrolled_run, scopes._might_change_registered_deadline
    module.unrolled_run = partial(_loop, arrange)
    scopes._might_change_registered_deadline = lambda scope: _Registering(scope)
    try:
        yield
    finally:
        module.unrolled_run, scopes._might_change_registered_deadline = before


class _Registering:
    """Registers the deadline that a cancel scope has now. trio's own is a generator: a call makes
    more than two hundred, and few of its scopes have a deadline."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Any) -> None:
        self._scope = scope

    def __enter__(self) -> None:
        pass

    def __exit__(self, *raised: object) -> None:
        scope = self._scope
        is_waiting = scope._cancel_status is not None and not scope._cancel_called
        old, new = scope._registered_deadline, scope._deadline if is_waiting else inf
        if old == new:
            return
        scope._registered_deadline = new
        deadlines = GLOBAL_RUN_CONTEXT.runner.deadlines
        if old != inf:
            deadlines.remove(old, scope)
        if new != inf:
            deadlines.add(new, scope)


class _Unwatched(dict[str, Any]):
    """In place of trio's instruments, to whom the rest is not told: a third of the cost to ask."""


@trio.lowlevel.enable_ki_protection
def _loop(arrange: Arrange, runner: Any, main: Any, args: Any) -> Generator[float, Any, None]:
    """Run until no task is left. Yields how long to wait for the world; is sent what came of it.

    Of what trio tells instruments they are told only when a step is over. They must not raise.
    """
    looking_on = [one.after_task_step for one in runner.instruments.get("after_task_step", ())]
    runner.instruments = _Unwatched()
    ready, clock, deadlines = runner.runq, runner.clock, runner.deadlines
    try:
        runner.entry_queue.wakeup.wakeup_on_signals()
        clock.start_clock()
        runner.init_task = runner.spawn_impl(
            runner.init, (main, args), None, "<init>", system_task=True
        )
        while runner.tasks:
            if not ready:
                wait_s = clock.deadline_to_sleep_time(deadlines.next_deadline())
                if wait_s > 0:
                    runner.io_manager.process_events((yield min(wait_s, DAY_S)))
            if deadlines._heap and deadlines._heap[0][0] <= clock.current_time():
                deadlines.expire(clock.current_time())
            batch = sorted(ready, key=_age)
            ready.clear()
            arrange(batch)
            while batch:
                task = GLOBAL_RUN_CONTEXT.task = batch.pop()
                send, sent = task._next_send_fn, task._next_send
                task._next_send_fn = task._next_send = None
                ended: Outcome[Any] | None = None
                try:
                    awaits = task.context.run(send, sent)
                except StopIteration as end:
                    ended = Value(end.value)
                except BaseException as error:
                    trace = error.__traceback__
                    ended = Error(error.with_traceback(trace.tb_next if trace else None))
                if ended is not None:
                    runner.task_exited(task, ended)
                else:
                    _suspend(runner, task, awaits)
                for after_step in looking_on:
                    after_step(task)
                del GLOBAL_RUN_CONTEXT.task
    finally:
        runner.close()
        GLOBAL_RUN_CONTEXT.__dict__.clear()
        if runner.ki_pending:
            runner.main_task_outcome = Error(KeyboardInterrupt())


def _suspend(runner: Any, task: Any, awaits: Any) -> None:
    """A task waits, or lets others run."""
    task._schedule_points += 1
    if type(awaits) is not WaitTaskRescheduled:
        runner.reschedule(task)
        return
    task._cancel_points += 1
    task._abort_func = awaits.abort_func
    if runner.ki_pending and task is runner.main_task:
        task._attempt_delivery_of_pending_ki()
    if task._cancel_status.effectively_cancelled:
        task._attempt_delivery_of_any_pending_cancel()
