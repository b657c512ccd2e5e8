"""Draws a chart: the sources of a Mermaid and of a Graphviz diagram.

Both show every state in the states around it, the regions that run side by side, where each
begins, what each state runs, and every transition with its guard. What a state does without
leaving it is written into the state. The same chart always gives the same text, and elements
keep their names: a state is ``state-<id>``, a transition ``t-<number>``, the number that journals
and the matrix use.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from engine.chart import Chart, State, Transition

# --- what is written where ---


def _stays(state: State) -> list[Transition]:
    return [transition for transition in state.transitions if transition.target is None]


def _moves(chart: Chart) -> list[Transition]:
    return [transition for transition in chart.transitions if transition.target is not None]


def _caption(transition: Transition) -> str:
    """The event and its guard: what has to happen."""
    guard = f" [{transition.guard}]" if transition.guard else ""
    return f"t{transition.number} {transition.event}{guard}"


def _inner_lines(state: State) -> list[str]:
    """What a state runs, does on the way in and out, and does without being left."""
    lines = [f"runs {', '.join(state.invoke)}"] if state.invoke else []
    lines += [f"entry / {', '.join(state.enter)}"] if state.enter else []
    lines += [f"exit / {', '.join(state.exit)}"] if state.exit else []
    for transition in _stays(state):
        does = f" / {', '.join(transition.on)}" if transition.on else ""
        lines.append(_caption(transition) + does)
    return lines


# --- Mermaid ---

_MERMAID_WORDS = frozenset(
    "accDescr accTitle as class classDef click default href note scale state style".split()
)
"""Words that Mermaid would not take for the name of a state."""


def mermaid(chart: Chart) -> str:
    """The chart as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", *_mermaid_inside(chart, None, "    ")]
    return "\n".join(lines) + "\n"


def _mermaid_inside(chart: Chart, around: State | None, indent: str) -> Iterator[str]:
    """What is inside a state. Arrows come before the states they connect, because Mermaid puts
    a state where it is named last."""
    states = around.children if around else chart.roots
    for state in states:
        if state.initial:
            yield f"{indent}[*] --> {_mermaid_id(state.id)}"
    arrows: dict[tuple[str, str], list[str]] = {}
    for transition in _moves(chart):
        if _scope(chart, transition) is around:
            assert transition.target is not None
            ends = _mermaid_id(transition.source), _mermaid_id(transition.target)
            arrows.setdefault(ends, []).append(_caption(transition))
    for (source, target), captions in arrows.items():
        yield f"{indent}{source} --> {target} : {'<br>'.join(captions)}"
    for place, state in enumerate(states):
        if around and around.parallel and place:
            yield f"{indent}--"
        yield from _mermaid_state(chart, state, indent)


def _mermaid_state(chart: Chart, state: State, indent: str) -> Iterator[str]:
    name, lines = _mermaid_id(state.id), _inner_lines(state)
    if state.children:
        yield f'{indent}state "{state.id}" as {name} {{'
        yield from _mermaid_inside(chart, state, indent + "    ")
        yield f"{indent}}}"
        if lines:
            yield f"{indent}note right of {name}"
            yield from (f"{indent}    {line}" for line in lines)
            yield f"{indent}end note"
    else:
        yield f"{indent}{name} : {state.id}"
        yield from (f"{indent}{name} : {line}" for line in lines)
        if state.final:
            yield f"{indent}{name} --> [*]"


def _mermaid_id(state: str) -> str:
    return f"{state}_" if state in _MERMAID_WORDS else state


def _scope(chart: Chart, transition: Transition) -> State | None:
    """The innermost state that holds both ends of a transition."""
    assert transition.target is not None
    source, target = chart.states[transition.source], chart.states[transition.target]
    around_target = list(target.ancestors)
    return next((around for around in source.ancestors if around in around_target), None)
