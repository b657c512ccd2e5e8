"""What the tests of charts share: small charts, calls without a caller, events of any kind."""

from __future__ import annotations

from textwrap import dedent

import msgspec

from engine.chart import Chart, default_chart_path, load_chart, parse_chart
from engine.simulation.scenario import Scenario
from engine.simulation.world import agent_for
from engine.vocabulary import VOCABULARY
from states.call import Call
from states.events import EVENTS, Event
from states.settings import Settings


def small_chart(text: str, path: str = "small.yaml") -> Chart:
    """A chart from its text, which may be indented."""
    return parse_chart(dedent(text), path, VOCABULARY)


def shipped_chart() -> Chart:
    """The chart that comes with antiphon."""
    return load_chart(default_chart_path(), VOCABULARY)


def a_call() -> Call:
    """A call in which nothing has happened yet."""
    return Call(Settings(), agent_for(Scenario(says="")))


def an_event(name: str) -> Event:
    """An event by its name on the chart, with a payload that says nothing."""
    usual: dict[object, object] = {float: 0.0, int: 0, str: "", bool: False}
    cls = EVENTS[name]
    fields = {
        one.name: usual.get(one.type, "done") for one in msgspec.structs.fields(cls) if one.required
    }
    return msgspec.convert(fields, cls)
