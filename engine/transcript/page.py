"""A transcript as lines for a terminal, with colour or without; words are wrapped."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from engine.evaluation.figures import Spread
from engine.inspector.summary import CallSummary
from engine.journal import Head
from engine.terminal import printable
from engine.transcript.entries import Entry, Who

WIDTH_MAX = 100
"""Longer lines are no easier to read, however wide the terminal is."""

WORDS_MIN = 20
"""However narrow the terminal is."""

CUT, WENT_ON = " | ", " ¦ "
"""Between what was heard of a reply and what was not; where it was silent and went on."""

FEELS = {"natural": "green", "acceptable": "cyan", "slow": "yellow", "broken": "bold red"}
"""A colour for each feeling of :func:`engine.waterfall.feeling`."""

_STYLES: dict[Who, str] = {
    "agent": "green",
    "caller": "bold cyan",
    "keys": "bold cyan",
    "silent": "magenta",
    "tool": "blue",
    "failed": "bold red",
    "turn": "dim",
    "silence": "yellow",
    "call": "bold",
}
_WHO_CHARS = max(len(who) for who in _STYLES)


def print_transcript(
    console: Console,
    head: Head,
    entries: Sequence[Entry],
    summary: CallSummary,
    *,
    words: bool = True,
) -> None:
    """Print a call: its head, its entries, and a line that sums it up. Without ``words``, it says
    how many were said."""
    _print(console, Text(head.call_id, style="bold"))
    started = head.started.replace("T", " ").replace("+00:00", " UTC")
    _print(console, Text(f"{started} · {head.agent.name} · chart '{head.chart}'", "dim"))
    console.print()
    for entry in entries:
        _print_entry(console, entry, words=words)
    console.print()
    if words and (legend := _legend(entries)):
        _print(console, Text(legend, "dim"))
    _print(console, Text(summed_up(summary)))


def _print(console: Console, text: Text, before: Text | None = None) -> None:
    """Print a text, wrapped at its words, each further line as far in as the first."""
    before = before or Text()
    text.plain = printable(text.plain)
    width = max(WORDS_MIN, min(console.width, WIDTH_MAX) - before.cell_len)
    for number, line in enumerate(text.wrap(console, width)):
        line.rstrip()
        start = Text(" " * before.cell_len) if number else before
        console.print(Text.assemble(start, line), soft_wrap=True)


def _print_entry(console: Console, entry: Entry, *, words: bool) -> None:
    style = _STYLES[entry.who]
    text = _said(entry) if words else _counted(entry)
    if entry.aside:
        aside = Text(entry.aside, FEELS.get(entry.feels, "dim" if entry.said else style))
        parts = [aside, text] if entry.who in ("tool", "call") else [text, aside]
        text = Text("  ").join(part for part in parts if part.plain)
    if entry.over:
        other = "agent" if entry.who == "caller" else "caller"
        text = Text.assemble((f"(over the {other}) ", "dim"), text)
    at, who = f"{entry.at_ms / 1000:7.2f}", f"{entry.who:<{_WHO_CHARS}}"
    if entry.who == "turn":  # it is of what stands above it
        at, who = " " * len(at), " " * _WHO_CHARS
    _print(console, text, Text.assemble((at, "dim"), "  ", (who, style), "  "))


def _said(entry: Entry) -> Text:
    text, begun = Text(), 0
    for place in entry.pauses:
        text.append(entry.said[begun:place].strip()).append(WENT_ON, "bold magenta")
        begun = place
    text.append(entry.said[begun:].strip())
    if entry.unheard:
        text.append(CUT if entry.said else CUT.lstrip(), "bold magenta")
        text.append(entry.unheard, "dim")
    return text


def _counted(entry: Entry) -> Text:
    """How much was said, and nothing of what."""
    if entry.who == "keys":
        return Text(_many(len(entry.said), "key"))
    if entry.who not in ("agent", "caller"):
        return Text()
    heard = _many(len(entry.said.split()), "word")
    unheard = len(entry.unheard.split())
    return Text(f"{heard}, {unheard} more not heard" if unheard else heard)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _legend(entries: Sequence[Entry]) -> str:
    legend = []
    if any(entry.unheard for entry in entries):
        legend.append(f"heard{CUT}not heard")
    if any(entry.pauses for entry in entries):
        legend.append(f"silent there{WENT_ON}and went on")
    return "; ".join(legend)


def summed_up(summary: CallSummary) -> str:
    """A call in a sentence."""
    spread = Spread.of(summary.latencies_ms)
    parts = [f"{summary.duration_ms / 1000:.1f} s", _many(summary.turns, "turn")]
    if spread is not None:
        worst_ms = max(summary.latencies_ms)
        parts.append(f"p50 {spread.p50_ms:.0f} p95 {spread.p95_ms:.0f} max {worst_ms:.0f} ms")
    if summary.interruptions:
        parts.append(_many(summary.interruptions, "interruption"))
    if summary.false_alarms:
        parts.append(_many(summary.false_alarms, "false alarm"))
    ended = f"{summary.outcome}: {summary.reason}" if summary.reason else summary.outcome
    return ", ".join(parts) + f"; {ended}"
