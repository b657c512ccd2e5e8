"""Which states have a colour of their own, so that the eye can follow what begins in them."""

from __future__ import annotations

from engine.chart import Chart, State
from engine.picture.style import HUES


def hues_of(chart: Chart) -> dict[str, int]:
    """The number of the colour of each state that has one, by its id.

    Those directly in the largest region have each their own, with all that is inside them; so
    have the other regions. In a chart without regions the outermost states have.
    """
    parallel = next((state for state in chart.states.values() if state.parallel), None)
    families: list[State] = list(chart.roots)
    if parallel is not None:
        large = max(parallel.children, key=lambda region: len(list(region.walk())))
        others = [region for region in parallel.children if region is not large]
        families = [*(large.children or [large]), *others]
    return {
        state.id: place % HUES for place, family in enumerate(families) for state in family.walk()
    }
