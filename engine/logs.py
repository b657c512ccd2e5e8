"""The log: what happened to the service, for people or for programs.

Each line of a call says which call it is of and which turn of the caller's had last been taken up
then (0 before the first). Nothing that a caller or an agent said is in it: an unexpected error is
told by its kind and its place, without its message and without what its variables held, which the
call's journal has. Telephone numbers are shown by their last digits.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import structlog

from engine.journal import AnyLine, Event
from engine.observing_settings import LogSettings

if TYPE_CHECKING:
    from engine.session import Watcher

Entry = MutableMapping[str, Any]

_NUMBER = re.compile(r"(?<![\w.])\+?\d(?:[ ()-]{0,2}\d){6,}(?![\w.])")
_SHOWN_DIGITS = 3
_NAMES = frozenset({"event", "level", "timestamp", "call", "call_id", "path"})
"""What these say is ours, and may look like a number."""


class _Marks:
    """Which call it is, and its turn."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.turn = 0

    def feed(self, line: AnyLine) -> None:
        if isinstance(line, Event) and line.endpoint is not None:
            self.turn += 1


_marks: ContextVar[_Marks | None] = ContextVar("marks", default=None)


@contextmanager
def of_call(call_id: str) -> Iterator[Watcher]:
    """What is logged in the body, and by tasks that are started there, is of this call. Gives the
    watcher that keeps count of its turns."""
    marks = _Marks(call_id)
    token = _marks.set(marks)
    try:
        yield marks.feed
    finally:
        _marks.reset(token)


def configure(settings: LogSettings) -> None:
    """From now on all is logged so, what libraries log as well (from ``warning`` on)."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    is_json = settings.format == "json"
    stream = sys.stdout if is_json else sys.stderr
    usual: list[structlog.types.Processor] = [
        _add_marks,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tell_error,
        _mask_numbers,
    ]
    render: structlog.types.Processor
    if is_json:
        render = structlog.processors.JSONRenderer()
    else:
        render = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    structlog.configure(
        processors=[*usual, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=usual,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(is_json)


# --- processors -----------------------------------------------------------------------------


def _add_marks(_: Any, __: str, entry: Entry) -> Entry:
    marks = _marks.get()
    if marks is not None:
        entry.setdefault("call", marks.call_id)
        entry.setdefault("turn", marks.turn)
    return entry


def _tell_error(_: Any, __: str, entry: Entry) -> Entry:
    error = entry.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        entry["exception"] = "\n".join(_told(error))
    return entry


def _told(error: BaseException, depth: int = 0) -> Iterator[str]:
    """An error's kind and where it was raised; those that it is made of, or came of, as well."""
    indent = "  " * depth
    # Of the system's own errors it is known what they say.
    said = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    yield f"{indent}{type(error).__qualname__}{said}"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{indent}  {frame.filename}:{frame.lineno} {frame.name}"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _told(one, depth + 1)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < 10:
        yield f"{indent}because of"
        yield from _told(cause, depth + 1)


def _mask_numbers(_: Any, __: str, entry: Entry) -> Entry:
    for name, value in entry.items():
        if isinstance(value, str) and name not in _NAMES:
            entry[name] = _NUMBER.sub(_masked, value)
    return entry


def _masked(number: re.Match[str]) -> str:
    return "…" + re.sub(r"\D", "", number[0])[-_SHOWN_DIGITS:]
