"""The command line: ``antiphon``. Each command is a few lines over what the engine offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import trio
import typer
from rich.console import Console

from adapters.twilio.dialing import parse_address
from engine import (
    diagram_cli,
    dial_cli,
    endpoint_cli,
    eval_cli,
    fuzz_cli,
    logs,
    phone_cli,
    replay_cli,
    report_cli,
    serve_cli,
    show_cli,
    store_cli,
    twins_cli,
    watch_cli,
)
from engine.chart import Chart, default_chart_path, load_chart
from engine.check import check as check_chart
from engine.config import MEDIA_PATH
from engine.demo import hold_demo
from engine.errors import AntiphonError, first
from engine.insight import turns_of
from engine.observing_settings import LogSettings
from engine.vocabulary import VOCABULARY
from engine.waterfall import print_waterfalls

app = typer.Typer(
    name="antiphon",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="A voice conversation engine for the telephone in which each call is a statechart.",
)

CUT_SHORT = 1
USAGE_ERROR = 2

ChartOption = Annotated[
    Path | None,
    typer.Argument(
        help="A chart of your own (YAML); the one that comes with antiphon if left out."
    ),
]


@app.command()
def demo(
    calls: Annotated[Path, typer.Option(help="Where the journal and the recording go.")] = Path(
        "calls"
    ),
) -> None:
    """Hold a call with recorded voices, here and now, and show it.

    Starts the engine's server, calls it over a real websocket in the carrier's protocol, in real
    time: a caller asks after a parcel, says "yes" while the agent speaks (which must not stop it),
    interrupts with "today" (which must), and confirms. No keys, no network.
    """
    console = Console(highlight=False)
    run(lambda: hold_demo(console, calls))


@app.command()
def call(
    wavs: Annotated[
        list[str] | None,
        typer.Argument(
            help="What the caller says, in order: WAV files, 8 kHz mono. "
            "FILE.wav@1.2 is spoken 1.2 s into the agent's reply.",
            metavar="[WAV[@SECONDS]]...",
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(help="The server to call.")
    ] = f"ws://127.0.0.1:8765{MEDIA_PATH}",
    barge_in: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Speak the last WAV that long into the agent's reply."
        ),
    ] = None,
    dtmf: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEYS@SECONDS",
            help="Press keys at a time of the call, e.g. 29340#@4.5. Can be repeated.",
        ),
    ] = None,
    hang_up: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Hang up at that time of the call.")
    ] = None,
    record: Annotated[
        Path, typer.Option(help="Where the recording goes (caller left, agent right).")
    ] = Path("calls"),
) -> None:
    """Call a server as a carrier would, and record both sides.

    Audio goes out every 20 ms; what comes back waits in a playout buffer and is heard in real
    time; marks are echoed when they have been played, and clear empties the buffer.

    Example: antiphon call hello.wav stop.wav --barge-in 1.2

    Afterwards it prints how long the caller waited for each answer, as it was heard at the line.
    A service on this machine is also asked where that time went, which is printed turn by turn:
    GET /turns?call=ID. It answers only those on its own machine.

    Exit code 0 if the caller had their say and an answer, and then either side hung up, or at
    --hang-up; 1 if the server ended the call before that, or broke it off, or said nothing for
    15 s after the caller's last words; 2 if no call came about. What there is of a call is
    recorded in any case.
    """
    console = Console(highlight=False)

    async def go() -> None:
        script = phone_cli.script_for(
            wavs or [], barge_in_s=barge_in, keys=dtmf or [], hang_up_s=hang_up
        )
        path = phone_cli.recording_path(record)
        made = await phone_cli.call(url, script, phone_cli.LinePrinter(console))
        phone_cli.save_recording(made, path)
        phone_cli.print_waits(made, console)
        print_waterfalls(console, await turns_of(parse_address(url), made.call_id))
        console.print(f"recording: {path}", markup=False, soft_wrap=True)
        if why := phone_cli.why_cut_short(made):
            typer.echo(f"antiphon: {why}", err=True)
            raise typer.Exit(CUT_SHORT)

    run(go)


@app.command()
def check(chart: ChartOption = None) -> None:
    """Prove what can be proved of a chart without holding a call.

    Every name binds; every state can be reached and every transition taken; a hang-up ends the
    call from anywhere; nowhere can both sides wait for each other for ever; transitions on one
    event are told apart by their guards. Exit code 1 if something fails.
    """
    with errors_in_one_line():
        loaded = _load_chart(chart)
        report = check_chart(loaded)
    console = Console(highlight=False)
    for finding in report.findings:
        console.print(str(finding), markup=False, soft_wrap=True)
    console.print(report.summary, markup=False, soft_wrap=True)
    if any(finding.severity == "error" for finding in report.findings):
        raise typer.Exit(1)


def _load_chart(path: Path | None) -> Chart:
    return load_chart(path or default_chart_path(), VOCABULARY)


# --- errors ---------------------------------------------------------------------------------


def run(main: Callable[[], object]) -> None:
    """Run an async command. An error meant for people is one line and exit code 2."""
    with errors_in_one_line():
        trio.run(main)  # type: ignore[arg-type]


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Print an :class:`AntiphonError` as one line and exit with code 2; Ctrl-C with 130."""
    try:
        yield
    except* AntiphonError as errors:
        typer.echo(f"antiphon: {first(errors)}", err=True)
        raise SystemExit(USAGE_ERROR) from None
    except* KeyboardInterrupt:
        raise SystemExit(130) from None


app.command()(errors_in_one_line()(diagram_cli.diagram))
app.command()(errors_in_one_line()(endpoint_cli.endpoint))
app.command()(errors_in_one_line()(fuzz_cli.fuzz))
app.command()(errors_in_one_line()(report_cli.report))
app.command()(errors_in_one_line()(show_cli.show))


dial_cli.add_to(app, run)
eval_cli.add_to(app, run)
serve_cli.add_to(app, run)
replay_cli.add_to(app, errors_in_one_line)
twins_cli.add_to(app, run)
watch_cli.add_to(app, run)
store_cli.add_to(app, errors_in_one_line())


def main() -> None:
    """The ``antiphon`` command."""
    logs.configure(LogSettings())
    app()


if __name__ == "__main__":
    main()
