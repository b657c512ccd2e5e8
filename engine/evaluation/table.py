"""What an evaluation shows: a row a dialogue, the figures, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from engine.evaluation.figures import Figures, Result, Spread
from engine.terminal import shown


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found, as it is written to a JSON file."""

    figures: Figures
    broken_thresholds: list[str]
    dialogues: list[Result]


def show(console: Console, report: Report) -> None:
    """Print the tables, and a line for each thing that went wrong."""
    console.print(_dialogues(report.dialogues))
    console.print(_durations(report.figures))
    for line in counts(report.figures):
        console.print(line, markup=False, soft_wrap=True)
    for result in report.dialogues:
        for line in complaints(result):
            console.print(f"{result.name}: {line}", markup=False, soft_wrap=True)
    for line in report.broken_thresholds:
        console.print(f"threshold broken: {line}", markup=False, soft_wrap=True)


def complaints(result: Result) -> list[str]:
    """What went wrong in a dialogue, with the journal to look into."""
    found = [result.error] if result.error else []
    found += [*result.turn_taking.notes, *result.failures]
    return [*found, f"journal: {result.journal}"] if found and result.journal else found


def counts(figures: Figures) -> list[str]:
    """The figures that are no durations, in a line each."""
    lines = [
        f"cut-offs            {figures.cut_offs} of {figures.turns} turns",
        f"unanswered          {figures.unanswered} of {figures.turns} turns",
        f"false interruptions {figures.false_interruptions} of {figures.noises} noises",
        f"missed barge-ins    {figures.missed_barge_ins} of {figures.barge_ins}",
        f"word error rate     {_percent(figures.word_error_rate_percent)}",
        f"tasks done          {_percent(figures.task_done_percent)}",
    ]
    return [*lines, f"errors              {figures.errors}"] if figures.errors else lines


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g} %"


def _dialogues(results: Sequence[Result]) -> Table:
    table = Table(title="Dialogues", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("dialogue", no_wrap=True)
    for column in ("turns", "p50 ms", "cut off", "false", "missed", "words"):
        table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    table.add_column("task", no_wrap=True, min_width=len("not judged"))
    for result in results:
        table.add_row(shown(result.name), *_row(result))
    return table


def _row(result: Result) -> tuple[str, ...]:
    if result.error and not result.turn_taking.answers:
        return ("-",) * 6 + ("[red]error[/red]",)
    measures, words = result.turn_taking, result.words
    spread = Spread.of([a.latency_ms for a in measures.answers if a.latency_ms is not None])
    return (
        str(len(measures.answers)),
        "-" if spread is None else f"{spread.p50_ms:.0f}",
        str(sum(answer.cut_off for answer in measures.answers)),
        str(sum(noise.wrong for noise in measures.noises)),
        str(sum(cut_in.wrong for cut_in in measures.interruptions)),
        "-" if words is None else f"{words.wrong}/{words.said}",
        _task(result),
    )


def _task(result: Result) -> str:
    if result.error:
        return "[red]error[/red]"
    if result.task_done is None:
        return "not judged"
    return "[green]done[/green]" if result.task_done else "[red]failed[/red]"


def _durations(figures: Figures) -> Table:
    table = Table(title="Milliseconds", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("from the end of the caller's voice", no_wrap=True)
    for column in ("p50", "p95", "p99", "count"):
        table.add_column(column, justify="right")
    rows = {
        "to the agent's first sound, as heard": figures.latency,
        "  endpoint": figures.endpoint,
        "  mind": figures.mind,
        "  voice": figures.voice,
        "  playout": figures.playout,
        "from a barge-in to the agent's silence": figures.silent,
    }
    for name, spread in rows.items():
        table.add_row(name, *_cells(spread))
    return table


def _cells(spread: Spread | None) -> tuple[str, ...]:
    if spread is None:
        return ("-", "-", "-", "0")
    percentiles = (spread.p50_ms, spread.p95_ms, spread.p99_ms)
    return (*(f"{value:.0f}" for value in percentiles), str(spread.count))
