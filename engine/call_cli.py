"""``antiphon call``: calls a server as a carrier would."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from adapters.twilio.dialing import parse_address
from engine import phone_cli
from engine.command import run
from engine.config import MEDIA_PATH
from engine.insight import turns_of
from engine.waterfall import print_waterfalls

CUT_SHORT = 1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(call)


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
