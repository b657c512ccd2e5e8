"""A call in a line: what a list of calls shows, and what it is filtered by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from engine.journal import AnyLine, End, Event, Head
from engine.turns import Turns
from engine.waterfall import ACCEPTABLE_MS

FLOOR = ("idle", "listening", "thinking", "speaking", "interrupted", "ended")
"""The states of the floor, by which a person follows a call."""

Flag = Literal["slow", "interrupted", "false_alarm", "failed"]
Outcome = Literal["live", "completed", "failed", "cut off"]


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One call. ``started`` is wall-clock time (ISO 8601, UTC); ``state`` that of the floor while
    the call is live, and empty afterwards; ``outcome`` is ``cut off`` where a journal has no end.
    ``latencies_ms`` are those of the turns that were answered, in order. ``flags`` say what is
    worth a look: a turn slower than acceptable, a reply interrupted, the agent held for nothing,
    a turn or the call failed. ``file`` is the journal's name without its folder, if it has one."""

    call_id: str
    started: str
    agent: str
    state: str
    outcome: Outcome
    reason: str
    duration_ms: float
    turns: int
    latencies_ms: list[float]
    interruptions: int
    false_alarms: int
    flags: list[Flag]
    file: str = ""


class Summary:
    """Feed it a call's journal lines; it is cheap enough to watch a live call."""

    def __init__(self) -> None:
        self.turns = Turns()
        self._head: Head | None = None
        self._end: End | None = None
        self._floor, self._at_ms, self._false_alarms = "idle", 0.0, 0

    @classmethod
    def of(cls, lines: Iterable[AnyLine]) -> Summary:
        """That of a whole call."""
        summary = cls()
        for line in lines:
            summary.feed(line)
        return summary

    def feed(self, line: AnyLine) -> None:
        """Take in one line."""
        self.turns.feed(line)
        match line:
            case Head():
                self._head = line
            case Event(event=event, states=states):
                self._at_ms = event.at_ms
                self._moved(floor_of(states) or self._floor)
            case End(at_ms=at_ms):
                self._end, self._at_ms = line, at_ms

    def _moved(self, floor: str) -> None:
        if self._floor == "interrupted" and floor == "speaking":
            self._false_alarms += 1
        self._floor = floor

    def told(self, *, live: bool, file: str = "") -> CallSummary | None:
        """The call in a line, so far; None before its head."""
        head, end, records = self._head, self._end, self.turns.records
        if head is None:
            return None
        flags: list[Flag] = []
        latencies_ms = [turn.latency_ms for turn in records if turn.latency_ms is not None]
        interruptions = sum(turn.outcome == "interrupted" for turn in records)
        if any(latency_ms > ACCEPTABLE_MS for latency_ms in latencies_ms):
            flags.append("slow")
        if interruptions:
            flags.append("interrupted")
        if self._false_alarms:
            flags.append("false_alarm")
        outcome = end.outcome if end else "live" if live else "cut off"
        if outcome == "failed" or any(turn.outcome == "failed" for turn in records):
            flags.append("failed")
        return CallSummary(
            call_id=head.call_id,
            started=head.started,
            agent=head.agent.name,
            state=self._floor if outcome == "live" else "",
            outcome=outcome,
            reason=end.reason if end else "",
            duration_ms=self._at_ms,
            turns=len(records),
            latencies_ms=[round(latency_ms, 1) for latency_ms in latencies_ms],
            interruptions=interruptions,
            false_alarms=self._false_alarms,
            flags=flags,
            file=file,
        )


def floor_of(states: Sequence[str]) -> str:
    """The state of the floor in a configuration; empty where the chart has none of ours."""
    return next((state for state in FLOOR if state in states), "")
