"""Checks a chart without running a call: ``antiphon check``.

The loader has already refused what cannot be: names that nobody wrote, states that are there
twice. What is left is found in two ways. Reading the chart line by line shows whether the five
floor states are there, whether transitions that compete are told apart by their guards, and
whether every event has somebody who emits it and somebody who cares. Walking it
(:mod:`engine.proofs`, which says exactly what that proves and what it does not) shows what
calls can come to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine import proofs
from engine.chart import Chart, Transition, default_chart_path
from engine.findings import Finding, Report, error, warning
from engine.origins import EMITS, ENGINE_EMITS, RAISES, actions_of, effects_of, raised_by
from engine.situations import explore
from engine.vocabulary import ACTIONS, EFFECTS, GUARDS
from engine.walk import Walker

FLOOR_STATES = ("listening", "thinking", "speaking", "interrupted")
"""Who has the floor; beside them `idle`, before the call."""


def check(chart: Chart) -> Report:
    """Everything that is wrong with a chart, and what is worth knowing of it.

    Raises :class:`~engine.errors.ChartError` if it has too many situations to be walked.
    """
    shadowed = dict(_shadowed(chart))
    silent = _never_emitted(chart)
    situations = explore(chart)
    dead = frozenset(shadowed) | {
        transition.number for transition in chart.transitions if transition.event in silent
    }
    findings = [
        *_floor(chart),
        *_begins(chart),
        *shadowed.values(),
        *silent.values(),
        *_unheeded(chart),
        *_unused(chart),
        *(proofs.restless(situations) or proofs.findings(situations, dead)),
    ]
    return Report(
        path=chart.path,
        findings=tuple(sorted(findings, key=lambda one: one.line)),
        states=len(chart.states),
        transitions=len(chart.transitions),
        configurations=len({situation.configuration for situation in situations.reached}),
        situations=len(situations.reached),
    )


def is_proven(chart: Chart) -> bool:
    """Whether it is the chart that comes with antiphon, unchanged: our tests check it, so that no
    start has to. Its digest stands beside it, in ``call.proven``."""
    noted = default_chart_path().with_suffix(".proven")
    return noted.is_file() and noted.read_text(encoding="utf-8").strip() == chart.digest


def _floor(chart: Chart) -> Iterator[Finding]:
    """The floor states are the frame of every record and every proof: they must be there."""
    for name in ("idle", *FLOOR_STATES):
        if name not in chart.states:
            yield error(
                chart,
                chart.roots[0].line,
                f"there is no state '{name}'",
                f"every chart has the states idle, {', '.join(FLOOR_STATES)}",
            )
    present = [chart.states[name] for name in FLOOR_STATES if name in chart.states]
    for state in present[1:]:
        if state.parent is not present[0].parent:
            yield error(
                chart,
                state.line,
                f"'{state.id}' is not beside '{present[0].id}'",
                f"the states {', '.join(FLOOR_STATES)} share one region",
            )


def _begins(chart: Chart) -> Iterator[Finding]:
    """The state a call begins in is there before anything can run."""
    for name in Walker(chart).initial():
        state = chart.states[name]
        if state.invoke or state.enter:
            lost = [*state.enter, *state.invoke]
            yield error(
                chart,
                state.line,
                f"'{name}' is where a chart begins: {', '.join(lost)} would not be carried out",
                "leave it to the transition on 'answered' and to what that leads to",
            )


# --- transitions that compete ---


def _shadowed(chart: Chart) -> Iterator[tuple[int, Finding]]:
    """Transitions that one before them, on the same event of the same state, always beats."""
    for state in chart.states.values():
        for place, transition in enumerate(state.transitions):
            event, what = transition.event, f"'{transition.event}' of '{state.id}'"
            contrary = sorted(set(transition.cond) & set(transition.unless))
            if contrary:
                yield (
                    transition.number,
                    error(
                        chart,
                        transition.line,
                        f"{what} asks for '{contrary[0]}' and for its opposite",
                        "remove one of them",
                    ),
                )
                continue
            rivals = [rival for rival in state.transitions[:place] if rival.event == event]
            first = next((rival for rival in rivals if _beats(rival, transition)), None)
            if first is not None:
                yield transition.number, _shadow(chart, what, first, transition)


def _beats(rival: Transition, transition: Transition) -> bool:
    return set(rival.cond) <= set(transition.cond) and set(rival.unless) <= set(transition.unless)


def _shadow(chart: Chart, what: str, first: Transition, transition: Transition) -> Finding:
    if not first.guard:
        found, to_do = "has no guard", f"put the one of line {first.line} last, or guard it"
    elif _beats(transition, first):
        found, to_do = f"has the same guard, {first.guard}", "tell them apart, or remove one"
    else:
        found, to_do = f"asks for less, {first.guard}", "put the one that asks for more first"
    return error(chart, transition.line, f"{what} is never taken: line {first.line} {found}", to_do)


# --- events without a source, events without a reader ---


def _never_emitted(chart: Chart) -> dict[str, Finding]:
    """Events the chart waits for in vain."""
    emitted = set(ENGINE_EMITS)
    emitted.update(event for effect in effects_of(chart) for event in EMITS[effect])
    emitted.update(event for action in actions_of(chart) for event in raised_by(action))
    found: dict[str, Finding] = {}
    for transition in chart.transitions:
        event = transition.event
        if event in emitted or event in found:
            continue
        sources = [effect for effect, events in EMITS.items() if event in events]
        sources += [action for action in RAISES if event in raised_by(action)]
        found[event] = error(
            chart,
            transition.line,
            f"nothing in the chart emits '{event}'",
            f"use {' or '.join(sources)}, or remove what waits for it",
        )
    return found


def _unheeded(chart: Chart) -> Iterator[Finding]:
    """Events that are emitted and that no state reacts to."""
    for effect, line in effects_of(chart).items():
        yield from _ignored(chart, line, effect, EMITS[effect])
    for action, line in actions_of(chart).items():
        yield from _ignored(chart, line, action, raised_by(action))


def _ignored(chart: Chart, line: int, source: str, events: tuple[str, ...]) -> Iterator[Finding]:
    for event in events:
        if event not in chart.events:
            yield warning(
                chart,
                line,
                f"no state reacts to '{event}', which '{source}' emits",
                f"react to it, or do without '{source}'",
            )


def _unused(chart: Chart) -> Iterator[Finding]:
    """What was written and the chart of antiphon has no use for; another chart need not use
    everything."""
    if Path(chart.path).resolve() != default_chart_path().resolve():
        return
    guards = {
        guard
        for transition in chart.transitions
        for guard in (*transition.cond, *transition.unless)
    }
    used = {
        "guard": (GUARDS, guards),
        "action": (ACTIONS, actions_of(chart)),
        "effect": (EFFECTS, effects_of(chart)),
    }
    for kind, (written, wanted) in used.items():
        for name in written:
            if name not in wanted:
                yield warning(chart, 1, f"the {kind} '{name}' is not used", "use it, or remove it")
