"""What a step of the chart asks to be carried out, in order, as data."""

from __future__ import annotations

from dataclasses import dataclass

from states.commands import Command


@dataclass(frozen=True, slots=True)
class Start:
    """An effect begins: its state was entered."""

    effect: str
    state: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The effects of a state end: it was left."""

    state: str


Record = Start | Stop | Command


def fold(records: list[Record]) -> list[Record]:
    """Drop the starts whose state was left again in the same step: code before an effect's
    first checkpoint must not run (SCXML starts invocations only after the macrostep)."""
    kept: list[Record] = []
    for record in records:
        if isinstance(record, Stop):
            started = [
                other for other in kept if isinstance(other, Start) and other.state == record.state
            ]
            if started:
                kept = [other for other in kept if other not in started]
                continue
        kept.append(record)
    return kept
