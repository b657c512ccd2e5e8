"""What can go wrong that a person must know of: one line that says what, where, what to do.

AntiphonError               shown as one line, exit code 2, never a traceback
├── ChartError              a chart that cannot be loaded or trusted
├── ConfigError             settings, agent or provider that do not exist
└── JournalError            a journal that cannot be read
"""

from __future__ import annotations


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


def without_message(reason: str) -> str:
    """Why a call failed, without what the error said: that may be anybody's words."""
    return ": ".join(reason.split(": ")[:2])
