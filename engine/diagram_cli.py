"""``antiphon diagram``: a chart as a picture, a table, or the source of a diagram."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.chart import Chart, default_chart_path, load_chart
from engine.command import errors_in_one_line
from engine.diagram import graphviz, mermaid
from engine.errors import ConfigError
from engine.matrix import matrix_markdown
from engine.picture import Paint, layout_of, svg
from engine.picture.layout import new_layout, written
from engine.picture.paint import by_coverage, by_use
from engine.picture.tally import read_taken, tally_of
from engine.vocabulary import VOCABULARY


class DiagramFormat(StrEnum):
    """What a chart can be drawn as."""

    SVG = "svg"
    MERMAID = "mermaid"
    TABLE = "table"
    GRAPHVIZ = "graphviz"
    LAYOUT = "layout"


_DRAW: dict[DiagramFormat, Callable[[Chart], str]] = {
    DiagramFormat.MERMAID: mermaid,
    DiagramFormat.TABLE: matrix_markdown,
    DiagramFormat.GRAPHVIZ: graphviz,
    DiagramFormat.LAYOUT: lambda chart: written(new_layout(chart)),
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(errors_in_one_line()(diagram))


def diagram(
    chart: Annotated[
        Path | None,
        typer.Argument(help="A chart of your own (YAML); without it, antiphon's."),
    ] = None,
    format: Annotated[
        DiagramFormat, typer.Option("--format", "-f", help="What to draw it as.")
    ] = DiagramFormat.SVG,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file.")
    ] = None,
    journal: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Colour the picture by a call's journal, or by all in a folder: how long the "
            "calls were in each state, how often they took each transition. Can be repeated.",
        ),
    ] = None,
    coverage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Colour the picture by what `antiphon fuzz --coverage FILE` has taken.",
        ),
    ] = None,
) -> None:
    """Draw the chart: a picture (svg), Mermaid, a table of states × events, Graphviz's language.

    The same chart always gives the same text. The places in the picture come from the layout
    beside the chart (call.layout.json), or, where there is none that fits, from Graphviz, which
    must be installed then; -f layout makes one to keep:
    antiphon diagram mine.yaml -f layout -o mine.layout.json

    Example: antiphon diagram --journal calls -o calls.svg
    """
    if format != DiagramFormat.SVG and (journal or coverage):
        raise ConfigError(f"--journal and --coverage colour the picture: -f svg, not {format}")
    if journal and coverage:
        raise ConfigError("a picture has one meaning: give --journal or --coverage")
    loaded = load_chart(chart or default_chart_path(), VOCABULARY)
    if format == DiagramFormat.SVG:
        text = svg(loaded, layout_of(loaded), _paint(loaded, journal, coverage))
    else:
        text = _DRAW[format](loaded)
    _give(text if text.endswith("\n") else text + "\n", output)


def _paint(chart: Chart, journal: list[Path] | None, coverage: Path | None) -> Paint | None:
    if journal:
        return by_use(chart, tally_of(chart, journal, _warn))
    if coverage:
        return by_coverage(chart, read_taken(coverage, chart))
    return None


def _warn(text: str) -> None:
    typer.echo(f"antiphon: {text}", err=True)


def _give(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {output}: {error.strerror}") from error
