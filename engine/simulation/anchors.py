"""When the caller of a recorded call does things: they go by what the agent does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from engine.journal import AnyLine, Event
from engine.simulation.scenario import Act
from states.events import AudioStarted, PlayedOut

_EVENTS = {"speaks": AudioStarted, "is_done": PlayedOut}


class Anchored:
    """The acts that do not go by the call, in order. As soon as it is known when one of them is,
    ``act`` is called with it, its time being that of the call, and with its place."""

    def __init__(self, acts: Sequence[Act], act: Callable[[Act, int], None]) -> None:
        self._waiting = deque((n, one) for n, one in enumerate(acts) if one.after != "call")
        self._act = act
        self._began_s = self._ended_s = 0.0
        self._times = 0

    def watch(self, line: AnyLine) -> None:
        """A line of the journal was written."""
        if not isinstance(line, Event):
            return
        self._begin_those_that_follow()
        if not self._waiting:
            return
        awaited, at_s = self._waiting[0][1], line.event.at_ms / 1000
        if isinstance(line.event, _EVENTS.get(awaited.after, ())) and at_s >= self._began_s:
            self._times += 1
            if self._times == awaited.nth:
                self._begin(at_s)
                self._begin_those_that_follow()

    def _begin_those_that_follow(self) -> None:
        while self._waiting and self._waiting[0][1].after == "act":
            self._begin(self._ended_s)

    def _begin(self, since_s: float) -> None:
        number, act = self._waiting.popleft()
        act = replace(act, at=round(max(since_s, since_s + act.at), 6), after="call")
        self._began_s, self._times = act.at, 0
        self._ended_s = act.at + (act.during if act.say or act.sound else 0.0)
        self._act(act, number)
