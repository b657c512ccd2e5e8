"""``antiphon eval``: scripted dialogues held against an engine, and measured.

The evaluation is imported by who uses it: the other commands do not wait for that.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import trio
import typer
from rich.console import Console

from adapters.twilio.dialing import BadAddress, parse_address
from effects.ports import ProviderError
from engine.command import run
from engine.config import Config, load_config
from engine.errors import ConfigError
from engine.stack import open_desk

if TYPE_CHECKING:
    from engine.evaluation.dialogue import DialogueFile
    from engine.evaluation.figures import Result, Thresholds
    from engine.evaluation.plan import Plan
    from engine.evaluation.run import Progress
    from engine.evaluation.speech import Sounds
    from engine.evaluation.table import Report

    Dialogues = list[tuple[DialogueFile, Plan]]

BROKEN = 1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("eval")(eval_command)


def eval_command(
    dialogues: Annotated[Path, typer.Argument(help="A folder of dialogues (YAML).")],
    url: Annotated[
        str | None,
        typer.Option(help="A running engine, ws://HOST:PORT/media; without it, one here."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The configuration of the engine here.")
    ] = None,
    calls: Annotated[int, typer.Option(min=1, help="Calls at the same time.")] = 1,
    thresholds: Annotated[
        Path | None, typer.Option(help="What the figures must keep to (TOML or YAML).")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all results to this file.")] = None,
    record: Annotated[Path, typer.Option(help="Where the recordings go, and the journals.")] = Path(
        "calls"
    ),
) -> None:
    """Hold scripted dialogues against an engine, in real time, and measure.

    Measured are latency, cut-offs, false interruptions, missed barge-ins, word errors, and
    whether the tasks were done; docs/evaluation.md has the format. Exit code 1 if a
    threshold is broken or a dialogue could not be held.
    """
    from engine.evaluation.figures import Thresholds, load_thresholds
    from engine.evaluation.table import show

    console = Console(highlight=False)
    report: list[Report] = []

    async def go() -> None:
        limits = Thresholds() if thresholds is None else load_thresholds(thresholds)
        _check(url, config, json)
        plans = await trio.to_thread.run_sync(_planned, dialogues)
        settings = load_config(config)

        def progress(text: str) -> None:
            console.print(f"  {text} ...", markup=False, soft_wrap=True)

        results = await _held(plans, settings, url, record, calls, progress)
        report.append(_report(results, limits))
        _write(report[0], json)

    run(go)
    show(console, report[0])
    if report[0].broken_thresholds or report[0].figures.errors:
        raise typer.Exit(BROKEN)


def _check(url: str | None, config: Path | None, json: Path | None) -> None:
    """What would be a pity to find out only after the calls."""
    if url is not None and config is not None:
        raise ConfigError("--config is for an engine here: leave out --url, or --config")
    try:
        parse_address(url or "ws://here")
    except BadAddress as error:
        raise ConfigError(str(error)) from error
    if json is not None and not json.absolute().parent.is_dir():
        raise ConfigError(f"cannot write {json}: there is no such folder")


def _planned(folder: Path) -> Dialogues:
    """All dialogues of a folder, spoken and planned. Blocks. Raises :class:`ConfigError`."""
    from engine.evaluation.dialogue import load_dialogues
    from engine.evaluation.plan import plan

    return [(file, plan(file.dialogue, _sounds(file))) for file in load_dialogues(folder)]


def _sounds(file: DialogueFile) -> Sounds:
    from engine.evaluation.speech import callers_voice, needs_voice, sounds_of

    try:
        voice = callers_voice(file.name) if needs_voice(file.dialogue) else None
    except ProviderError as error:
        raise ConfigError(str(error)) from error
    return sounds_of(file, voice)


async def _held(
    plans: Dialogues,
    config: Config,
    url: str | None,
    folder: Path,
    calls: int,
    progress: Progress,
) -> list[Result]:
    from engine.evaluation.run import Elsewhere, Here, evaluate

    if url is not None:
        return await evaluate(Elsewhere(url), plans, folder, calls=calls, progress=progress)
    with tempfile.TemporaryDirectory() as orders:
        here = msgspec.structs.replace(config, calls=str(folder), data=orders)
        async with open_desk(here, progress) as desk:
            await desk.ports.phrases.wait_for(desk.agent.phrases[-1])
            engine = Here(desk, here, Path(orders))
            return await evaluate(engine, plans, folder, calls=calls, progress=progress)


def _report(results: list[Result], limits: Thresholds) -> Report:
    from engine.evaluation.figures import broken, figures_of
    from engine.evaluation.table import Report

    figures = figures_of(results)
    return Report(figures=figures, broken_thresholds=broken(limits, figures), dialogues=results)


def _write(report: Report, path: Path | None) -> None:
    if path is None:
        return
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
