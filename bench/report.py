"""Figures: one schema for everything that is measured, and what is shown of it.

    python -m bench.report [--strict] [--write] [--machine] [NAME ...]

A benchmark saves its figures as ``bench/results/NAME.json``; this program reads them back, shows
them in a table with budget and verdict, and writes ``bench/BUDGETS.md`` with ``--write``. With
``--strict`` the exit code is 1 when a budget is exceeded.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results"
BUDGETS = FOLDER / "BUDGETS.md"


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measured value. ``budget`` is the limit it has to keep to, from above or (where
    ``at_least``) from below; without one it is for information, and ``within`` is true.
    ``how`` says in a sentence what was measured."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    at_least: bool = False
    within: bool = True
    how: str = ""


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the figures were measured on. ``load`` is the load average of the minute before:
    what else was using the machine."""

    cpu: str
    cores: int
    python: str
    load: float


class Results(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All figures of one benchmark's run. ``day`` is its date, in UTC."""

    bench: str
    day: str
    machine: Machine
    figures: list[Figure]


def at_most(name: str, value: float, unit: str, budget: float | None, how: str = "") -> Figure:
    """A figure that may not exceed its budget (None: there is none)."""
    within = budget is None or value <= budget
    return Figure(name=name, value=value, unit=unit, budget=budget, within=within, how=how)


def at_least(name: str, value: float, unit: str, budget: float, how: str = "") -> Figure:
    """A figure that may not fall below its budget."""
    within = value >= budget
    return Figure(
        name=name, value=value, unit=unit, budget=budget, at_least=True, within=within, how=how
    )


def percentile(values: Iterable[float], percent: float) -> float:
    """The value below which ``percent`` of them lie, interpolated; NaN if there are none."""
    sample = list(values)
    return float(np.percentile(sample, percent)) if sample else float("nan")


def spread(
    name: str,
    values: Sequence[float],
    unit: str,
    budgets: tuple[float | None, float | None] = (None, None),
    how: str = "",
) -> list[Figure]:
    """The median and the 95th percentile as two figures, with their budgets."""
    counted = f"{how}; {len(values)} of them" if how else f"{len(values)} of them"
    return [
        at_most(f"{name}, p{percent}", percentile(values, percent), unit, budget, counted)
        for percent, budget in zip((50, 95), budgets, strict=True)
    ]


# --- the machine ----------------------------------------------------------------------------


def this_machine() -> Machine:
    """The machine as it is now."""
    return Machine(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def machine_line(machine: Machine) -> str:
    """The machine in one line."""
    cores = f"{machine.cores} core" + ("s" if machine.cores != 1 else "")
    return f"{machine.cpu}, {cores}, Python {machine.python}"


# --- results --------------------------------------------------------------------------------


def finish(bench: str, machine: Machine, figures: Sequence[Figure]) -> None:
    """Save a benchmark's figures and show them."""
    day = datetime.now(UTC).date().isoformat()
    results = Results(bench=bench, day=day, machine=machine, figures=list(figures))
    save(results)
    Console(highlight=False).print(table(results))


def save(results: Results, folder: Path = RESULTS) -> Path:
    """Write results where :func:`load` finds them; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results.bench}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
    return path


def load(names: Sequence[str] = (), folder: Path = RESULTS) -> list[Results]:
    """The latest results of these benchmarks, or of all; those without any are left out."""
    paths = [folder / f"{name}.json" for name in names] or sorted(folder.glob("*.json"))
    found = []
    for path in paths:
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Results))
        except (OSError, msgspec.MsgspecError):
            continue  # not run yet, or another program's figures
    return found


def number(value: float) -> str:
    """A value with three significant digits, or whole where it is large."""
    if value != value:
        return "nothing to measure"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def budget_text(figure: Figure) -> str:
    """The limit with its direction; empty if there is none."""
    if figure.budget is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {number(figure.budget)} {figure.unit}"


def verdict(figure: Figure) -> str:
    """Whether it keeps to its budget; empty if it has none."""
    if figure.budget is None:
        return ""
    return "within" if figure.within else "over"


def table(results: Results) -> Table:
    """One benchmark's figures for the terminal."""
    view = Table(
        title=f"{results.bench}: {results.day}, load {results.machine.load}", title_justify="left"
    )
    view.add_column("figure")
    view.add_column("value", justify="right")
    view.add_column("budget", justify="right")
    view.add_column("verdict")
    for figure in results.figures:
        colour = "green" if figure.within else "red"
        view.add_row(
            figure.name,
            f"{number(figure.value)} {figure.unit}",
            budget_text(figure),
            f"[{colour}]{verdict(figure)}[/{colour}]" if figure.budget is not None else "",
        )
    return view


def markdown(all_results: Sequence[Results]) -> str:
    """The budgets as a page: the latest figures, and how each was measured."""
    lines = [
        "# Budgets",
        "",
        "What a call costs, measured against its budgets. Written by `scripts/bench --write`;",
        "The modules of this folder say how each figure is measured.",
        "A figure without a budget is there to explain the others. Load is the load average when",
        "the run began: other work on the same cores shows in every figure.",
    ]
    for results in all_results:
        machine = f"{results.day}, {machine_line(results.machine)}, load {results.machine.load}"
        lines += ["", f"## {results.bench}", "", machine, ""]
        lines += ["| figure | value | budget | verdict | how |", "|---|---:|---:|---|---|"]
        for figure in results.figures:
            cells = (
                figure.name,
                f"{number(figure.value)} {figure.unit}",
                budget_text(figure),
                f"**{verdict(figure)}**" if not figure.within else verdict(figure),
                figure.how,
            )
            lines.append(f"| {' | '.join(cell.strip() for cell in cells)} |")
    return "\n".join(lines) + "\n"


def main(show: Callable[[str], None] = print) -> None:
    """Show the saved figures; see the module's docstring."""
    parser = argparse.ArgumentParser(description="The measured figures against their budgets.")
    parser.add_argument("names", nargs="*", help="only these benchmarks")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if one is over")
    parser.add_argument("--write", action="store_true", help=f"write {BUDGETS.name}")
    parser.add_argument("--machine", action="store_true", help="only say what machine this is")
    arguments = parser.parse_args()
    if arguments.machine:
        machine = this_machine()
        show(f"{machine_line(machine)}; load average {machine.load}")
        return
    found = load(arguments.names)
    if arguments.write:
        BUDGETS.write_text(markdown(load()), encoding="utf-8")
    figures = [figure for results in found for figure in results.figures]
    budgeted = [figure for figure in figures if figure.budget is not None]
    over = [figure.name for figure in budgeted if not figure.within]
    show(f"{len(budgeted) - len(over)} of {len(budgeted)} budgets kept")
    for name in over:
        show(f"  over: {name}")
    if over and arguments.strict:
        sys.exit(1)


if __name__ == "__main__":
    main()
