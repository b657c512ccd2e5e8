"""A planted bug: a small change of the real code or the real chart, made at run time."""

from __future__ import annotations
import __future__

import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from types import CodeType, FunctionType
from unittest import mock

from engine.chart import default_chart_path, parse_chart
from engine.fuzzing.subject import Subject, default_subject
from engine.vocabulary import VOCABULARY


@dataclass(frozen=True, slots=True)
class Code:
    """A function (``module:Class.name`` or ``module:name``) in which the text ``before`` is
    ``after``. Whoever knows the function meets the changed one."""

    where: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class OnChart:
    """The shipped chart with one piece of its text changed."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Shared:
    """An empty dict under this name in a module (``module:NAME``): all calls have it in common."""

    where: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug that a competent engineer could have written; ``says`` what is wrong, in a sentence."""

    name: str
    says: str
    changes: tuple[Code | OnChart | Shared, ...]

    @contextmanager
    def planted(self) -> Iterator[Subject]:
        """The engine with this bug, while it lasts; afterwards it is as it was.

        Raises ``LookupError`` if the text that is to be changed is not there, exactly once.
        """
        subject, sources = default_subject(), dict[str, str]()
        with ExitStack() as stack:
            for change in self.changes:
                match change:
                    case Code(where, before, after):
                        source = sources.get(where) or _source(where)
                        sources[where] = _replaced(source, before, after)
                    case OnChart():
                        subject = _on_chart(change)
                    case Shared(where):
                        module, name = where.split(":")
                        owner = pkgutil.resolve_name(module)
                        stack.enter_context(mock.patch.object(owner, name, {}, create=True))
            for where, source in sources.items():
                stack.enter_context(_rewritten(where, source))
            yield subject


def mutant(name: str, says: str, *changes: Code | OnChart | Shared) -> Mutant:
    """A planted bug, told shortly."""
    return Mutant(name, says, changes)


@contextmanager
def _rewritten(where: str, source: str) -> Iterator[None]:
    function = _function(where)
    usual = function.__code__
    function.__code__ = _compiled(where, source)
    try:
        yield
    finally:
        function.__code__ = usual


@cache
def _source(where: str) -> str:
    """A function's source, its first line not indented."""
    return textwrap.dedent(inspect.getsource(_function(where)))


@cache
def _compiled(where: str, source: str) -> CodeType:
    """The code of a function whose source was changed."""
    function = _function(where)
    flags = __future__.annotations.compiler_flag
    module = compile(source, f"<planted in {where}>", "exec", flags)
    made: dict[str, object] = {}
    exec(module, function.__globals__, made)
    return _plain(made[function.__name__]).__code__


def _function(where: str) -> FunctionType:
    return _plain(pkgutil.resolve_name(where))


def _plain(found: object) -> FunctionType:
    """The function behind a property or a decorator."""
    found = inspect.unwrap(found.fget if isinstance(found, property) else found)  # type: ignore[arg-type]
    assert isinstance(found, FunctionType)
    return found


@cache
def _on_chart(change: OnChart) -> Subject:
    text = default_chart_path().read_text(encoding="utf-8")
    text = _replaced(text, change.before, change.after)
    return Subject(parse_chart(text, "planted.yaml", VOCABULARY))


def _replaced(text: str, before: str, after: str) -> str:
    if text.count(before) != 1:
        raise LookupError(f"{before!r} is there {text.count(before)} times, not once")
    return text.replace(before, after)
