"""The states × events matrix: what each state does on each event, as Markdown.

One table for each atomic state, because that is what is looked up: "what happens in
``speaking.overlapped.brief`` on ``dtmf``?". It lists what the state is asked for, its own
transitions and those it inherits, in the order in which they are asked, down to the first
without a guard; what would come after that is never asked. The atomic states of one floor state
stand together, under a grid of where each event leads, which shows the holes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from engine.chart import Chart, State, Transition

_DRAWN = """\
# {name}: what each state does on each event

Drawn from `{file}`; do not edit, but run

    antiphon diagram --format table > statecharts/{stem}.matrix.md
"""

_ORDER = """\
A state is asked first, then the states around it; *by* names the transition, and the state it
belongs to if it is one of those. Of the rows of one event the first whose condition holds is
taken. *Stays* means that the actions run and no state is left. An event that is not listed
does nothing there.
"""

_BESIDE = """\
The regions of `{name}` ({regions}) hear every event side by side. What `{name}` itself does is
asked last in each of them, and done once, beside what the regions do.
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Atomic states that are shown together, and the state they lie in."""

    around: State
    states: tuple[State, ...]


def matrix_markdown(chart: Chart) -> str:
    """The whole matrix as one document. The same chart always gives the same text."""
    file = PurePath(chart.path)
    lines = [_DRAWN.format(name=chart.name, file=file.name, stem=file.stem), _filled(_ORDER)]
    for parallel in (state for state in chart.states.values() if state.parallel):
        regions = ", ".join(f"`{region.id}`" for region in parallel.children)
        lines += ["", _filled(_BESIDE.format(name=parallel.id, regions=regions))]
    for group in groups(chart):
        lines += ["", f"## {group.around.id}"]
        if len(group.states) > 1:
            lines += ["", *_grid(group)]
        for state in group.states:
            if state is not group.around:
                lines += ["", f"### {_path(group, state)}"]
            lines += _section(state)
    return "\n".join(lines) + "\n"


def groups(chart: Chart) -> Iterator[Group]:
    """The sections of the matrix: each floor state, the other regions, the states beside."""
    listening = chart.states.get("listening")
    floor = listening.parent if listening else None
    for root in chart.roots:
        for region in root.children if root.parallel else [root]:
            for around in region.children if region is floor else [region]:
                yield Group(around, tuple(one for one in around.walk() if not one.children))


def asked(state: State, event: str) -> list[Transition]:
    """What a state is asked for on an event, in order: its own transitions and those of the
    states around it in its region, down to the first without a guard."""
    found: list[Transition] = []
    for around in _within_region(state):
        for transition in around.transitions:
            if transition.event == event:
                found.append(transition)
                if not transition.guard:
                    return found
    return found


def asked_beside(state: State) -> list[Transition]:
    """What is asked on behalf of all regions: the transitions of the states around them."""
    inside = list(_within_region(state))
    return [
        transition
        for around in state.ancestors
        if around not in inside
        for transition in around.transitions
    ]


def _within_region(state: State) -> Iterator[State]:
    yield state
    for around in state.ancestors:
        if around.parallel:
            return
        yield around


def _events(state: State) -> list[str]:
    """The events that a state or its region reacts to, its own first."""
    transitions = (one for around in _within_region(state) for one in around.transitions)
    return list(dict.fromkeys(transition.event for transition in transitions))


# --- the grid of one floor state ---


def _grid(group: Group) -> Iterator[str]:
    events = dict.fromkeys(event for state in group.states for event in _events(state))
    yield from _table(
        ["on", *(state.id for state in group.states)],
        [[f"`{event}`", *(_leads(state, event) for state in group.states)] for event in events],
    )


def _leads(state: State, event: str) -> str:
    """Where an event can lead from a state, in the order it is asked; a dash is nothing."""
    transitions = asked(state, event)
    ends = [transition.target or "*stays*" for transition in transitions]
    if not transitions or transitions[-1].guard:
        ends.append("–")
    return " or ".join(dict.fromkeys(ends))


# --- the section of one atomic state ---


def _section(state: State) -> Iterator[str]:
    for line in _lives(state):
        yield ""
        yield line
    events, beside = _events(state), asked_beside(state)
    if events:
        rows = [
            row
            for event in events
            for row in _rows(state, event, [one for one in beside if one.event == event])
        ]
        yield ""
        yield from _table(["on", "if", "then", "goes to", "by"], rows)
    elsewhere = [one for one in beside if one.event not in events]
    if elsewhere:
        yield ""
        yield f"As everywhere in `{elsewhere[0].source}`:"
        yield ""
        yield from (f"- {_in_short(transition)}" for transition in elsewhere)
    if not events and not beside:
        yield ""
        yield "Nothing happens here any more."


def _path(group: Group, state: State) -> str:
    """A state's name with the names of the states around it, from its group down."""
    names = [state.id]
    for around in state.ancestors:
        names.append(around.id)
        if around is group.around:
            break
    return ".".join(reversed(names))


def _lives(state: State) -> Iterator[str]:
    """What runs while the state is active, and what is done on the way in and out."""
    region = list(_within_region(state))
    for words, names in (
        ("Entering does", [name for one in reversed(region) for name in one.enter]),
        ("Leaving does", [name for one in region for name in one.exit]),
        ("Runs", [name for one in region for name in one.invoke]),
    ):
        if names:
            yield f"{words} {_code(names)}."


def _rows(state: State, event: str, beside: list[Transition]) -> Iterator[list[str]]:
    transitions = asked(state, event)
    for place, transition in enumerate([*transitions, *beside]):
        condition = f"`{transition.guard}`" if transition.guard else ""
        if place >= len(transitions):
            condition = f"beside, if {condition}" if condition else "beside"
        elif place > 0 and not condition:
            condition = "otherwise"
        yield [
            f"`{event}`" if place == 0 else "",
            condition,
            _code(transition.on),
            transition.target or "*stays*",
            _by(state, transition),
        ]


def _by(state: State, transition: Transition) -> str:
    own = transition.source == state.id
    return f"t{transition.number}" + ("" if own else f" of {transition.source}")


def _in_short(transition: Transition) -> str:
    condition = f" if `{transition.guard}`" if transition.guard else ""
    does = [_code(transition.on)] if transition.on else []
    does += [f"goes to {transition.target}"] if transition.target else []
    return f"`{transition.event}`{condition}: {', '.join(does) or 'nothing'} (t{transition.number})"


# --- Markdown ---


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), width=100, break_on_hyphens=False)


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A table with aligned columns, so that its source can be read as well."""
    widths = [max(3, *map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"
