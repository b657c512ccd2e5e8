"""``antiphon endpoint``: shows when the turns in a recording end, and why."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import trio
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from adapters.embedded.moonshine import Moonshine
from adapters.silero.vad import SileroVad
from adapters.twilio.wav import UnusableWav, read_caller_wav
from effects.ports import ProviderError
from effects.prosody import Ending
from engine.command import errors_in_one_line
from engine.endpointing import Pause, decide, listen
from engine.errors import ConfigError
from engine.terminal import shown
from states import mulaw
from states.settings import Settings

AFTER_MS = 1000
"""Silence that is played after each recording, so that its last pause is heard."""

LEGEND = (
    "Times in ms. words: how complete they are, 0 to 1. voice: its end falls, stays level or rises "
    "by so many semitones a second; × how drawn out the last syllable is. habits: what this caller "
    "is given after a fragment, + how often they were cut off. decided: the turn is over so long "
    "after the last sound, and why; cut off if the caller goes on before a reply can be heard."
)
_ARROWS = {"falling": "↘", "level": "→", "rising": "↗", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Recording:
    """The pauses of one file."""

    file: str
    pauses: list[Pause]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(errors_in_one_line()(endpoint))


def endpoint(
    wavs: Annotated[
        list[Path],
        typer.Argument(help="What callers say: WAV files, 8 kHz mono.", metavar="WAV..."),
    ],
    asked: Annotated[str, typer.Option(help="What the agent asked before.")] = "",
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting, e.g. silence_ms=900. Can be repeated."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show when the turns in a recording end, and why.

    For each pause of the caller: what the words say (how complete they are), how the voice ended
    (pitch in semitones a second, and how long the last syllable was drawn out), what is known of
    the caller's habits, the pause to wait for that results, and whether the turn was over by then.
    Each file is a caller of its own.

    Example: antiphon endpoint order.wav --asked "What is your five digit order number?"
    """
    settings = settings_with(assignments or [])
    recordings = [(str(path), _read(path)) for path in wavs]
    judged = trio.run(_judge_all, recordings, asked, settings)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(judged), indent=1).decode() + "\n")
        return
    console = Console(highlight=False)
    for recording in judged:
        console.print(pause_table(recording))
    console.print(LEGEND, style="dim")


def settings_with(assignments: Sequence[str]) -> Settings:
    """The default settings but for these, each ``NAME=VALUE``. Raises :class:`ConfigError`."""
    changed: dict[str, object] = {}
    for assignment in assignments:
        try:
            changed |= tomllib.loads(assignment)
            msgspec.convert(changed, Settings)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                f"--set {assignment}: write a setting and its value, as in silence_ms=900"
            ) from error
        except msgspec.ValidationError as error:
            raise ConfigError(f"--set {assignment}: {error}") from error
    return msgspec.convert(changed, Settings)


def _read(path: Path) -> bytes:
    try:
        return read_caller_wav(path)
    except UnusableWav as error:
        raise ConfigError(str(error)) from error


async def _judge_all(
    recordings: Sequence[tuple[str, bytes]], asked: str, settings: Settings
) -> list[Recording]:
    silence = mulaw.SILENCE * (AFTER_MS * mulaw.BYTES_PER_MS)
    judged: list[Recording] = []
    try:
        model = await trio.to_thread.run_sync(Moonshine.load)
        async with SileroVad() as vad:
            for file, audio in recordings:
                stretches = await listen(audio + silence, vad.stream(), model, settings)
                pauses = decide(stretches, asked=asked, settings=settings)
                judged.append(Recording(file, pauses))
    except ProviderError as error:
        raise ConfigError(str(error)) from error
    return judged


# --- what is shown --------------------------------------------------------------------------


def pause_table(recording: Recording) -> Table:
    """The pauses of a recording, one a row."""
    table = Table(
        title=shown(recording.file),
        title_justify="left",
        caption=None if recording.pauses else "nobody speaks",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.add_column("at s", justify="right", no_wrap=True)
    table.add_column("pause", justify="right", no_wrap=True)
    table.add_column("the turn so far", ratio=1, min_width=16)
    table.add_column("words", justify="right", no_wrap=True)
    table.add_column("voice", no_wrap=True)
    table.add_column("habits", justify="right", no_wrap=True)
    table.add_column("wait", justify="right", no_wrap=True)
    table.add_column("decided", no_wrap=True)
    for pause in recording.pauses:
        table.add_row(
            f"{pause.at_ms / 1000:.2f}",
            "end" if pause.pause_ms is None else f"{pause.pause_ms:.0f}",
            shown(pause.words) or "-",
            f"{pause.completeness:.2f}",
            _voice(pause.ending),
            f"{pause.fragment_pause_ms:.0f}" + (f" +{pause.cut_offs:g}" if pause.cut_offs else ""),
            f"{pause.wait_ms:.0f}",
            _outcome(pause),
        )
    return table


def _voice(ending: Ending) -> str:
    if ending.contour == "unknown":
        return _ARROWS["unknown"]
    slope = f"{_ARROWS[ending.contour]} {ending.slope_st_per_s:+.0f}"
    return f"{slope} ×{ending.lengthening:.1f}"


def _outcome(pause: Pause) -> str:
    match pause.outcome:
        case "went_on":
            return "goes on"
        case "no_words":
            return "[dim]no words[/dim]"
        case "over":
            return f"[green]over[/green] {pause.delay_ms:.0f}\n{pause.reason}"
        case "cut_off":
            return f"[red]cut off[/red] {pause.delay_ms:.0f}\n{pause.reason}"
