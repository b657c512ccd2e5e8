"""Draws a chart: the sources of a Mermaid and of a Graphviz diagram.

Both show every state within the states around it, the regions that run side by side, where each
begins, what each state runs, and every transition with its guard. The same chart always gives the
same text.

The Graphviz drawing writes all that a state does into its box, in the order in which it is asked,
each line with where it leads; its arrows only lead the eye, one between two boxes, so that no
label can lie over another. Mermaid, which draws small charts well, has its labels at the arrows.

A transition goes by its number, t12, as in journals and in the matrix. In the Graphviz drawing
elements have ids that last: ``state-<id>``, and ``from-<id>-to-<id>`` for an arrow.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from engine.chart import Chart, State, Transition

# --- what is written where ---


def _is_arrow(chart: Chart, transition: Transition) -> bool:
    """Whether a transition is drawn as an arrow. One that stays, or leads from a state to what
    lies inside it, is written into the state."""
    if transition.target is None:
        return False
    return chart.states[transition.source] not in chart.states[transition.target].ancestors


def _caption(transition: Transition) -> str:
    """The event and its guard: what has to happen."""
    guard = f" [{transition.guard}]" if transition.guard else ""
    return f"t{transition.number} {transition.event}{guard}"


def _inner_lines(chart: Chart, state: State, *, arrows: bool = False) -> list[str]:
    """What a state runs, does on the way in and out, and does without an arrow (or, with
    ``arrows``, at all)."""
    lines = [f"runs {', '.join(state.invoke)}"] if state.invoke else []
    lines += [f"entry / {', '.join(state.enter)}"] if state.enter else []
    lines += [f"exit / {', '.join(state.exit)}"] if state.exit else []
    for transition in state.transitions:
        if arrows or not _is_arrow(chart, transition):
            does = f" / {', '.join(transition.on)}" if transition.on else ""
            leads = f" → {transition.target}" if transition.target else ""
            lines.append(_caption(transition) + does + leads)
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
    """What is inside a state: its states, the arrows between them, and where it begins (last,
    because Mermaid's layout fails where it is first)."""
    states = around.children if around else chart.roots
    for place, state in enumerate(states):
        if around and around.parallel and place:
            yield f"{indent}--"
        yield from _mermaid_state(chart, state, indent)
    arrows: dict[tuple[str, str], list[str]] = {}
    for transition in chart.transitions:
        if _is_arrow(chart, transition) and _scope(chart, transition) is around:
            source, target, caption = _lifted(chart, transition, around)
            arrows.setdefault((source, target), []).append(caption)
    for (source, target), captions in arrows.items():
        ends = f"{_mermaid_id(source)} --> {_mermaid_id(target)}"
        yield f"{indent}{ends} : {'<br>'.join(captions)}"
    for state in states:
        if state.initial:
            yield f"{indent}[*] --> {_mermaid_id(state.id)}"


def _lifted(chart: Chart, transition: Transition, around: State | None) -> tuple[str, str, str]:
    """An arrow between states that lie directly in ``around``. Mermaid cannot draw one across
    the border of a state, so an end that lies deeper is named in the caption."""
    assert transition.target is not None
    ends = []
    for name in (transition.source, transition.target):
        end = chart.states[name]
        while end.parent is not around:
            assert end.parent is not None
            end = end.parent
        ends.append(end.id)
    source, target = ends
    caption = _caption(transition)
    if source != transition.source:
        caption = f"{transition.source} · {caption}"
    if target != transition.target:
        caption += f" → {transition.target}"
    return source, target, caption.replace(" ", "\N{NO-BREAK SPACE}")


def _mermaid_state(chart: Chart, state: State, indent: str) -> Iterator[str]:
    name, lines = _mermaid_id(state.id), _inner_lines(chart, state)
    if not state.children:
        yield from _mermaid_box(name, state.id, lines, indent)
        if state.final:
            yield f"{indent}{name} --> [*]"
        return
    yield f'{indent}state "{state.id}" as {name} {{'
    yield from _mermaid_inside(chart, state, indent + "    ")
    if lines and not state.parallel:
        yield from _mermaid_box(f"{name}__", f"in all of {state.id}", lines, indent + "    ")
    yield f"{indent}}}"
    if lines and state.parallel:
        yield f"{indent}note right of {name}"
        yield from (f"{indent}    {line}" for line in lines)
        yield f"{indent}end note"


def _mermaid_box(name: str, title: str, lines: list[str], indent: str) -> Iterator[str]:
    yield f"{indent}{name} : {title}"
    yield from (f"{indent}{name} : {line}" for line in lines)


def _mermaid_id(state: str) -> str:
    return f"{state}_" if state in _MERMAID_WORDS else state


def _scope(chart: Chart, transition: Transition) -> State | None:
    """The innermost state that holds both ends of a transition."""
    assert transition.target is not None
    source, target = chart.states[transition.source], chart.states[transition.target]
    around_target = list(target.ancestors)
    return next((around for around in source.ancestors if around in around_target), None)


# --- Graphviz ---

_GRAPH = """\
  graph [compound=true, newrank=true, ranksep=0.45, nodesep=0.25, fontname="Helvetica", fontsize=12]
  node [shape=box, style="rounded,filled", fillcolor="white", fontname="Helvetica", fontsize=11]
  edge [arrowsize=0.7]"""

_COLOURS = ("#1f5fa8", "#b35900", "#1e7d32", "#8e24aa", "#c62828", "#00696b")
"""What begins in one state of a region is drawn in one colour, so that the eye can follow."""


def graphviz(chart: Chart) -> str:
    """The chart as a Graphviz graph, for ``dot``."""
    lines = [f"digraph {_quoted(chart.name)} {{", _GRAPH]
    for state in chart.roots:
        lines += _dot_state(chart, state, "  ")
    lines += [_dot_begin(None, chart.roots, "  ")]
    ends = {
        (transition.source, transition.target): transition
        for transition in reversed(chart.transitions)
        if _is_arrow(chart, transition) and transition.source != transition.target
    }
    lines += [_dot_arrow(chart, transition) for transition in reversed(ends.values())]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_state(chart: Chart, state: State, indent: str) -> Iterator[str]:
    label = _dot_label(state, _inner_lines(chart, state, arrows=True))
    if not state.children:
        shape = ", peripheries=2" if state.final else ""
        attributes = f'id="state-{state.id}", label={label}, color="{_colour(state)}"{shape}'
        yield f"{indent}{_quoted(state.id)} [{attributes}]"
        return
    is_region = state.parent is not None and state.parent.parallel
    style = "rounded,dashed" if is_region else "rounded,filled"
    yield f"{indent}subgraph {_quoted(_cluster(state))} {{"
    yield f'{indent}  id="state-{state.id}"; label={label}; labeljust=l'
    yield f'{indent}  style="{style}"; fillcolor="#f6f6f6"; color="{_colour(state)}"'
    for child in state.children:
        yield from _dot_state(chart, child, indent + "  ")
    if not state.parallel:
        yield _dot_begin(state, state.children, indent + "  ")
    yield f"{indent}}}"


def _dot_begin(around: State | None, states: Sequence[State], indent: str) -> str:
    """The dot from which an arrow leads to the state in which others begin."""
    dot = _quoted(f"begin {around.id}" if around else "begin")
    (first,) = (state for state in states if state.initial)
    return (
        f'{indent}{dot} [shape=point, width=0.12, fillcolor="black"]; '
        f"{dot} -> {_quoted(_anchor(first))}{_attributes(lhead=_cluster(first))}"
    )


def _dot_arrow(chart: Chart, transition: Transition) -> str:
    assert transition.target is not None
    source, target = chart.states[transition.source], chart.states[transition.target]
    # An arrow cannot end at the border of a state that it begins in.
    returns = source is target or target in source.ancestors
    attributes = _attributes(
        id=f"from-{source.id}-to-{target.id}",
        ltail=_cluster(source),
        lhead="" if returns else _cluster(target),
        color=_colour(source),
    )
    return f"  {_quoted(_anchor(source))} -> {_quoted(_anchor(target))}{attributes}"


def _colour(state: State) -> str:
    """The colour of the outermost state around this one that is not itself a region."""
    for one in (state, *state.ancestors):
        region = one.parent
        if region is not None and region.parent is not None and region.parent.parallel:
            return _COLOURS[region.children.index(one) % len(_COLOURS)]
    return "#444444"


def _anchor(state: State) -> str:
    """The box at which an arrow to a state ends: Graphviz has none for a state of states."""
    while state.children:
        state = next((child for child in state.children if child.initial), state.children[0])
    return state.id


def _cluster(state: State) -> str:
    return f"cluster_{state.id}" if state.children else ""


def _dot_label(state: State, lines: list[str]) -> str:
    rows = [f"<b>{html.escape(state.id)}</b>", *(html.escape(line) for line in lines)]
    cells = "".join(f'<tr><td align="left">{row}</td></tr>' for row in rows)
    return f'<<table border="0" cellspacing="0" cellpadding="1">{cells}</table>>'


def _attributes(**values: str) -> str:
    given = ", ".join(f"{name}={_quoted(value)}" for name, value in values.items() if value)
    return f" [{given}]" if given else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
