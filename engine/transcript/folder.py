"""The journals of a folder: the one that is meant, and all of them in a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from engine.errors import JournalError
from engine.evaluation.figures import Spread
from engine.inspector.summary import CallSummary, Flag, Summary
from engine.journal import read_what_there_is
from engine.terminal import printable

SHORT_ID_CHARS = 8
"""So much of a call's id is unique in a folder of some thousands."""

ID_WIDTH = 34
WIDE = 110
"""From that many columns on ids are whole."""

_NAMED = 3
_FLAGS: dict[Flag, tuple[str, str]] = {
    "slow": ("slow", "yellow"),
    "interrupted": ("interrupted", "magenta"),
    "false_alarm": ("false alarm", "cyan"),
    "failed": ("failed", "bold red"),
}


def find_call(call: str | None, folder: Path) -> Path:
    """The journal of a call: a file, or one of the folder whose name has ``call`` in it; without
    ``call``, the latest. Raises :class:`JournalError` if it is not exactly one."""
    if call and (Path(call).is_file() or call.endswith(".jsonl")):
        return Path(call)
    journals = newest_first(folder)
    if not journals:
        raise JournalError(f"no calls in {folder}: give a journal, or the folder with --calls")
    if call is None:
        return journals[0]
    found = [path for path in journals if call in path.stem]
    exact = [path for path in found if path.stem.endswith(f"-{call}")]
    if len(found) == 1 or len(exact) == 1:
        return (found if len(found) == 1 else exact)[0]
    if not found:
        raise JournalError(f"no call in {folder} has '{call}' in its id: see antiphon show --list")
    names = ", ".join(path.stem for path in found[:_NAMED])
    more = ", ..." if len(found) > _NAMED else ""
    raise JournalError(f"{len(found)} calls in {folder} have '{call}' in their id: {names}{more}")


def newest_first(folder: Path) -> list[Path]:
    """The journals of a folder. Their names begin with when the call did; others come last."""
    named = sorted(folder.glob("*.jsonl"), key=lambda path: path.name, reverse=True)
    return sorted(named, key=lambda path: not path.name[0].isdigit())


def summaries(journals: Iterable[Path]) -> Iterator[CallSummary]:
    """Each journal that can be read, in a line."""
    for path in journals:
        try:
            reading = read_what_there_is(path)
        except JournalError:
            continue
        summary = Summary.of(reading.lines).told(live=False, file=path.name)
        if summary is not None:
            yield summary


def print_list(console: Console, calls: Sequence[CallSummary]) -> None:
    """A line for each call, under a line of headings."""
    whole = console.width >= WIDE or not console.is_terminal
    width = ID_WIDTH if whole else SHORT_ID_CHARS
    heading = f"{'call':<{width}}  {'when (UTC)':<16}  length  turns      p50/p95  "
    console.print(Text(heading.rstrip(), "dim"), soft_wrap=True)
    for call in calls:
        shown = call.call_id if whole else call.call_id[-SHORT_ID_CHARS:]
        spread = Spread.of(call.latencies_ms)
        latency = f"{spread.p50_ms:.0f}/{spread.p95_ms:.0f} ms" if spread is not None else "-"
        when = call.started[:16].replace("T", " ")
        row = Text.assemble(
            (f"{shown:<{width}}", "bold"),
            (f"  {when:<16}", "dim"),
            f"  {clock(call.duration_ms):>6}  {call.turns:>5}  {latency:>11}  ",
            *worth_a_look(call),
        )
        row.plain = printable(row.plain)
        row.rstrip()
        if not whole:
            row.truncate(console.width, overflow="ellipsis")
        console.print(row, soft_wrap=True)


def worth_a_look(call: CallSummary) -> Iterator[tuple[str, str]]:
    """Its flags as words, each with a style."""
    if call.outcome == "cut off":
        yield "no end ", "yellow"
    for flag in call.flags:
        word, style = _FLAGS[flag]
        yield f"{word} ", style


def clock(ms: float) -> str:
    """A duration as minutes and seconds, or with hours."""
    minutes, seconds = divmod(int(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
