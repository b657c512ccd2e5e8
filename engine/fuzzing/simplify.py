"""Make a call that fails as simple as it can be, so that a person reads in it what matters.

This works on the plain data of a scenario, wherever that came from. What takes one thing away and
moves another in time finds what a general shrinker does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.simulation.scenario import Act, Answer, Injection, Scenario, ScriptedTool, dump_scenario

LISTS = ("injections", "caller", "answers", "tools", "incomplete")
PARTS = ("voice", "recognition", "judge", "wire", "settings", "greeting", "phrases_rendered")
SHIFTS_MS = [sign * ms for ms in range(100, 1100, 100) for sign in (-1, 1)]

QUESTION = Act(at=1.0, say="where is my parcel")
PLAIN = (
    [],
    [QUESTION],
    *([QUESTION, Act(at=tenths / 10, sound=True)] for tenths in range(22, 34, 2)),
    *([QUESTION, Act(at=tenths / 10, say="no wait")] for tenths in range(22, 34, 2)),
)
"""What callers do in calls of which everybody knows how they should go: nothing, a question, and
something after it while the agent thinks or speaks."""

USUAL = Scenario(says="")
USUAL_ITEMS: dict[type, msgspec.Struct] = {
    Act: Act(at=0.0),
    Answer: Answer(),
    ScriptedTool: ScriptedTool(name=""),
    Injection: Injection(step=1),
}
ESSENTIAL = {"at", "say", "sound", "press", "hang_up", "lose", "name", "step", "does", "what"}
"""Fields that make an item what it is: without them there had better be no item."""


def simplify(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    """The scenario without all that it ``fails`` without: each item, each unusual part and field,
    each odd moment; or a plain call, if one fails too. ``fails`` is asked some dozens of times."""
    for caller in PLAIN if scenario.caller else ():
        plain = replace(USUAL, says=scenario.says, caller=caller, ends_at=10.0)
        if _size(plain) < _size(scenario) and fails(plain):
            return plain
    while True:
        simpler = next((one for one in _simpler(scenario) if fails(one)), None)
        if simpler is None:
            return scenario
        scenario = simpler


def _size(scenario: Scenario) -> int:
    """How much there is to read."""
    return len(dump_scenario(scenario))


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    yield from _with_less(scenario)
    yield from _as_usual(scenario)
    for one in _as_usual(scenario):
        yield from _moved(one)
    yield from _rounded(scenario)


def _with_less(scenario: Scenario) -> Iterator[Scenario]:
    for name in LISTS:
        items = getattr(scenario, name)
        for place in reversed(range(len(items))):
            yield replace(scenario, **{name: items[:place] + items[place + 1 :]})
    for moment in scenario.rotations:
        rest = {key: by for key, by in scenario.rotations.items() if key != moment}
        yield replace(scenario, rotations=rest)


def _as_usual(scenario: Scenario) -> Iterator[Scenario]:
    if scenario.answers:
        yield replace(scenario, answers=[])
    for name in PARTS:
        part, usual = getattr(scenario, name), getattr(USUAL, name)
        if part != usual:
            yield replace(scenario, **{name: usual})
            yield from (replace(scenario, **{name: one}) for one in _plainer(part, usual))
    for name in LISTS:
        items = getattr(scenario, name)
        for place, item in enumerate(items):
            for one in _plainer(item, USUAL_ITEMS.get(type(item))):
                yield replace(scenario, **{name: [*items[:place], one, *items[place + 1 :]]})


def _plainer(item: Any, usual: Any) -> Iterator[Any]:
    """An item with one of its fields as usual."""
    if isinstance(item, msgspec.Struct):
        for name in item.__struct_fields__:
            if name not in ESSENTIAL and getattr(item, name) != getattr(usual, name):
                yield replace(item, **{name: getattr(usual, name)})


def _moved(scenario: Scenario) -> Iterator[Scenario]:
    """The last thing that the caller does, sooner or later."""
    if scenario.caller:
        *before, last = scenario.caller
        for shift_ms in SHIFTS_MS:
            at = round(last.at + shift_ms / 1000, 2)
            if at >= 0:
                yield replace(scenario, caller=[*before, replace(last, at=at)])


def _rounded(scenario: Scenario) -> Iterator[Scenario]:
    """Moments and durations in tenths of a second, the end in whole ones."""
    for place, act in enumerate(scenario.caller):
        for name in ("at", "during", "lose"):
            value = getattr(act, name)
            for tenths in {int(value * 10 + 0.001), int(value * 10 + 0.999)}:
                if abs(tenths / 10 - value) > 0.001:
                    one = replace(act, **{name: tenths / 10})
                    acts = [*scenario.caller[:place], one, *scenario.caller[place + 1 :]]
                    yield replace(scenario, caller=acts)
    whole = float(int(scenario.ends_at + 0.999))
    if whole != scenario.ends_at:
        yield replace(scenario, ends_at=whole)
