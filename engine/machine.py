"""The chart as a running machine: python-statemachine says how it steps, pure functions decide.

A step is one event run to completion, including the events that actions raise. The machine asks
the guards, follows the plan that the library made for such a case (see :mod:`engine.plans`), and
tells what came of it as a :class:`Step`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from engine.chart import Chart
from engine.plans import Choice, Plan, plans_of
from engine.records import Record, Start, Stop, fold
from states.call import Call
from states.commands import Raise
from states.events import EVENTS, Event


@dataclass(slots=True)
class Step:
    """What one event did.

    ``transitions`` are those taken, in order, with the event each reacted to; ``guards`` the
    values of the guards that were asked; ``records`` what is to be carried out, in order.
    """

    transitions: list[tuple[int, str]] = field(default_factory=list)
    guards: list[tuple[str, bool]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


class Machine:
    """One call's chart, ready to step.

    ``dispatch`` is synchronous. An exception in a guard or action passes through; the machine
    is then in an undefined state and must not be used again.
    """

    def __init__(self, chart: Chart, call: Call) -> None:
        self.call = call
        self._plans = plans_of(chart)
        self._at = self._plans.begin.after
        # What the first states ask for is not carried out: nobody is there yet.
        begun, raised = Step(), deque[str]()
        event = EVENTS["answered"](at_ms=0.0)
        self._follow(self._plans.begin, event, begun, raised)
        self._finish(event, begun, raised)

    @property
    def configuration(self) -> tuple[str, ...]:
        """The active states, in document order."""
        return self._at.states

    @property
    def ended(self) -> bool:
        """Whether a final state was reached."""
        return self._at.over

    def dispatch(self, event: Event) -> Step:
        """Run one event to completion and return what it did."""
        step = Step()
        if not self.ended:
            self._finish(event, step, deque([event.name]))
            step.records = fold(step.records)
        return step

    def _finish(self, event: Event, step: Step, pending: deque[str]) -> None:
        """React to what is pending, and to what is raised on the way, in order."""
        while pending:
            enabled: list[int] = []
            for choices in self._at.choices.get(pending.popleft(), ()):
                number = self._first_that_holds(choices, event, step)
                if number is not None:
                    enabled.append(number)
            if enabled:
                self._follow(self._plans.plan(self._at, tuple(enabled)), event, step, pending)

    def _first_that_holds(
        self, choices: tuple[Choice, ...], event: Event, step: Step
    ) -> int | None:
        for number, questions in choices:
            for question in questions:
                value = question.guard(self.call, event)
                step.guards.append((question.name, value))
                if value != question.wanted:
                    break
            else:
                return number
        return None

    def _follow(self, plan: Plan, event: Event, step: Step, pending: deque[str]) -> None:
        """Do what a plan says; what it raises is put on ``pending``."""
        step.transitions.extend(plan.transitions)
        for work in plan.work:
            if isinstance(work, (Start, Stop)):
                step.records.append(work)
                continue
            for command in work(self.call, event):
                if isinstance(command, Raise):
                    pending.append(command.event)
                else:
                    step.records.append(command)
        self._at = plan.after
