"""What is fuzzed: a chart, the agent on it, and its tools."""

from __future__ import annotations

from dataclasses import dataclass

from effects.ports import ToolSpec
from engine.chart import Chart
from engine.simulation.scenario import Scenario
from engine.simulation.trace import Trace
from engine.simulation.world import Watch, default_chart, simulate
from states.agent import Agent


@dataclass(frozen=True, slots=True)
class Subject:
    """A chart, and who answers on it.

    Without an ``agent`` it is the simulation's own, whose lines are short and told apart easily.
    ``tools`` are those that the agent may use: scripted ones stand in for them, which take, fail
    and change what the call's script says.
    """

    chart: Chart
    agent: Agent | None = None
    tools: tuple[ToolSpec, ...] = ()

    def hold(self, scenario: Scenario, watch: Watch | None = None) -> Trace:
        """Hold one call, with a ``watch`` looking on, and return its trace."""
        return simulate(scenario, self.chart, self.agent, watch)


def default_subject() -> Subject:
    """The chart that comes with antiphon, with the simulation's agent."""
    return Subject(default_chart())
