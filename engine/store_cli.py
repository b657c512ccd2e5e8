"""What is kept of calls, from the command line: `antiphon store`, `erase`, `export`, `audio`.

The database's libraries are imported only where they are needed: they take a while.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.command import errors_in_one_line
from engine.config import load_config
from engine.errors import ConfigError

NOT_DONE = 1

ConfigOption = Annotated[Path | None, typer.Option(help="A configuration file (antiphon.toml).")]


def migrate(config: ConfigOption = None) -> None:
    """Bring the tables up to date. A service does so by itself, where it may."""
    from engine.keeping import errands

    typer.echo(errands.migrate(load_config(config)))


def load(config: ConfigOption = None) -> None:
    """Load the journals that wait, and retire what has been kept for long enough.

    Exit code 1 if a service on this machine is at it just now.
    """
    from engine.keeping import errands

    swept = errands.load(load_config(config))
    if swept.others:
        typer.echo("antiphon: a service on this machine is loading them", err=True)
        raise typer.Exit(NOT_DONE)
    typer.echo(f"{swept.loaded} calls loaded, {swept.waiting} left")


def status(config: ConfigOption = None) -> None:
    """Say what is kept, and what waits to be."""
    from engine.keeping import errands

    for line in errands.status(load_config(config)):
        typer.echo(line)


def erase(
    caller: Annotated[
        str | None, typer.Option(help="All calls from, or to, this number.", metavar="NUMBER")
    ] = None,
    call: Annotated[str | None, typer.Option(help="The call of this id.", metavar="ID")] = None,
    before: Annotated[
        str | None,
        typer.Option(
            help="All calls that began before: 2026-01-31, or with a time (UTC).", metavar="DATE"
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Erase calls for good: from the database, with their journals and their audio.

    Services may run meanwhile, here and on other machines with the same database: what they have
    of these calls goes the next time they look, and calls that still go on are not kept. What
    agents' tools have written elsewhere is not known here.

    Exit code 1 if nothing was found.
    """
    from engine.keeping import errands

    erased = errands.erase(load_config(config), caller=caller, call=call, before=before)
    for kind, names in (
        ("from the database", erased.calls),
        ("journal", erased.journals),
        ("audio", erased.audio),
    ):
        for name in sorted(names):
            typer.echo(f"erased {kind}: {name}")
    if not (erased.calls or erased.journals or erased.audio):
        typer.echo("nothing was found")
        raise typer.Exit(NOT_DONE)


def export(
    parquet: Annotated[Path, typer.Option(help="The file to write.", metavar="FILE")],
    since: Annotated[
        str | None,
        typer.Option(
            help="Only calls that began then or later: 2026-01-31, or with a time (UTC).",
            metavar="DATE",
        ),
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="With what was said and heard.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write the turns of all calls into a Parquet file: a row for each, in typed columns."""
    from engine.keeping import errands

    count = errands.export(load_config(config), parquet, since, words=words)
    typer.echo(f"{count} turns: {parquet}")


def decrypt(
    sealed: Annotated[Path, typer.Argument(help="A recording (calls/audio/….wav.sealed).")],
    to: Annotated[
        Path | None, typer.Option(help="The WAV file to write; beside it if left out.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Decrypt a recording into a WAV file: caller left, agent right.

    The key is that of the configuration, ANTIPHON_AUDIO__KEY. Exit code 1 if it was cut off or
    changed: what comes before that is written all the same.
    """
    from engine.keeping.recording import decrypt as decrypted
    from engine.keeping.recording import seal_key

    key = seal_key(load_config(config).audio)
    if key is None:
        raise ConfigError("[audio] key, or ANTIPHON_AUDIO__KEY, is needed")
    wav = to or sealed.with_name(sealed.name.removesuffix(".sealed").removesuffix(".wav") + ".wav")
    trouble = decrypted(sealed, wav, key)
    typer.echo(f"recording: {wav}")
    if trouble:
        typer.echo(f"antiphon: {trouble}", err=True)
        raise typer.Exit(NOT_DONE)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    guard = errors_in_one_line()
    store = typer.Typer(no_args_is_help=True, help="The database of calls.")
    for command in (migrate, load, status):
        store.command()(guard(command))
    app.add_typer(store, name="store")
    audio = typer.Typer(no_args_is_help=True, help="Recordings that were encrypted.")
    audio.callback()(lambda: None)  # or its one command would be the group
    audio.command()(guard(decrypt))
    app.add_typer(audio, name="audio")
    app.command()(guard(erase))
    app.command()(guard(export))
