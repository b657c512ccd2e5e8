"""``antiphon show``: a recorded call as a transcript."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from engine.command import errors_in_one_line
from engine.inspector.summary import Summary
from engine.journal import Head, Reading, read_what_there_is
from engine.transcript import print_transcript, transcript
from engine.transcript.folder import find_call, newest_first, print_list, summaries
from engine.turns import Step, TurnRecord
from engine.waterfall import feeling, print_waterfalls

SPOILT = 1
LEFT_OUT = "…"


class ShownTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn as a JSON line: its record, and what is reckoned from it."""

    call: str
    turn: TurnRecord
    latency_ms: float | None
    feeling: str | None
    waterfall: list[Step]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(errors_in_one_line()(show))


def show(
    call: Annotated[
        str | None,
        typer.Argument(
            help="A journal, or (a part of) the id of a call in --calls; the latest if left out."
        ),
    ] = None,
    calls: Annotated[Path, typer.Option(help="The folder of journals.")] = Path("calls"),
    waterfalls: Annotated[
        bool, typer.Option("--waterfalls", help="Show where the time of each turn went.")
    ] = False,
    words: Annotated[bool, typer.Option(help="Show what was said.")] = True,
    silence: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Show silences from that length on.")
    ] = 2.0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the turns instead, as JSON lines.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List the calls of the folder, newest first.")
    ] = False,
    last: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
) -> None:
    """Show a call as a transcript: who said what when, and what became of it.

    Overlaps, interruptions with what was heard | not heard of the reply, false alarms, silences,
    tools, keys, failures, and the latency of each turn. A journal that is spoilt or cut off is
    shown as far as it can be read, and what is wrong with it stands at the end.

    Exit code 1 for such a journal; 2 if there is nothing to show.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    if list_:
        print_list(console, list(islice(summaries(newest_first(calls)), last)))
        return
    path = find_call(call, calls)
    reading = read_what_there_is(path)
    summary = Summary.of(reading.lines)
    records = [_without_words(one, words=words) for one in summary.turns.records]
    head = reading.lines[0]
    told = summary.told(live=False, file=path.name)
    assert isinstance(head, Head), "a reading begins with its head"
    assert told is not None
    if json:
        _print_json(head.call_id, records)
    else:
        entries = transcript(reading.lines, silence_ms=silence * 1000)
        print_transcript(console, head, entries, told, words=words)
        if waterfalls:
            console.print()
            print_waterfalls(Console(highlight=False, emoji=False), records)
    troubles = _troubles(reading, path)
    for trouble in troubles:
        typer.echo(f"antiphon: {trouble}", err=True)
    if troubles:
        raise typer.Exit(SPOILT)


def _troubles(reading: Reading, path: Path) -> list[str]:
    """What is wrong with the journal, each with its line."""
    if not reading.cut_off:
        return reading.troubles
    last = len(reading.lines) + len(reading.troubles)
    ends = f"{path}:{last}: the last line, and no end: the call goes on, or its process was killed"
    return [*reading.troubles, ends]


def _without_words(record: TurnRecord, *, words: bool) -> TurnRecord:
    return record if words else replace(record, words=LEFT_OUT, heard=LEFT_OUT)


def _print_json(call: str, records: Sequence[TurnRecord]) -> None:
    for record in records:
        latency_ms = None if record.latency_ms is None else round(record.latency_ms, 1)
        shown = ShownTurn(
            call=call,
            turn=record,
            latency_ms=latency_ms,
            feeling=feeling(latency_ms) if latency_ms is not None else None,
            waterfall=record.waterfall,
        )
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
