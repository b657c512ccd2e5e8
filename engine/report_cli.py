"""``antiphon report``: a recorded call as one page, to look at or to attach to a bug."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.chart import Chart, default_chart_path, load_chart
from engine.command import errors_in_one_line
from engine.errors import ConfigError
from engine.inspector.peaks import recording_beside
from engine.inspector.report import report_of
from engine.inspector.view import view_of, without_words
from engine.journal import Head, read_what_there_is
from engine.vocabulary import VOCABULARY


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(errors_in_one_line()(report))


def report(
    journal: Annotated[Path, typer.Argument(help="A call's journal (calls/*.jsonl).")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Without it, beside the journal.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="The chart it was held on.")] = None,
    words: Annotated[
        bool, typer.Option("--words/--no-words", help="Whether to keep what was said.")
    ] = True,
) -> None:
    """Write a call as one HTML page that needs nothing else.

    The chart as it was at each moment, the timeline, each turn's latency, all events. It holds
    what callers said, unless --no-words: then it can be attached to a public bug. A recording of
    the call beside the journal is drawn, not kept.

    Of a journal that is damaged or was cut off it shows what can be read, and says what cannot.

    Example: antiphon report calls/20261121T114554-CA344a.jsonl -o call.html
    """
    reading = read_what_there_is(journal)
    loaded = load_chart(chart or default_chart_path(), VOCABULARY)
    head = next(line for line in reading.lines if isinstance(line, Head))
    sound = recording_beside(journal, head.call_id)
    view = view_of(reading, loaded, journal=Path(journal.name), sound=sound)
    troubles = [trouble.replace(str(journal), journal.name) for trouble in view.troubles]
    view = msgspec.structs.replace(view, troubles=troubles)
    if not words:
        view = without_words(view)
    path = output or journal.with_suffix(".html")
    try:
        path.write_text(report_of(view, picture_of(loaded)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the report {path}: {error.strerror}") from error
    for trouble in troubles:
        typer.echo(trouble, err=True)
    typer.echo(str(path))


def picture_of(chart: Chart) -> str:
    """The chart as SVG; empty where there is none."""
    drawn = Path(chart.path).with_suffix(".svg")
    return drawn.read_text(encoding="utf-8") if drawn.is_file() else ""
