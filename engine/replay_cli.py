"""``antiphon replay``: recorded calls once more, as they were or under another policy."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
import typer
from rich.console import Console

from engine.chart import Chart, default_chart_path, load_chart
from engine.command import errors_in_one_line
from engine.errors import AntiphonError, ConfigError, JournalError
from engine.fuzzing.processes import spread
from engine.journal import Head, Reading, read_what_there_is
from engine.recast import scenario_of
from engine.replay import Replay, replay
from engine.show import turn_table
from engine.simulation.scenario_files import dump_scenario
from engine.turns import Turns
from engine.vocabulary import VOCABULARY
from engine.waterfall import print_waterfalls
from engine.what_if import Policy, Totals, WhatIf, parsed, totals_of, what_if
from engine.what_if_table import print_call, print_folder

DIFFERS = 1
SPOILT = 3


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` writes: totals of all calls as recorded, under their own policy and under
    the changed one, each call, and why some were passed over."""

    changes: list[str]
    recorded: Totals
    before: Totals
    after: Totals
    calls: list[WhatIf]
    passed_over: list[str]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay_command)


def replay_command(
    journal: Annotated[
        Path, typer.Argument(help="A call's journal (calls/*.jsonl), or a folder of them.")
    ],
    chart: Annotated[
        Path | None, typer.Option(help="Try this chart (YAML) instead of the usual one.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Try another setting, e.g. barge_in_ms=300. Can be repeated.",
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the call as a scenario (YAML) to this file.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the comparison to this file, with the words.")
    ] = None,
) -> None:
    """Replay a recorded call: the same transitions, or the first difference and why.

    With --chart or --set the same caller and providers are met by the changed policy, in a
    simulation, and the two are compared: latencies, cut-offs, false alarms, what was heard.
    Of a folder there is a table, with the calls that changed most.

    Exit code 1 if the chart goes another way, 2 if it cannot be done, 3 if lines of the journal
    cannot be read: what can is replayed all the same; 0 otherwise. A call whose process was
    killed has no end: it is replayed as far as it goes, which is said.
    """
    console = Console(highlight=False)
    with errors_in_one_line():
        changes = [*(settings or []), *([f"chart={chart}"] if chart else [])]
        loaded = load_chart(chart or default_chart_path(), VOCABULARY)
        policy = Policy(parsed(settings or []), loaded if chart else None)
        if journal.is_dir():
            if save is not None:
                raise ConfigError("--save takes one call: name its journal, not a folder")
            if not changes:
                raise ConfigError("a folder is compared: say what to try, --set or --chart")
            _folder(console, journal, policy, changes, json)
            return
        reading = read_what_there_is(journal)
        code = _one(console, journal, reading, loaded, policy, changes, json)
        if save is not None:
            _write(save, dump_scenario(scenario_of(reading)).encode())
            console.print(f"scenario: {save}", markup=False, soft_wrap=True)
    if code:
        raise typer.Exit(code)


def _one(
    console: Console,
    path: Path,
    reading: Reading,
    chart: Chart,
    policy: Policy,
    changes: list[str],
    json: Path | None,
) -> int:
    """Replay one call, and compare if something is to be tried; returns the exit code."""
    for trouble in reading.troubles:
        console.print(f"cannot be read: {trouble}", markup=False, soft_wrap=True)
    head = next(line for line in reading.lines if isinstance(line, Head))
    code = SPOILT if reading.troubles else 0
    if not policy.settings:  # with other settings the guards answer otherwise at once
        if head.chart_digest != chart.digest:
            console.print("the chart is not the one the call was held on: its text differs")
        outcome = replay(reading.lines, chart)
        code = _code(outcome, reading)
    if not changes:
        turns = Turns.of(reading.lines).records
        if turns:
            console.print(turn_table(turns))
            print_waterfalls(console, turns)
    if not policy.settings:
        console.print(str(outcome), markup=False, soft_wrap=True)
    if changes:
        compared = what_if(reading, policy, path.name)
        print_call(console, compared, changes)
        _report(json, changes, [compared], [])
    elif json is not None:
        raise ConfigError("--json writes a comparison: say what to try, --set or --chart")
    return code


def _code(outcome: Replay, reading: Reading) -> int:
    if outcome.difference is not None:
        return DIFFERS
    return SPOILT if reading.troubles or outcome.missing is not None else 0


def _folder(
    console: Console, folder: Path, policy: Policy, changes: list[str], json: Path | None
) -> None:
    """Compare all calls of a folder, in as many processes as there are cores."""
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise JournalError(f"there is no journal (*.jsonl) in {folder}")

    def work(number: int) -> WhatIf | str:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        return _compared(paths[number], policy)

    results = list(spread(work, len(paths), os.cpu_count() or 1))
    calls = [one for one in results if isinstance(one, WhatIf)]
    passed_over = [one for one in results if isinstance(one, str)]
    for trouble in passed_over:
        console.print(f"passed over: {trouble}", markup=False, soft_wrap=True)
    if not calls:
        raise JournalError(f"none of the {len(paths)} journals in {folder} can be compared")
    tried = " ".join(_options(changes))
    print_folder(console, folder, calls, changes, f"antiphon replay {{}} {tried}")
    _report(json, changes, calls, passed_over)


def _compared(path: Path, policy: Policy) -> WhatIf | str:
    """A call of a folder, or why it is passed over."""
    try:
        reading = read_what_there_is(path)
        if reading.troubles:
            return reading.troubles[0]
        return what_if(reading, policy, path.name)
    except AntiphonError as error:
        return f"{path.name}: {error}" if path.name not in str(error) else str(error)
    except Exception as error:  # one call that cannot be told again must not cost the others
        return f"{path.name}: cannot be told again: {type(error).__name__}"


def _options(changes: Sequence[str]) -> list[str]:
    """The changes as they are written on a command line."""
    return [
        f"--chart {shlex.quote(change.removeprefix('chart='))}"
        if change.startswith("chart=")
        else f"--set {shlex.quote(change)}"
        for change in changes
    ]


def _report(
    path: Path | None, changes: list[str], calls: list[WhatIf], passed_over: list[str]
) -> None:
    if path is None:
        return
    report = Report(
        changes=changes,
        recorded=totals_of([call.recorded for call in calls]),
        before=totals_of([call.before for call in calls]),
        after=totals_of([call.after for call in calls]),
        calls=calls,
        passed_over=passed_over,
    )
    _write(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
