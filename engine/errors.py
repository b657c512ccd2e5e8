"""What can go wrong that a person must know of: one line that says what, where, what to do.

AntiphonError               shown as one line, exit code 2, never a traceback
├── ChartError              a chart that cannot be loaded or trusted
├── ConfigError             settings, agent or provider that do not exist
└── JournalError            a journal that cannot be read
"""

from __future__ import annotations

from traceback import extract_tb


class AntiphonError(Exception):
    """Base of the errors meant for the person at the keyboard."""


class ChartError(AntiphonError):
    """The chart is malformed, names something unknown, or fails a proof."""


class ConfigError(AntiphonError):
    """The configuration names something that is not there or cannot be."""


class JournalError(AntiphonError):
    """The journal cannot be read."""


def first(error: BaseException) -> BaseException:
    """The first error in a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def with_place(error: BaseException) -> str:
    """What was raised by somebody's own code, and on which line of it."""
    at = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({at.filename}:{at.lineno})"


def without_message(reason: str) -> str:
    """Why a call failed, without what the error said: that may be anybody's words."""
    return ": ".join(reason.split(": ")[:2])
