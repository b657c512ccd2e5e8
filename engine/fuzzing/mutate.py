"""Calls made of other calls: one that reached something new, a little changed.

All chance is in the ``random.Random`` that is passed in; what comes out is plain data.
"""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from engine.simulation.line import BREATH_S
from engine.simulation.scenario import Act, Does, Expect, Injection, Order, Scenario

PARTS = ("voice", "recognition", "spare", "judge", "wire", "settings", "answers", "injections")
"""What a call may take over from another as it stands."""

DECISIONS = 400
"""A busy call has about as many moments at which more than one task is ready."""

STEPS = 2000
TASKS = 24

BESIDE = 0.02
"""The share of changed calls that are held beside another: it takes three times as long."""


def mutated(scenario: Scenario, other: Scenario, random: Random) -> Scenario:
    """``scenario`` with one to three changes; troubles are taken over from the ``other``, and
    sometimes it is held beside that."""
    beside = replace(other, beside=None, expect=Expect()) if random.random() < BESIDE else None
    for _ in range(random.choice((1, 1, 2, 3))):
        change = random.choice((_act, _act, _trouble, _trouble, _injection, _order))
        scenario = change(scenario, other, random)
    return replace(tidy(scenario), beside=beside)


def random_order(random: Random) -> Order:
    """Priorities for the tasks, and up to three changes of them. A bug that needs d tasks to run
    in a certain order needs d-1 changes at the right moments, and no more."""
    depth = random.randrange(4)
    priorities = list(range(depth, depth + TASKS))
    random.shuffle(priorities)
    moments = random.sample(range(1, DECISIONS), depth)
    return Order(
        priorities=priorities,
        changes={moment: priority for priority, moment in enumerate(moments)},
    )


def tidy(scenario: Scenario) -> Scenario:
    """The caller's acts in order of time, one sound at a time with a breath between, and the
    hang-up after them."""
    acts: list[Act] = []
    free_at = 0.0
    for act in sorted(scenario.caller, key=lambda act: act.at):
        if act.say or act.sound:
            at = round(max(act.at, free_at), 2)
            acts.append(replace(act, at=at))
            free_at = at + act.during + BREATH_S
        else:
            acts.append(replace(act, at=round(max(0.0, act.at), 2)))
    ends_at = round(max([scenario.ends_at, *(act.at + 0.05 for act in acts)]), 2)
    return replace(scenario, caller=acts, ends_at=ends_at)


def _act(scenario: Scenario, other: Scenario, random: Random) -> Scenario:
    """An act is dropped, shifted, made longer or shorter, doubled, or taken over."""
    acts = list(scenario.caller)
    does = random.choice(("drop", "shift", "shift", "stretch", "double", "take"))
    if does == "take" and other.caller:
        taken = random.choice(other.caller)
        acts.append(replace(taken, at=round(random.uniform(0, scenario.ends_at), 2)))
    elif acts:
        place = random.randrange(len(acts))
        act = acts[place]
        if does == "drop":
            del acts[place]
        elif does == "shift":
            acts[place] = replace(act, at=max(0.0, act.at + random.choice(SHIFTS)))
        elif does == "stretch" and act.during:
            acts[place] = replace(act, during=round(max(0.04, act.during * random.choice(BY)), 2))
        elif does == "double":
            acts.append(replace(act, at=act.at + act.during + random.choice(BY)))
    return replace(scenario, caller=acts)


SHIFTS = (-1.0, -0.3, -0.1, -0.02, 0.02, 0.1, 0.3, 1.0)
BY = (0.25, 0.5, 0.8, 1.25, 2.0, 3.0)


def _trouble(scenario: Scenario, other: Scenario, random: Random) -> Scenario:
    """A provider behaves as in the other call; an answer brings the tools it may ask for."""
    name = random.choice(PARTS)
    changes = {name: getattr(other, name)}
    if name == "answers":
        there = {tool.name for tool in other.tools}
        changes["tools"] = other.tools + [t for t in scenario.tools if t.name not in there]
    return replace(scenario, **changes)


def _injection(scenario: Scenario, other: Scenario, random: Random) -> Scenario:
    """An injection is added, taken over, moved by a few steps, or dropped."""
    injections = list(scenario.injections)
    does = random.choice(("add", "take", "move", "move", "drop"))
    if does == "take" and other.injections:
        injections.append(random.choice(other.injections))
    elif injections and does in ("move", "drop"):
        moved = injections.pop(random.randrange(len(injections)))
        if does == "move":
            step = max(1, moved.step + random.choice((-50, -5, -1, 1, 5, 50)))
            injections.append(replace(moved, step=step))
    else:
        does_what: Does = random.choice(("cancel", "hang_up"))
        injections.append(Injection(step=random.randrange(1, STEPS), does=does_what))
    return replace(scenario, injections=sorted(injections, key=lambda one: one.step)[:3])


def _order(scenario: Scenario, other: Scenario, random: Random) -> Scenario:
    """The tasks run in another order."""
    return replace(scenario, order=random_order(random))
