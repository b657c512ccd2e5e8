"""The command line: ``antiphon``. Each command is a few lines over what the engine offers."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from engine import logs
from engine.garbage import start_without_collecting
from engine.observing_settings import LogSettings

COMMANDS = {
    "demo": "engine.demo_cli",
    "call": "engine.call_cli",
    "check": "engine.check_cli",
    "diagram": "engine.diagram_cli",
    "endpoint": "engine.endpoint_cli",
    "fuzz": "engine.fuzz_cli",
    "report": "engine.report_cli",
    "show": "engine.show_cli",
    "dial": "engine.dial_cli",
    "eval": "engine.eval_cli",
    "serve": "engine.serve_cli",
    "replay": "engine.replay_cli",
    "twins": "engine.twins_cli",
    "watch": "engine.watch_cli",
    "erase": "engine.store_cli",
    "export": "engine.store_cli",
    "store": "engine.store_cli",
    "audio": "engine.store_cli",
}
"""Every command, in the order of the help, and the module whose ``add_to`` adds it."""


def application(*names: str) -> typer.Typer:
    """The command line with these commands, or with all. Only their modules are imported: all of
    them take several times as long as one."""
    app = typer.Typer(
        name="antiphon",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        help="A voice conversation engine for the telephone in which each call is a statechart.",
    )
    app.callback()(lambda: None)  # or a command that is alone would be the whole command line
    for module in dict.fromkeys(COMMANDS[name] for name in names or COMMANDS):
        import_module(module).add_to(app)
    return app


def main() -> None:
    """The ``antiphon`` command."""
    logs.configure(LogSettings())
    wanted = [name for name in sys.argv[1:2] if name in COMMANDS]  # none: help, or a mistake
    with start_without_collecting():
        app = application(*wanted)
    app()


if __name__ == "__main__":
    main()
