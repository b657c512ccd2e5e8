"""What a whole campaign has reached, of what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.chart import Chart
from engine.coverage import Coverage
from engine.fuzzing.failure import Failure
from engine.fuzzing.moments import OVER, Moment, Moments
from engine.fuzzing.sometimes import EXERCISED, SOMETIMES, laws_exercised, marks_of
from engine.simulation.trace import Trace


@dataclass(slots=True)
class Explored:
    """Plain sets, so that what several processes explored can be put together.

    ``taken`` counts transitions by their numbers, ``answers`` are what guards said, ``met`` the
    events that a state met, ``points`` where tasks were seen to wait, ``aborted`` where the call
    was cancelled; ``laws`` had something to observe; ``marks`` are of
    :data:`~engine.fuzzing.sometimes.SOMETIMES`.
    """

    calls: int = 0
    taken: Counter[int] = field(default_factory=Counter)
    answers: set[tuple[str, bool]] = field(default_factory=set)
    met: set[tuple[str, str]] = field(default_factory=set)
    points: set[str] = field(default_factory=set)
    aborted: set[str] = field(default_factory=set)
    laws: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)

    def feed(self, trace: Trace) -> None:
        """Take in one call."""
        self.calls += 1
        before: list[str] = []
        for line in trace.events():
            self.taken.update(number for number, _ in line.took)
            self.answers.update(line.guards)
            happened = {line.event.name, *(event for _, event in line.took)}
            self.met.update((state, event) for event in happened for state in before)
            before = line.states
        if len(self.marks) < len(SOMETIMES):
            self.marks |= marks_of(trace, SOMETIMES.keys() - self.marks)
        if len(self.laws) < len(EXERCISED):
            self.laws |= laws_exercised(trace, EXERCISED.keys() - self.laws)

    def learn(self, call: Failure, moments: Moments) -> None:
        """Take in one call that was watched. Nothing is learned of one that crashed."""
        if call.crashed:
            return
        self.feed(call.trace)
        self.saw(seen.moment for seen in moments.distinct())
        for _, injection in call.trace.injected:
            if injection.does == "cancel":
                self.tried(moments.seen[injection.step - 1].moment)

    def saw(self, moments: Iterable[Moment]) -> None:
        """Take in where the tasks of a call waited."""
        self.points.update(moment.point for moment in moments if moment.point != OVER)

    def tried(self, moment: Moment) -> None:
        """Take in where a call was cancelled."""
        if moment.point != OVER:
            self.aborted.add(moment.point)

    def merge(self, other: Explored) -> None:
        """Take in what another process explored."""
        self.calls += other.calls
        for name in ("taken", "answers", "met", "points", "aborted", "laws", "marks"):
            getattr(self, name).update(getattr(other, name))

    @property
    def never(self) -> list[str]:
        """What should have happened at least once, and has not."""
        return [name for name in SOMETIMES if name not in self.marks]

    def table(self, chart: Chart) -> str:
        """What was reached of what there is, and what was not."""
        on_chart = Coverage(chart, set(self.taken), set(self.answers))
        untaken, unanswered = on_chart.untaken, on_chart.unanswered
        guards = {name for one in chart.transitions for name in (*one.cond, *one.unless)}
        reacts = {(one.source, one.event) for one in chart.transitions}
        rows = [
            ("transitions", len(chart.transitions) - len(untaken), len(chart.transitions)),
            ("guard outcomes", 2 * len(guards) - len(unanswered), 2 * len(guards)),
            ("(state, event) that react", len(reacts & self.met), len(reacts)),
            ("await points aborted", len(self.aborted & self.points), len(self.points)),
            ("laws exercised", len(self.laws), len(EXERCISED)),
            ("sometimes", len(self.marks), len(SOMETIMES)),
        ]
        lines = [f"{name:<28} {reached:>6} of {there_is}" for name, reached, there_is in rows]
        lines.append(f"{'(state, event) seen':<28} {len(self.met):>6}")
        missing = [f"never aborted: {point}" for point in sorted(self.points - self.aborted)]
        missing += [f"never exercised: {law}" for law in EXERCISED if law not in self.laws]
        missing += [f"never happened: {name}" for name in self.never]
        return "\n".join([*lines, *missing])
