"""The moments of a call: where all of it stood after each step of a task.

A moment is what tells one place for an injection from another. It is the chart's configuration,
the task that has just made a step, and the point in our own code at which it is waiting now.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import trio

from engine.journal import AnyLine, Effect, Event
from engine.simulation.injections import Cause, possible
from states.timers import TIMERS

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / folder}/" for folder in ("adapters", "effects", "engine", "states"))
OVER = "over"
"""The point of a task that has ended."""


class Moment(NamedTuple):
    """The states of the chart, the task that made a step (an effect's has its name), and the
    innermost line of our own code in which it waits: ``effects/speak.py:57 run``."""

    configuration: tuple[str, ...]
    task: str
    point: str


class Seen(NamedTuple):
    """A moment, with what could have been injected at it."""

    moment: Moment
    causes: tuple[Cause, ...]


class Moments:
    """Records the moments of one call. Give it to ``simulate`` as its watch.

    ``seen[k - 1]`` is what was seen after the ``k``-th step, as injections count them. Equal ones
    are the same object.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._known: dict[tuple[tuple[str, ...], ...], dict[tuple[str, str], Seen]] = {}
        self._here: dict[tuple[str, str], Seen] | None = None
        """What is known of the moments while neither the states, nor what runs, nor who serves
        changes."""
        self._running: tuple[str, ...] = ()
        self._serving: tuple[str, ...] = ()
        self._configuration: tuple[str, ...] = ()
        self._timers: dict[int, Effect] = {}

    def line(self, line: AnyLine) -> None:
        """Take in a line of the journal."""
        if isinstance(line, Event):
            self._configuration = tuple(line.states)
            left = [one for one in self._timers.values() if one.state not in line.states]
            for timer in left:  # it is told to stop now, and is over a step later
                del self._timers[timer.number]
        elif isinstance(line, Effect) and line.effect in TIMERS:
            if line.phase == "started":
                self._timers[line.number] = line
            else:
                self._timers.pop(line.number, None)
        else:
            return
        self._here = None

    def step(self, task: trio.lowlevel.Task, serving: tuple[str, ...]) -> None:
        """Take in a step."""
        if self._here is None or serving is not self._serving:
            self._serving = serving
            self._running = tuple(timer.effect for timer in self._timers.values())
            key = self._configuration, self._running, serving
            self._here = self._known.setdefault(key, {})
        where = task.name, _point(task.coro)
        seen = self._here.get(where)
        if seen is None:
            moment = Moment(self._configuration, *where)
            seen = Seen(moment, possible(self._running, serving))
            self._here[where] = seen
        self.seen.append(seen)


def _point(coroutine: Any) -> str:
    """Where in our own code a task is waiting. What it waits for of others is inside."""
    innermost = None
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        if not _is_ours(frame.f_code.co_filename):
            break
        innermost, coroutine = frame, coroutine.cr_await
    if innermost is None:
        return OVER
    code = innermost.f_code  # not hashed: that is slow
    return _label(code.co_filename, innermost.f_lineno, code.co_name)


@cache
def _is_ours(path: str) -> bool:
    return path.startswith(OURS)


@cache
def _label(path: str, line: int, function: str) -> str:
    return f"{Path(path).relative_to(ROOT).as_posix()}:{line} {function}"
