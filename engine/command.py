"""What all commands have in common: how they run, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio
import typer

from engine.errors import AntiphonError, first

USAGE_ERROR = 2


def run(main: Callable[[], object]) -> None:
    """Run an async command. An error meant for people is one line and exit code 2."""
    with errors_in_one_line():
        trio.run(main)  # type: ignore[arg-type]


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Print an :class:`AntiphonError` as one line and exit with code 2; Ctrl-C with 130. Also a
    decorator, ``@errors_in_one_line()``."""
    try:
        yield
    except* AntiphonError as errors:
        typer.echo(f"antiphon: {first(errors)}", err=True)
        raise SystemExit(USAGE_ERROR) from None
    except* KeyboardInterrupt:
        raise SystemExit(130) from None
