"""A call as a page gets it: a stand-in, until the page's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from engine.chart import Chart
from engine.inspector.summary import CallSummary, Summary
from engine.journal import AnyLine, Reading
from engine.turns import TurnRecord


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call, with all that a page shows of it."""

    call: CallSummary
    lines: list[AnyLine]
    turns: list[Any]
    matches_chart: bool
    troubles: list[str]
    sound: str | None


def turn_view(record: TurnRecord) -> Any:
    """A turn record with what is reckoned from it."""
    plain = msgspec.to_builtins(record)
    return {**plain, "latency_ms": record.latency_ms, "waterfall": record.waterfall}


def view_of(
    reading: Reading,
    chart: Chart,
    *,
    file: str = "",
    live: bool = False,
    sound: Path | None = None,
) -> CallView:
    """What there is to see of a call."""
    summary = Summary.of(reading.lines)
    told = summary.told(live=live, file=file)
    assert told is not None
    return CallView(
        call=told,
        lines=reading.lines,
        turns=[turn_view(record) for record in summary.turns.records],
        matches_chart=True,
        troubles=reading.troubles,
        sound=sound.name if sound else None,
    )
