"""The moments of a call: where all of it stood after each step of a task.

A moment is what tells one place for an injection from another. It is the chart's configuration,
the task that has just made a step, and the point in our own code at which it is waiting now.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import trio

from engine.journal import AnyLine, Effect, Event
from engine.simulation.injections import Cause, possible
from engine.simulation.trace import Trace
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
        self._known: dict[tuple[object, ...], Seen] = {}
        self._points: dict[tuple[CodeType, int], str] = {}
        self._configuration: tuple[str, ...] = ()
        self._timers: dict[int, str] = {}
        self._running: tuple[str, ...] = ()

    def line(self, line: AnyLine) -> None:
        """Take in a line of the journal."""
        if isinstance(line, Event):
            self._configuration = tuple(line.states)
        elif isinstance(line, Effect) and line.effect in TIMERS:
            if line.phase == "started":
                self._timers[line.number] = line.effect
            else:
                self._timers.pop(line.number, None)
            self._running = tuple(self._timers.values())

    def step(self, task: trio.lowlevel.Task, serving: tuple[str, ...]) -> None:
        """Take in a step."""
        key = (self._configuration, task.name, self._point(task.coro), self._running, serving)
        seen = self._known.get(key)
        if seen is None:
            seen = Seen(Moment(*key[:3]), possible(self._running, serving))  # type: ignore[arg-type]
            self._known[key] = seen
        self.seen.append(seen)

    def _point(self, coroutine: Any) -> str:
        """Where in our own code a task is waiting. What it waits for of others is inside."""
        code, place = None, 0
        while (frame := getattr(coroutine, "cr_frame", None)) is not None:
            if not frame.f_code.co_filename.startswith(OURS):
                break
            code, place = frame.f_code, frame.f_lasti
            coroutine = coroutine.cr_await
        if code is None:
            return OVER
        point = self._points.get((code, place))
        if point is None:
            point = self._points[code, place] = _label(code, place)
        return point


def _label(code: CodeType, place: int) -> str:
    line = next(
        (line for start, end, line in code.co_lines() if start <= place < end), code.co_firstlineno
    )
    path = Path(code.co_filename).relative_to(ROOT).as_posix()
    return sys.intern(f"{path}:{line} {code.co_name}")
