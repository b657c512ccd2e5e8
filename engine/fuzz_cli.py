"""``antiphon fuzz``: calls that nobody thought of, held against a chart and an agent.

The fuzzer is imported by who uses it: the other commands do not wait for that.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from engine.agents import AgentKit, agent_kit
from engine.chart import default_chart_path, load_chart
from engine.command import errors_in_one_line
from engine.errors import ConfigError
from engine.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from engine.fuzzing.coverage import Explored
    from engine.fuzzing.failure import Failure
    from engine.fuzzing.nightly import Hunt
    from engine.fuzzing.subject import Subject
    from engine.simulation.scenario import Scenario

BROKEN = 1
INTERRUPTED = 130
SCENARIOS = Path("tests/scenarios")
"""Where scenarios are looked for, and kept, unless another folder is given."""

GENERATED = 1000
"""How many calls are generated where no time is given."""

STORIES = 3
"""So many failures are told in full; of the others the laws and the replay."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(errors_in_one_line()(fuzz))


def fuzz(
    chart: Annotated[
        Path | None,
        typer.Option(help="A chart of your own; without it, the one that comes with antiphon."),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            help="An agent of your own: module:attribute, FILE.py:ATTRIBUTE, or a built-in "
            "name; without it, the simulation's."
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Search for so long.")] = None,
    scenarios: Annotated[
        Path | None,
        typer.Option(
            help="A folder of scenarios to begin with.", show_default=f"{SCENARIOS}, if there"
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="PART", help="Only scenarios with this in their names.")
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough",
            help="Disturb them at every step, and in all pairs: for hours, or with "
            "--only for minutes.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes at work.", show_default="one for each core"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, other calls.")] = 0,
    corpus: Annotated[
        Path | None,
        typer.Option(help="With --minutes: keep the calls that reach something new here."),
    ] = None,
    replay: Annotated[
        str | None, typer.Option(metavar="STRING", help="Hold one call again: f1-...")
    ] = None,
    save: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Keep the call of --replay as a scenario."),
    ] = None,
    coverage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write how often each transition was taken, for antiphon diagram --coverage.",
        ),
    ] = None,
) -> None:
    """Look for calls in which a law of the floor is broken.

    At each distinct moment of the scenarios, everything happens that can happen there; then
    calls are generated (not with --only). With --minutes the search goes on until the time is up.
    Everything is simulated: no network, no models, no waiting.
    What fails is told with a command that runs it again. docs/fuzzing.md explains the rest.

    Exit code 0 if no law was broken, 1 if one was, 2 if something given is wrong, 130 after Ctrl-C.
    """
    from engine.fuzzing.garbage import seldom_collected
    from engine.fuzzing.silence import silenced

    _check(minutes, corpus, replay, save, only, thorough)
    _check_coverage(coverage, replay)
    options = [
        *(["--chart", str(chart)] if chart else []),
        *(["--agent", agent] if agent else []),
    ]
    subject = _subject(chart, agent)
    jobs = jobs or len(os.sched_getaffinity(0))
    with silenced(), seldom_collected():
        if replay is not None:
            broken = _replay(subject, replay, save, scenarios or SCENARIOS)
        elif minutes is not None:
            known = _scenarios(scenarios, only)
            broken = _search(subject, options, known, minutes, jobs, seed, corpus, coverage)
        else:
            known, generated = _scenarios(scenarios, only), 0 if only else GENERATED
            broken = _fuzz(subject, options, known, thorough, generated, jobs, seed, coverage)
    if broken:
        raise typer.Exit(BROKEN)


def _check(
    minutes: float | None,
    corpus: Path | None,
    replay: str | None,
    save: str | None,
    only: str | None,
    thorough: bool,
) -> None:
    if save is not None and replay is None:
        raise ConfigError("--save keeps the call of --replay: give both")
    if corpus is not None and minutes is None:
        raise ConfigError("--corpus is for a search: give --minutes as well")
    if thorough and minutes is not None:
        raise ConfigError("--thorough ends when all is tried: leave out --minutes")
    for option, given in (("--minutes", minutes), ("--only", only), ("--thorough", thorough)):
        if replay is not None and given:
            raise ConfigError(f"--replay holds one call: leave out {option}")
    if replay is None and find_spec("hypothesis") is None:
        raise ConfigError(
            "generating calls needs hypothesis, which is an extra: pip install 'antiphon[fuzz]'"
        )


def _check_coverage(coverage: Path | None, replay: str | None) -> None:
    """What would be a pity to find out only after the search."""
    if coverage is not None and replay is not None:
        raise ConfigError("--replay holds one call: leave out --coverage")
    if coverage is not None and not coverage.absolute().parent.is_dir():
        raise ConfigError(f"cannot write {coverage}: there is no such folder")


# --- what is fuzzed -------------------------------------------------------------------------


def _subject(chart: Path | None, agent: str | None) -> Subject:
    from engine.fuzzing.subject import Subject

    loaded = load_chart(chart or default_chart_path(), VOCABULARY)
    if agent is None:
        return Subject(loaded)
    kit = _kit(agent)
    with tempfile.TemporaryDirectory() as data:
        tools = tuple(tool.spec for tool in kit.open_tools(Path(data)).values())
    return Subject(loaded, kit.agent, tools)


def _kit(name: str) -> AgentKit:
    """The agent of that name, as elsewhere, or the one in a file of Python: ``AGENT`` if the
    file's name is followed by no other."""
    path, _, attribute = name.partition(":")
    if not path.endswith(".py"):
        return agent_kit(name)
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"agent '{name}': there is no file {file}")
    # The current directory first, so that agent_kit does not put it before the file's own.
    for folder in (Path.cwd(), file.resolve().parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return agent_kit(f"{file.stem}:{attribute or 'AGENT'}")


def _scenarios(folder: Path | None, only: str | None) -> list[tuple[str, Scenario]]:
    """The scenarios to begin with, by name: a folder's, or those that come with antiphon; of them
    those that have ``only`` in their names."""
    from engine.fuzzing.base_calls import BASE_CALLS
    from engine.simulation.scenario_files import load_scenario

    if folder is None and not SCENARIOS.is_dir():
        scenarios = list(BASE_CALLS)
    else:
        files = sorted((folder or SCENARIOS).rglob("*.yaml"))
        if not files:
            raise ConfigError(f"no scenarios (*.yaml) in {folder or SCENARIOS}")
        scenarios = [(path.stem, load_scenario(path)) for path in files]
    part = _plain(only or "")
    chosen = [(name, scenario) for name, scenario in scenarios if part in _plain(name)]
    if not chosen:
        raise ConfigError(f"--only {only!r}: none of the {len(scenarios)} scenarios is called so")
    return chosen


def _plain(name: str) -> str:
    """A name of letters, digits and ``_``, without what else there is in it."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().removesuffix(".yaml")).strip("_")


# --- what the command does ------------------------------------------------------------------


def _fuzz(
    subject: Subject,
    options: list[str],
    scenarios: list[tuple[str, Scenario]],
    thorough: bool,
    generated: int,
    jobs: int,
    seed: int,
    coverage: Path | None,
) -> bool:
    from engine.fuzzing.enumeration import enumerate_calls
    from engine.fuzzing.generate import generate  # hypothesis is an extra
    from engine.fuzzing.interruptions import interruptions
    from engine.fuzzing.runs import smallest, unlike

    with _status() as status, interruptions() as over:

        def progress(what: str, done: int, of: int) -> None:
            status(f"{what}: {done} of {of}")

        known = enumerate_calls(
            subject, scenarios, jobs=jobs, thorough=thorough, over=over, progress=progress
        )
        made = generate(subject, generated, seed, jobs, progress, over=over)
        small = smallest(known.failures, subject, progress, over)
        interrupted = over()
    failures, explored = unlike([*small, *made.failures]), known.explored
    explored.merge(made.explored)
    typer.echo("\n".join([str(known), *([str(made)] if generated else [])]))
    typer.echo(f"\n{explored.table(subject.chart)}\n")
    _keep_counts(coverage, subject, explored)
    _tell(failures, options)
    if interrupted:
        typer.echo("interrupted: not everything was tried")
        raise typer.Exit(INTERRUPTED)
    return bool(failures)


def _search(
    subject: Subject,
    options: list[str],
    scenarios: list[tuple[str, Scenario]],
    minutes: float,
    jobs: int,
    seed: int,
    folder: Path | None,
    coverage: Path | None,
) -> bool:
    from engine.fuzzing.corpus import Corpus
    from engine.fuzzing.nightly import hunt

    corpus = Corpus(folder)
    with _status() as status:

        def progress(result: Hunt) -> None:
            status(f"{result}; {_count(len(result.found))}")

        result = hunt(
            subject,
            [scenario for _, scenario in scenarios],
            corpus,
            seconds=minutes * 60,
            jobs=jobs,
            seed=seed,
            options=options,
            progress=progress,
        )
    for line in corpus.broken:
        typer.echo(f"antiphon: {line}", err=True)
    for number, found in enumerate(result.found.values()):
        typer.echo(f"--- {found.signature}")
        typer.echo(found.story if number < STORIES else _beginning(found.story))
    if result.interrupted:
        typer.echo("interrupted; all that was found is kept")
    typer.echo(f"\n{result.explored.table(subject.chart)}\n\n{result}")
    _keep_counts(coverage, subject, result.explored)
    kept = f", kept in {folder}/failures" if folder and result.found else ""
    typer.echo(_count(len(result.found)) + kept)
    return bool(result.found)


def _keep_counts(path: Path | None, subject: Subject, explored: Explored) -> None:
    if path is not None:
        from engine.picture.tally import write_taken

        write_taken(path, subject.chart, explored.calls, explored.taken)


def _replay(subject: Subject, text: str, save: str | None, folder: Path) -> bool:
    from engine.fuzzing.corpus import scenario_to_keep, to_keep
    from engine.fuzzing.failure import held
    from engine.fuzzing.replay_string import scenario_of
    from engine.fuzzing.story import broken_lines, happened
    from engine.simulation.scenario_files import dump_scenario

    scenario = scenario_of(text)
    path = None if save is None else _path_to_save(save, folder)
    call = held(scenario, subject)
    lines = [*broken_lines(call.violations)] or ["no law is broken any more"]
    typer.echo("\n".join([*lines, "", *happened(call.trace, call.violations)]))
    if path is not None:
        once = "A call in which a law was broken once."
        kept = scenario_to_keep(call) if call.violations else to_keep(scenario, once)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(dump_scenario(kept))
        except FileExistsError:
            raise ConfigError(f"{path} is there already: choose another name") from None
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}") from error
        typer.echo(f"kept as {path}")
    return bool(call.violations)


def _path_to_save(name: str, folder: Path) -> Path:
    """Where a scenario of that name is kept: letters, digits and ``_``."""
    plain = _plain(name)
    if not plain:
        raise ConfigError(f"--save {name!r}: give a name with letters")
    path = folder / f"{plain}.yaml"
    if path.exists():
        raise ConfigError(f"{path} is there already: choose another name")
    return path


# --- what is shown --------------------------------------------------------------------------


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """How far it is, in one line that changes, where somebody looks."""
    console = Console(stderr=True, highlight=False)
    with console.status("") as status:
        yield lambda text: status.update(text.replace("[", r"\["))


def _tell(failures: list[Failure], options: list[str]) -> None:
    from engine.fuzzing.story import story

    for number, failure in enumerate(failures):
        told = story(failure, options)
        typer.echo(f"\n{told if number < STORIES else _beginning(told)}")
    typer.echo(_count(len(failures)))


def _beginning(story: str) -> str:
    """A story without what happened: the laws and the commands."""
    return story.partition("\nThe call:")[0]


def _count(failures: int) -> str:
    """The last line."""
    if not failures:
        return "no law was broken"
    return f"{failures} {'failure' if failures == 1 else 'different failures'}"
