"""The moments of a call: where all of it stood after each step of a task.

A moment is what tells one place for an injection from another. It is the chart's configuration,
the task that has just made a step, and the point in our own code at which it is waiting now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, CoroutineType
from typing import Any, NamedTuple

import trio

from engine.journal import AnyLine, Effect, Event
from engine.simulation.injections import Cause, possible
from engine.simulation.schedule import JumpingClock
from states.timers import TIMERS

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / folder}/" for folder in ("adapters", "effects", "engine", "states"))
PARKED = JumpingClock.parked.__code__
"""What stands in for a wait for news: the call waits where it asked for that."""

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
        self._known: dict[tuple[tuple[str, ...], ...], _Place] = {}
        self._here: _Place | None = None
        """None when the states or the timers may have changed."""
        self._serving: tuple[str, ...] = ()
        self._configuration: tuple[str, ...] = ()
        self._timers: dict[int, Effect] = {}

    def distinct(self) -> list[Seen]:
        """What was seen, each once."""
        return [seen for place in self._known.values() for seen in place.seen.values()]

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
        here = self._here
        if here is None or (serving is not self._serving and serving != self._serving):
            here = self._place(serving)
        where = task.name, _point(task.coro)
        seen = here.seen.get(where)
        if seen is None:
            seen = here.seen[where] = Seen(Moment(self._configuration, *where), here.causes)
        self.seen.append(seen)

    def _place(self, serving: tuple[str, ...]) -> _Place:
        running = tuple([timer.effect for timer in self._timers.values()])
        key = self._configuration, running, serving
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = _Place(possible(running, serving))
        self._here, self._serving = place, serving
        return place


@dataclass(slots=True)
class _Place:
    """While neither the states, nor what runs, nor who serves changes: what can be injected,
    and what was seen, by task and point."""

    causes: tuple[Cause, ...]
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)


def _point(coroutine: Any) -> str:
    """Where in our own code a task is waiting. What it waits for of others is inside."""
    if not coroutine.cr_suspended:
        return OVER
    innermost: Any = None
    code: CodeType | None = None
    while type(coroutine) is CoroutineType:
        inner = coroutine.cr_code
        ours = _ours.get(id(inner))
        if not (_is_ours(inner) if ours is None else ours):
            break
        innermost, code, coroutine = coroutine, inner, coroutine.cr_await
    if code is None:
        return OVER
    # A frame is made when it is asked for, which takes time; so does to find its line.
    instruction = innermost.cr_frame.f_lasti
    return _labels.get((id(code), instruction)) or _label(code, instruction)


# By identity, because to hash code is slow; it is kept, so that no other gets the same.
_known: list[CodeType] = []
_ours: dict[int, bool] = {}
_labels: dict[tuple[int, int], str] = {}


def _is_ours(code: CodeType) -> bool:
    _known.append(code)
    _ours[id(code)] = code.co_filename.startswith(OURS) and code is not PARKED
    return _ours[id(code)]


def _label(code: CodeType, instruction: int) -> str:
    """The line of an instruction of our own code."""
    path = Path(code.co_filename).relative_to(ROOT).as_posix()
    line = next(line for first, last, line in code.co_lines() if first <= instruction < last)
    label = _labels[id(code), instruction] = f"{path}:{line} {code.co_name}"
    return label
