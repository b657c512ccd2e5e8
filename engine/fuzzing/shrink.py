"""Makes a failing call smaller: any call, wherever it comes from.

Hypothesis shrinks what it has drawn itself. A call out of a corpus, a file or an enumeration is
only data; here it is made smaller as data, greedily: whatever can go without the law being kept
goes, what is as usual again says nothing, and times are made round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.fuzzing.failure import Failure, judge
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Act, Expect, Scenario

SECTIONS = ("voice", "recognition", "judge", "wire", "settings", "order")
LISTS = ("tools", "answers", "caller", "injections", "incomplete")
TIMES = ("at", "during", "lose", "late")


def shrunk(
    failure: Failure,
    subject: Subject,
    runs: int = 600,
    over: Callable[[], bool] = lambda: False,
) -> Failure:
    """The smallest call found that breaks the first of the same laws, in at most so many runs, or
    until it is ``over``."""
    law = failure.laws[0]
    demands_order = in_order(failure.scenario)
    tried = 0
    place = last_gain = 0
    while tried < runs and not over():
        candidate = next(islice(simpler(failure.scenario), place, None), None)
        if candidate is None:
            if last_gain == 0:
                break
            place = last_gain = 0
            continue
        place += 1
        if demands_order and not in_order(candidate):
            continue
        tried += 1
        found = judge(candidate, subject)
        if found is not None and law in found.laws:
            # What came at this place is gone: the next thing to try has moved up to it.
            failure, place, last_gain = found, place - 1, last_gain + 1
    return failure


def in_order(scenario: Scenario) -> bool:
    """Whether the caller makes one sound at a time, as callers do."""
    sounds = sorted(
        (act.at, act.at + act.during) for act in scenario.caller if act.say or act.sound
    )
    apart = all(later[0] >= earlier[1] - 1e-6 for earlier, later in pairwise(sounds))
    return apart and all(act.at >= 0 for act in scenario.caller)


def simpler(scenario: Scenario) -> Iterator[Scenario]:
    """Calls that are a little simpler, the boldest first; none is as complicated again."""
    usual = Scenario(says=scenario.says)
    if scenario.expect != usual.expect:
        yield replace(scenario, expect=Expect())
    for name in SECTIONS:
        yield from _as_usual(scenario, name, usual)
    if scenario.rotations:
        yield replace(scenario, rotations={})
    for name in LISTS:
        if len(getattr(scenario, name)) > 1:
            yield replace(scenario, **{name: []})
    for name in LISTS:
        items = getattr(scenario, name)
        for place in reversed(range(len(items))):
            yield replace(scenario, **{name: items[:place] + items[place + 1 :]})
    for name in ("greeting", "phrases_rendered", "met"):
        yield from _as_usual(scenario, name, usual)
    yield from _shorter(scenario)
    yield from _inside(scenario, usual)
    for moment in scenario.rotations:
        rest = {n: by for n, by in scenario.rotations.items() if n != moment}
        yield replace(scenario, rotations=rest)
    yield from _rounder(scenario)


def _as_usual(data: Any, name: str, usual: Any) -> Iterator[Any]:
    if getattr(data, name) != getattr(usual, name):
        yield replace(data, **{name: getattr(usual, name)})


def _inside(scenario: Scenario, usual: Scenario) -> Iterator[Scenario]:
    """One field of one part as usual."""
    for name in SECTIONS:
        part, normal = getattr(scenario, name), getattr(usual, name)
        if isinstance(part, msgspec.Struct) and isinstance(normal, msgspec.Struct):
            for field in part.__struct_fields__:
                for one in _as_usual(part, field, normal):
                    yield replace(scenario, **{name: one})
    for name in ("answers", "tools", "caller"):
        for place, item in enumerate(getattr(scenario, name)):
            for one in _plainer(item):
                yield _with(scenario, name, place, one)


def _plainer(item: msgspec.Struct) -> Iterator[msgspec.Struct]:
    """An item of a list with one field as usual, where it has a usual value."""
    for field in msgspec.structs.fields(item):
        if field.required or (isinstance(item, Act) and field.name in ("say", "sound", "press")):
            continue
        default = (
            field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        )
        if getattr(item, field.name) != default:
            yield replace(item, **{field.name: default})
    if isinstance(item, Act) and len(words := item.say.split()) > 1:
        yield replace(item, say=" ".join(words[: len(words) // 2]))


def _shorter(scenario: Scenario) -> Iterator[Scenario]:
    """The call ends sooner."""
    for share in (0.5, 0.8):
        if (sooner := float(int(scenario.ends_at * share))) < scenario.ends_at:
            yield replace(scenario, ends_at=sooner)


def _rounder(scenario: Scenario) -> Iterator[Scenario]:
    """Times of fewer digits."""
    for digits in (0, 1):
        ends_at = round(scenario.ends_at, digits)
        if ends_at != scenario.ends_at:
            yield replace(scenario, ends_at=ends_at)
        for place, act in enumerate(scenario.caller):
            for field in TIMES:
                value: float = getattr(act, field)
                rounded = round(value, digits)
                if rounded != value and (rounded or field in ("at", "late")):
                    yield _with(scenario, "caller", place, replace(act, **{field: rounded}))


def _with(scenario: Scenario, name: str, place: int, item: msgspec.Struct) -> Scenario:
    items = list(getattr(scenario, name))
    items[place] = item
    return replace(scenario, **{name: items})
