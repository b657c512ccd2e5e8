"""Shows calls as they happen: a line for each thing a person would want to know.

Watchers of the journal: they only read. They print what callers say, so they are for people at
a terminal, never for logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from rich import box
from rich.console import Console
from rich.table import Table

from engine.inspector.summary import floor_of
from engine.journal import AnyLine, End, Event, Head, Note
from engine.terminal import shown
from engine.turns import TurnRecord, Turns, takes_over
from engine.waterfall import feeling
from states import events, notes

SHORT_ID_CHARS = 6
"""So much of a call's id tells the calls of an hour apart."""

_WIDTHS = {"outcome": len("interrupted"), "feels": len("acceptable")}
STAGES = ("endpoint", "mind", "voice", "playout")

FLOOR_COLOURS = {
    "idle": "dim",
    "listening": "cyan",
    "thinking": "yellow",
    "speaking": "green",
    "interrupted": "magenta",
    "ended": "dim",
}
"""A colour for each state of the floor."""


class CallsPrinter:
    """Prints all calls of a service: call it for each call's watcher.

    While more than one call is live, each line begins with the end of its call's id.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: set[CallPrinter] = set()

    def __call__(self) -> Callable[[AnyLine], None]:
        """A watcher of one call, live from its first line to its last."""
        printer = CallPrinter(self._console, among=self._live)

        def watch(line: AnyLine) -> None:
            if isinstance(line, Head):
                self._live.add(printer)
            printer.feed(line)
            if isinstance(line, End):
                self._live.discard(printer)

        return watch


class CallPrinter:
    """Feed it the journal lines of one call; it prints what they mean.

    ``among`` are the printers that print at the same time.
    """

    def __init__(self, console: Console, among: Collection[CallPrinter] = ()) -> None:
        self._console = console
        self._among = among
        self._call_id = ""
        self._floor = "idle"
        self._turns = Turns()
        self._told: set[int] = set()
        self._clauses: dict[tuple[int, int], str] = {}
        self._heard: dict[int, str] = {}

    def feed(self, line: AnyLine) -> None:
        """Take in one line."""
        self._turns.feed(line)
        match line:
            case Head(call_id=call_id, chart=chart, agent=agent):
                self._call_id = call_id
                self._say(
                    0.0, "call", f"{call_id} answered by {agent.name}, on the chart '{chart}'"
                )
            case Event():
                self._event(line)
            case Note(note=note):
                self._note(note)
            case End(at_ms=at_ms, reason=reason, outcome=outcome):
                self._say(at_ms, "call", f"over ({outcome}: {reason})")

    def _say(self, at_ms: float, who: str, text: str, style: str = "") -> None:
        call = f"{shown(self._call_id[-SHORT_ID_CHARS:])} " if len(self._among) > 1 else ""
        self._console.print(
            f"{call}[dim]{at_ms / 1000:7.2f}[/dim] [bold]{who:>7}[/bold]  {text}",
            style=style or None,
            soft_wrap=True,
        )

    def _event(self, line: Event) -> None:
        event = line.event
        floor = floor_of(line.states) or self._floor
        if floor != self._floor:
            colour = FLOOR_COLOURS[floor]
            inner = _inner(line.states)
            self._say(
                event.at_ms,
                "state",
                f"{self._floor} → [{colour}]{floor}[/{colour}]{inner}  [dim]{event.name}[/dim]",
            )
            self._floor = floor
        match event:
            case events.Transcript(segment=segment, text=text, final=True) if (
                text and text != self._heard.get(segment)
            ):
                self._heard[segment] = text
                self._say(event.at_ms, "heard", f"“{shown(_tidied(text))}”")
            case events.OutputHeld(heard=heard):
                self._say(event.at_ms, "silent", f"the caller heard: “{shown(heard)}”", "magenta")
            case events.FalseAlarm():
                self._say(event.at_ms, "resumed", "it was nothing: the reply goes on")
            case (
                events.ReplyFailed(reason=reason, instead=instead)
                | events.VoiceFailed(reason=reason, instead=instead)
                | events.SttFailed(reason=reason, instead=instead)
            ):
                then = f"; {instead} takes over" if takes_over(line) else ""
                self._say(event.at_ms, "failed", shown(f"{event.name}: {reason}{then}"), "red")
            case events.ToolSettled(tool=tool, arguments=arguments, outcome=outcome):
                self._say(event.at_ms, "tool", shown(f"{tool}({arguments}) {outcome}"), "dim")
            case events.Dtmf(digit=digit):
                self._say(event.at_ms, "key", digit)
            case events.AudioStarted():
                self._latency()

    def _note(self, note: notes.Note) -> None:
        match note:
            case notes.ClauseComposed(reply=reply, clause=clause, text=text):
                self._clauses[reply, clause] = text
            case notes.ClauseSent(at_ms=at_ms, reply=reply, clause=clause):
                composed = self._clauses.get((reply, clause))
                if composed:
                    self._say(at_ms, "says", f"“{shown(composed)}”", "green")

    def _latency(self) -> None:
        turn = self._turns.records[-1] if self._turns.records else None
        if turn is None or turn.number in self._told or turn.latency_ms is None:
            return
        self._told.add(turn.number)
        steps = " + ".join(
            f"{step.name} {step.took_ms:.0f}" + (f" ({shown(step.by)})" if step.by else "")
            for step in turn.waterfall
            if step.took_ms >= 1
        )
        assert turn.audio_started_ms is not None
        self._say(
            turn.audio_started_ms,
            "latency",
            f"turn {turn.number}: {turn.latency_ms:.0f} ms ({feeling(turn.latency_ms)}) = {steps}",
            "bold",
        )

    @property
    def turns(self) -> list[TurnRecord]:
        """The turn records so far."""
        return self._turns.records


def _tidied(text: str) -> str:
    """A transcript to look at: one that ends in an abbreviation may have two full stops."""
    return re.sub(r"(?<!\.)\.\.$", ".", text)


def _inner(states: list[str]) -> str:
    inner = [state for state in states if state in ("overlapped", "contested", "settling")]
    return f".{inner[0]}" if inner else ""


def turn_table(records: list[TurnRecord]) -> Table:
    """The turns of a call as a table: what was said, how it ended, where the time went."""
    table = Table(
        title="Milliseconds from the end of the caller's speech to the first sound",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.add_column("caller", no_wrap=True, max_width=15)
    for column in ("outcome", *STAGES, "total", "feels"):
        number = column in STAGES or column == "total"
        table.add_column(
            column,
            justify="right" if number else "left",
            no_wrap=True,
            min_width=_WIDTHS.get(column, len(column)),
        )
    for turn in records:
        stages, latency_ms = turn.stages, turn.latency_ms
        table.add_row(
            shown(_tidied(turn.words)),
            turn.outcome,
            *(f"{stages[name]:.0f}" if name in stages else "-" for name in STAGES),
            f"{latency_ms:.0f}" if latency_ms is not None else "-",
            feeling(latency_ms) if latency_ms is not None else "-",
        )
    return table
