"""Coverage of a chart by calls: which transitions were taken, which guards said yes and no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.chart import Chart, Transition
from engine.journal import AnyLine, Event


@dataclass(slots=True)
class Coverage:
    """Feed it the lines of journals of one chart."""

    chart: Chart
    taken: set[int] = field(default_factory=set)
    """The numbers of the transitions that were taken."""

    answers: set[tuple[str, bool]] = field(default_factory=set)
    """The guards that were asked, each with what it said."""

    def feed(self, lines: Iterable[AnyLine]) -> None:
        """Take in the lines of one call."""
        for line in lines:
            if isinstance(line, Event):
                self.taken.update(number for number, _ in line.took)
                self.answers.update(line.guards)

    @property
    def untaken(self) -> list[Transition]:
        """The transitions that no call has taken."""
        return [one for one in self.chart.transitions if one.number not in self.taken]

    @property
    def unanswered(self) -> list[tuple[str, bool]]:
        """The guards that never said yes, or never no."""
        asked = sorted(
            {name for one in self.chart.transitions for name in (*one.cond, *one.unless)}
        )
        outcomes = [(name, answer) for name in asked for answer in (True, False)]
        return [outcome for outcome in outcomes if outcome not in self.answers]

    def __str__(self) -> str:
        missing = [
            f"{self.chart.path}:{one.line}: never taken: {one.source} on {one.event}"
            + (f" if {one.guard}" if one.guard else "")
            for one in self.untaken
        ]
        missing += [
            f"{self.chart.path}: '{name}' never said {'yes' if answer else 'no'}"
            for name, answer in self.unanswered
        ]
        of = len(self.chart.transitions)
        taken = f"{of - len(self.untaken)} of {of} transitions taken"
        return "\n".join([*missing, taken])
