"""``antiphon check``: what can be proved of a chart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.chart import default_chart_path, load_chart
from engine.check import check as check_chart
from engine.command import errors_in_one_line
from engine.vocabulary import VOCABULARY


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    chart: Annotated[
        Path | None,
        typer.Argument(
            help="A chart of your own (YAML); the one that comes with antiphon if left out."
        ),
    ] = None,
) -> None:
    """Prove what can be proved of a chart without holding a call.

    Every name binds; every state can be reached and every transition taken; a hang-up ends the
    call from anywhere; nowhere can both sides wait for each other for ever; transitions on one
    event are told apart by their guards. Exit code 1 if something fails.
    """
    with errors_in_one_line():
        loaded = load_chart(chart or default_chart_path(), VOCABULARY)
        report = check_chart(loaded)
    console = Console(highlight=False)
    for finding in report.findings:
        console.print(str(finding), markup=False, soft_wrap=True)
    console.print(report.summary, markup=False, soft_wrap=True)
    if any(finding.severity == "error" for finding in report.findings):
        raise typer.Exit(1)
