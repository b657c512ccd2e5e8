"""Makes a failing call smaller: any call, wherever it comes from.

A call is plain data, and it is made smaller as data, greedily. A plain call that fails as well is
best. Otherwise whatever can go without the law being kept goes, what is as usual again says
nothing, and times are made round; last, what can only go if the caller acts at another moment.
A call held beside it is made smaller as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.fuzzing.failure import Failure, judge
from engine.fuzzing.subject import Subject
from engine.simulation.line import BREATH_S
from engine.simulation.scenario import Act, Answer, Expect, Order, Scenario, Spare
from engine.simulation.scenario_files import dump_scenario

SECTIONS = ("voice", "recognition", "spare", "judge", "wire", "settings")
LISTS = ("tools", "answers", "caller", "injections", "incomplete")
TIMES = ("at", "during", "lose", "late")
ESSENTIAL = ("at", "say", "sound", "press", "hang_up", "lose", "step", "does", "what")
"""Fields that make an item what it is: without them there had better be no item."""

SHIFTS_MS = [sign * ms for ms in range(100, 1100, 100) for sign in (-1, 1)]

QUESTION = Act(at=1.0, say="where is my parcel")
PLAIN = (
    [],
    [QUESTION],
    *([QUESTION, Act(at=tenths / 10, sound=True)] for tenths in range(22, 34)),
    *([QUESTION, Act(at=tenths / 10, say="no wait")] for tenths in range(22, 34)),
)
"""What callers do in calls of which everybody knows how they should go: nothing, a question, and
something after it while the agent thinks or speaks."""


GENERATED = "A generated call."
"""The title of a call that nobody wrote. It is as good as any when the call is small."""

FOUND_IN = "found in: "


def shrunk(
    failure: Failure,
    subject: Subject,
    runs: int = 600,
    over: Callable[[], bool] = lambda: False,
) -> Failure:
    """The smallest call found that breaks the law that was broken first (of several at one time,
    one of them), in at most so many runs, or until it is ``over``. Its title says where it was
    found: what that call shows is another story."""
    shrinking = _Shrinking(_retitled(failure), subject, runs, over)
    shrinking.first(_plain(shrinking.failure.scenario))
    while shrinking.everywhere() or shrinking.first(_moved(shrinking.failure.scenario)):
        pass
    return shrinking.failure


def _retitled(failure: Failure) -> Failure:
    says = failure.scenario.says
    if says in ("", GENERATED) or says.startswith(FOUND_IN):
        return failure
    scenario = replace(failure.scenario, says=FOUND_IN + says)
    trace = dataclasses.replace(failure.trace, scenario=scenario)
    return Failure(scenario, failure.violations, trace)


class _Shrinking:
    """``failure`` holds the smallest call so far."""

    def __init__(
        self, failure: Failure, subject: Subject, runs: int, over: Callable[[], bool]
    ) -> None:
        self.failure = failure
        first_ms = min(violation.at_ms for violation in failure.violations)
        self._laws = {one.law for one in failure.violations if one.at_ms == first_ms}
        self._demands_order = in_order(failure.scenario)
        self._subject, self._runs, self._over = subject, runs, over

    def first(self, candidates: Iterator[Scenario]) -> bool:
        """Take the first of these calls that fails as well, if there is one."""
        return any(map(self._fails, candidates))

    def everywhere(self) -> bool:
        """Try each simpler call once; whether anything came of it."""
        place, gained = 0, False
        while self._runs > 0:
            candidate = next(islice(simpler(self.failure.scenario), place, None), None)
            if candidate is None:
                break
            if self._fails(candidate):
                gained = True  # what came at this place is gone: the next has moved up to it
            else:
                place += 1
        return gained

    def _fails(self, candidate: Scenario) -> bool:
        if self._demands_order and not in_order(candidate):
            return False
        if self._runs > 0 and self._over():
            self._runs = 0
        if self._runs <= 0:
            return False
        self._runs -= 1
        found = judge(candidate, self._subject)
        if found is None or self._laws.isdisjoint(found.laws):
            return False
        self.failure = found
        return True


def in_order(scenario: Scenario) -> bool:
    """Whether the caller makes one sound at a time, with a breath between."""
    sounds = sorted(
        (act.at, act.at + act.during) for act in scenario.caller if act.say or act.sound
    )
    apart = all(later[0] >= earlier[1] + BREATH_S - 1e-6 for earlier, later in pairwise(sounds))
    return apart and all(act.at >= 0 for act in scenario.caller)


def simpler(scenario: Scenario) -> Iterator[Scenario]:
    """Calls that are a little simpler, the boldest first; none is as complicated again."""
    if scenario.expect != Expect():
        yield replace(scenario, expect=Expect())
    yield from _as_usual(scenario)
    yield from _with_less(scenario)
    yield from _shorter(scenario)
    yield from _plainer(scenario)
    yield from _sooner(scenario)
    yield from _rounder(scenario)
    if scenario.beside is not None:
        yield replace(scenario, beside=None)
        yield from (replace(scenario, beside=one) for one in simpler(scenario.beside))


def _plain(scenario: Scenario) -> Iterator[Scenario]:
    """Plain calls, so far as they are less to read."""
    size = len(dump_scenario(scenario))
    for caller in PLAIN:
        plain = Scenario(says=scenario.says, caller=caller, ends_at=10.0, beside=scenario.beside)
        if len(dump_scenario(plain)) < size:
            yield plain


def _as_usual(scenario: Scenario) -> Iterator[Scenario]:
    """One whole section as usual, or nothing in a list."""
    usual = Scenario(says=scenario.says)
    for name in (*SECTIONS, "order", "rotations", "greeting", "phrases_rendered", "met"):
        if getattr(scenario, name) != getattr(usual, name):
            yield replace(scenario, **{name: getattr(usual, name)})
    for name in LISTS:
        if len(getattr(scenario, name)) > 1:
            yield replace(scenario, **{name: []})


def _with_less(scenario: Scenario) -> Iterator[Scenario]:
    """One thing of many is not there."""
    for name in LISTS:
        items = getattr(scenario, name)
        for place in reversed(range(len(items))):
            yield replace(scenario, **{name: items[:place] + items[place + 1 :]})
    for rotations in _one_less(scenario.rotations):
        yield replace(scenario, rotations=rotations)
    if (order := scenario.order) is not None:
        for changes in _one_less(order.changes):
            yield replace(scenario, order=replace(order, changes=changes))
        if (half := len(order.priorities) // 2) > 0:
            halved = Order(priorities=order.priorities[:half], changes=order.changes)
            yield replace(scenario, order=halved)


def _one_less(numbers: dict[int, int]) -> Iterator[dict[int, int]]:
    if len(numbers) > 1:
        yield {}
    for key in numbers:
        yield {other: number for other, number in numbers.items() if other != key}


def _shorter(scenario: Scenario) -> Iterator[Scenario]:
    """The call ends sooner."""
    for sooner in (scenario.ends_at * 0.5, scenario.ends_at * 0.8, scenario.ends_at - 1):
        if 0 <= int(sooner) < scenario.ends_at:
            yield replace(scenario, ends_at=float(int(sooner)))


def _plainer(scenario: Scenario) -> Iterator[Scenario]:
    """One field of one part as usual."""
    usual = Scenario(says=scenario.says)
    for name in SECTIONS:
        part, normal = getattr(scenario, name), getattr(usual, name)
        for field in part.__struct_fields__:
            if getattr(part, field) != getattr(normal, field):
                one = replace(part, **{field: getattr(normal, field)})
                yield replace(scenario, **{name: one})
    for spare in _plainer_spare(scenario.spare):
        yield replace(scenario, spare=spare)
    for name in ("answers", "tools", "caller"):
        for place, item in enumerate(getattr(scenario, name)):
            for one in _plainer_item(item):
                yield _with(scenario, name, place, one)


def _plainer_spare(spare: Spare) -> Iterator[Spare]:
    """Those who take over with one field as usual, or with one answer less."""
    for name in ("voice", "recognition"):
        if (part := getattr(spare, name)) is not None:
            for one in _plainer_item(part):
                yield replace(spare, **{name: one})
    answers = spare.answers or []
    for place, answer in enumerate(answers):
        others = answers[:place], answers[place + 1 :]
        yield replace(spare, answers=[*others[0], *others[1]])
        for one in _plainer_item(answer):
            yield replace(spare, answers=[*others[0], one, *others[1]])


def _plainer_item(item: msgspec.Struct) -> Iterator[msgspec.Struct]:
    """An item of a list with one field as usual, where it has a usual value."""
    for field in msgspec.structs.fields(item):
        if field.required or field.name in ESSENTIAL:
            continue
        default = (
            field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        )
        if getattr(item, field.name) != default:
            yield replace(item, **{field.name: default})
    if isinstance(item, Answer) and item.asks is not None:
        for asks in _plainer_item(item.asks):
            yield replace(item, asks=asks)
    if isinstance(item, Act) and item.say != QUESTION.say and len(words := item.say.split()) > 1:
        yield replace(item, say=" ".join(words[: len(words) // 2]))


def _sooner(scenario: Scenario) -> Iterator[Scenario]:
    """An injection comes after fewer steps."""
    for place, injection in enumerate(scenario.injections):
        step, less = injection.step, injection.step - 1
        while less > 0:
            yield _with(scenario, "injections", place, replace(injection, step=step - less))
            less //= 2


def _rounder(scenario: Scenario) -> Iterator[Scenario]:
    """Times of fewer digits."""
    for ends_at in _round(scenario.ends_at):
        yield replace(scenario, ends_at=ends_at)
    for place, act in enumerate(scenario.caller):
        for field in TIMES:
            for rounded in _round(getattr(act, field)):
                if rounded or field in ("at", "late"):
                    yield _with(scenario, "caller", place, replace(act, **{field: rounded}))


def _round(seconds: float) -> Iterator[float]:
    """A whole number of seconds near by, or the tenths before and after."""
    if (whole := float(round(seconds))) != seconds:
        yield whole
    if abs(round(seconds, 1) - seconds) > 1e-6:
        yield from (int(seconds * 10) / 10, (int(seconds * 10) + 1) / 10)


def _moved(scenario: Scenario) -> Iterator[Scenario]:
    """Something is as usual, and the last thing that the caller does comes sooner or later."""
    for one in (*_as_usual(scenario), *_plainer(scenario)):
        if len(one.caller) == len(scenario.caller) > 0:
            last = one.caller[-1]
            for shift_ms in SHIFTS_MS:
                at = round(last.at + shift_ms / 1000, 2)
                yield _with(one, "caller", -1, replace(last, at=at))


def _with(scenario: Scenario, name: str, place: int, item: Any) -> Scenario:
    items: list[Any] = list(getattr(scenario, name))
    items[place] = item
    return replace(scenario, **{name: items})
