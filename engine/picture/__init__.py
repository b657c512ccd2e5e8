"""The picture of a chart: a stand-in, until the real one."""

from __future__ import annotations

from engine.chart import Chart
from engine.errors import AntiphonError


def layout_of(chart: Chart) -> object:
    """Where everything stands."""
    raise AntiphonError(f"{chart.path}: no layout; install Graphviz")


def svg(chart: Chart, layout: object) -> str:
    """The drawing."""
    raise AntiphonError(f"{chart.path}: no drawing")
