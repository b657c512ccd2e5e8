"""What a picture is painted with: how long calls were in each state and how often they took each
transition, or which transitions a campaign has taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.chart import Chart, State
from engine.picture.arrows import arrows_of
from engine.picture.style import HEATS
from engine.picture.tally import Taken, Tally

Heat = Literal["heat-0", "heat-1", "heat-2", "heat-3", "heat-4", "never", "plain"]
"""From seldom to often; ``never`` where that is bad, ``plain`` where it is not."""

_HEATS: tuple[Heat, ...] = ("heat-0", "heat-1", "heat-2", "heat-3", "heat-4")
_SHARES = (0.01, 0.05, 0.2, 0.5)
"""Where the heats of states part, by their share of the time."""


@dataclass(frozen=True, slots=True)
class Shade:
    """How one thing is painted: its heat, a figure of a few characters, and what is told of it
    when somebody points at it."""

    heat: Heat
    figure: str
    tip: str


@dataclass(frozen=True, slots=True)
class Paint:
    """``states`` by their ids, ``transitions`` by their numbers, ``arrows`` by their ids; what is
    not in them is left as it is. ``about`` says what is shown, the ``legend`` what a heat means."""

    about: str
    states: Mapping[str, Shade]
    transitions: Mapping[int, Shade]
    arrows: Mapping[str, Shade]
    legend: tuple[tuple[Heat, str], ...]


def by_use(chart: Chart, tally: Tally) -> Paint:
    """Painted by calls: how long they were in each state, how often they took each transition."""
    scale = _Scale.of(max(tally.taken.values(), default=0))
    shares = [f"under {share:.0%}" for share in _SHARES] + [f"{_SHARES[-1]:.0%} or more"]
    legend = [(heat, f"{share} of the time") for heat, share in zip(_HEATS, shares, strict=True)]
    return Paint(
        about=f"{_count(tally.calls, 'call')}, {_long(tally.ms)}: the time in each state, and "
        "how often each transition was taken.",
        states={
            state.id: _by_time(state, tally) for state in chart.states.values() if not state.final
        },
        transitions={
            one.number: scale.shade(tally.taken[one.number], "plain") for one in chart.transitions
        },
        arrows={
            arrow.id: scale.shade(sum(tally.taken[one] for one in arrow.transitions), "plain")
            for arrow in arrows_of(chart)
        },
        legend=tuple(_together(legend, scale)),
    )


def by_coverage(chart: Chart, taken: Taken) -> Paint:
    """Painted by coverage: what was never taken stands out."""
    scale = _Scale.of(max(taken.transitions.values(), default=0))
    times = {one.number: taken.transitions.get(one.number, 0) for one in chart.transitions}
    reached = sum(count > 0 for count in times.values())
    return Paint(
        about=f"{_count(taken.calls, 'call')}: {reached} of {len(times)} transitions taken.",
        states={
            state.id: _by_transitions(state, times)
            for state in chart.states.values()
            if state.transitions
        },
        transitions={number: scale.shade(count, "never") for number, count in times.items()},
        arrows={
            arrow.id: scale.shade(sum(times[one] for one in arrow.transitions), "never")
            for arrow in arrows_of(chart)
        },
        legend=(("never", "never taken"), *scale.legend),
    )


def _by_time(state: State, tally: Tally) -> Shade:
    ms, entered = tally.in_state_ms.get(state.id, 0.0), tally.entered[state.id]
    if not entered:
        return Shade("plain", "", "not entered")
    share = ms / tally.ms if tally.ms else 0.0
    # A region lasts as long as what it lies in: that says nothing.
    lasts = state.parallel or (state.parent is not None and state.parent.parallel)
    heat: Heat = "plain" if lasts else _HEATS[sum(share >= bound for bound in _SHARES)]
    tip = f"{share:.1%} of the time, {_long(ms)}; entered {_times(entered)}"
    return Shade(heat, f"{share:.0%} {_long(ms)}", f"{tip}, {_long(ms / entered)} each")


def _by_transitions(state: State, times: Mapping[int, int]) -> Shade:
    taken, of = sum(times[one.number] > 0 for one in state.transitions), len(state.transitions)
    heat: Heat = "plain" if taken else "never"
    return Shade(heat, f"{taken}/{of}", f"{taken} of its {_count(of, 'transition')} taken")


# --- the scale of transitions ---


@dataclass(frozen=True, slots=True)
class _Scale:
    """The heats of counts, in steps that grow; ``tops`` are the largest counts of each."""

    tops: tuple[int, ...]

    @classmethod
    def of(cls, most: int) -> _Scale:
        steps = {max(1, round(most ** (step / HEATS))) for step in range(1, HEATS + 1)}
        return cls(tuple(sorted(steps)) if most else ())

    def shade(self, count: int, none: Heat) -> Shade:
        if not count:
            return Shade(none, "0", "not taken" if none == "plain" else "never taken")
        # An arrow of several transitions may stand for more than the most of any: no hotter.
        step = min(sum(count > top for top in self.tops), len(self.tops) - 1)
        return Shade(_HEATS[step + HEATS - len(self.tops)], _short(count), f"taken {_times(count)}")

    @property
    def legend(self) -> tuple[tuple[Heat, str], ...]:
        """What each heat means, the hottest last."""
        heats = _HEATS[HEATS - len(self.tops) :]
        bottoms = (1, *(top + 1 for top in self.tops))
        return tuple(
            (heat, f"{low}×" if low == top else f"{low} to {top}×")
            for heat, low, top in zip(heats, bottoms, self.tops, strict=False)
        )


def _together(legend: list[tuple[Heat, str]], scale: _Scale) -> list[tuple[Heat, str]]:
    counts = dict(scale.legend)
    return [(heat, f"{what}, {counts[heat]}" if heat in counts else what) for heat, what in legend]


# --- figures ---


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _short(count: int) -> str:
    """A count in four characters at most."""
    if count < 1000:
        return f"{count}×"
    for unit, size in (("k", 1e3), ("M", 1e6)):
        if count < 999.5 * size:
            return (
                f"{count / size:.1f}{unit}" if count < 9.95 * size else f"{count / size:.0f}{unit}"
            )
    return "many"


def _long(ms: float) -> str:
    """A time for people: 840 ms, 12.4 s, 18 min, 3.2 h."""
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 99_950:
        return f"{ms / 1000:.1f} s"
    return f"{ms / 60_000:.0f} min" if ms < 6_000_000 else f"{ms / 3_600_000:.1f} h"
