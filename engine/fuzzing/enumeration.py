"""Known calls, disturbed at every moment: in each place that a call can be in, each thing that
can happen there happens once, and no law may be broken.

Where a call can be is known from the undisturbed calls, recorded step by step
(:mod:`engine.fuzzing.moments`); which calls are held is decided in :mod:`engine.fuzzing.plans`.
Nothing is random, and the outcome does not depend on how many processes share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice

from msgspec.structs import replace

from engine.chart import Chart
from engine.fuzzing.corpus import signature
from engine.fuzzing.coverage import Explored
from engine.fuzzing.failure import Failure, held, judge
from engine.fuzzing.moments import Moments
from engine.fuzzing.plans import (
    Plan,
    Recording,
    beside_others,
    everywhere,
    firsts,
    moments_of,
    rotated,
    seconds,
    singles,
)
from engine.fuzzing.processes import Progress, never, spread
from engine.fuzzing.silence import silenced
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Scenario

SHORT_STEPS = 160
"""A call of at most so many steps is disturbed twice."""

PAIRS = 5000
"""How many pairs are tried, spread evenly over all there are, unless it is to be thorough."""

BESIDE = 500
"""How many calls are held beside another one, unless it is to be thorough."""

CHUNK = 16
"""Calls that a process is given at once."""

Named = tuple[str, Scenario]


@dataclass(slots=True)
class EnumerationReport:
    """What an enumeration held, and what it found.

    ``excluded`` are the scenarios that break laws undisturbed; they are not disturbed. A place is
    a distinct moment with an injection that can act at it; all ``places`` are tried, unless
    ``complete`` is false: then it was stopped before. ``broken`` is how many calls break a law;
    ``failures`` the first of each signature.
    """

    chart: Chart
    scenarios: int = 0
    excluded: tuple[str, ...] = ()
    steps: int = 0
    moments: int = 0
    places: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    pairs_possible: int = 0
    broken: int = 0
    complete: bool = True
    explored: Explored = field(default_factory=Explored)
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        runs = ", ".join(f"{count} {what}" for what, count in self.runs.items())
        points = f"{len(self.explored.aborted)} of {len(self.explored.points)}"
        lines = [
            f"{self.scenarios} scenarios with {self.steps} steps",
            f"{self.moments} distinct moments, {self.places} with what can happen there",
            f"{sum(self.runs.values())} calls held: {runs}",
            f"{self.pairs_possible} pairs are possible",
            f"{points} await points were hit by a cancellation",
        ]
        if self.excluded:
            lines.append(f"broken undisturbed, and left out: {', '.join(self.excluded)}")
        if not self.complete:
            lines.append("stopped early: not everything was tried")
        lines.append(f"{self.broken} calls break a law")
        return "\n".join(lines)


def enumerate_calls(
    subject: Subject,
    scenarios: Sequence[Named],
    *,
    jobs: int = 1,
    each: int = 1,
    pairs: int = PAIRS,
    thorough: bool = False,
    over: Callable[[], bool] = never,
    progress: Progress = lambda what, done, of: None,
) -> EnumerationReport:
    """Disturb calls, whose names are for the report, and judge each by the laws.

    Every distinct moment of all the calls is met with every injection that can act there, in the
    ``each`` shortest calls that have it; short calls are disturbed twice, in at most ``pairs``
    ways; each call is held under other orders of its tasks, and beside another call that is
    disturbed. ``thorough`` takes every step of every call, and every pair, for hours. All of it is
    left where it is when it is ``over``.
    """
    enumeration = _Enumeration(subject, scenarios, jobs, over, progress)
    with silenced():
        enumeration.record()
        if thorough:
            enumeration.hold_everywhere()
        else:
            enumeration.hold("singles", list(singles(enumeration.recordings, each)))
        enumeration.hold("rotations", list(rotated(enumeration.recordings)))
        enumeration.hold_beside_others(None if thorough else BESIDE)
        enumeration.hold_pairs(None if thorough else pairs)
    enumeration.report.complete = not over()
    return enumeration.report


@dataclass(slots=True)
class _Found:
    """What a few calls came to: those that break a law, and what was reached."""

    explored: Explored = field(default_factory=Explored)
    broken: list[Plan] = field(default_factory=list)
    calls: int = 0
    followed_by: int = 0


class _Enumeration:
    def __init__(
        self,
        subject: Subject,
        scenarios: Sequence[Named],
        jobs: int,
        over: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self.subject = subject
        # Each is disturbed alone; which are held beside each other is decided here.
        self.scenarios = [replace(scenario, beside=None) for _, scenario in scenarios]
        self.names = [name for name, _ in scenarios]
        self.jobs = jobs
        self.over = over
        self.progress = progress
        self.recordings: list[Recording] = []
        self.signatures: set[str] = set()
        self.report = EnumerationReport(subject.chart, scenarios=len(scenarios))

    def record(self) -> None:
        """Hold every call undisturbed."""
        report = self.report
        records = spread(self._record, len(self.scenarios), self.jobs, self.over)
        for recording, explored in records:
            if recording.broken:
                self._failed(self.scenarios[len(self.recordings)])
            self.recordings.append(recording)
            report.explored.merge(explored)
            self.progress("recorded", len(self.recordings), len(self.scenarios))
        report.explored.saw(report_moments := moments_of(self.recordings))
        report.moments = len(report_moments)
        report.steps = sum(len(recording.seen) for recording in self.recordings)
        report.places = sum(1 for _ in singles(self.recordings))
        report.runs["undisturbed"] = len(self.recordings)
        report.excluded = tuple(
            f"{name} ({', '.join(recording.broken)})"
            for name, recording in zip(self.names, self.recordings, strict=False)
            if recording.broken
        )

    def _record(self, number: int) -> tuple[Recording, Explored]:
        moments, explored = Moments(), Explored()
        call = held(self.scenarios[number], self.subject, moments)
        if not call.crashed:
            explored.feed(call.trace)
        return Recording(tuple(moments.seen), call.trace.decisions, call.laws), explored

    def hold(self, what: str, plans: Sequence[Plan], of: str = "") -> None:
        """Hold all planned calls; ``of`` which call they are, if of one."""
        self._carry_out(
            what,
            -(-len(plans) // CHUNK),
            lambda number: self._hold_all(plans[number * CHUNK : (number + 1) * CHUNK]),
            of,
        )

    def hold_everywhere(self) -> None:
        """Disturb each call at each of its steps, a call at a time: all plans are too many."""
        for number in range(len(self.recordings)):
            of = f" of call {number + 1} of {len(self.recordings)}"
            self.hold("singles", list(everywhere(self.recordings, number)), of)

    def hold_beside_others(self, most: int | None) -> None:
        """Hold calls beside others that are disturbed."""
        self.hold("beside another", list(beside_others(self.recordings, self.scenarios, most)))

    def hold_pairs(self, most: int | None) -> None:
        """Disturb the short calls twice, in at most so many ways, evenly spread."""
        beginnings = list(firsts(self.recordings, SHORT_STEPS))
        counts = self._carry_out(
            "firsts of pairs", len(beginnings), lambda number: self._firsts(beginnings[number])
        )
        possible = self.report.pairs_possible = sum(counts)
        every = 1 if most is None else -(-possible // max(1, most))
        before = [0, *accumulate(counts)]
        chosen = [
            (first, -start % every)
            for first, start, count in zip(beginnings, before, counts, strict=False)
            if most != 0 and -start % every < count
        ]
        self._carry_out("pairs", len(chosen), lambda number: self._pairs(*chosen[number], every))

    def _carry_out(
        self, what: str, many: int, work: Callable[[int], _Found], of: str = ""
    ) -> list[int]:
        """Let the work be done; returns how many calls may follow each piece of it."""
        report, followed = self.report, []
        for done, found in enumerate(spread(work, many, self.jobs, self.over), start=1):
            report.runs[what] = report.runs.get(what, 0) + found.calls
            report.explored.merge(found.explored)
            for plan in found.broken:
                self._failed(plan.apply(self.scenarios[plan.scenario]))
            followed.append(found.followed_by)
            self.progress(what + of, done, many)
        return followed

    def _failed(self, scenario: Scenario) -> None:
        """What another process found, held again: a trace is too large to be sent."""
        failure = judge(scenario, self.subject)
        if failure is not None:
            self.report.broken += 1
            if (name := signature(failure)) not in self.signatures:
                self.signatures.add(name)
                self.report.failures.append(failure)

    def _hold_all(self, plans: Sequence[Plan]) -> _Found:
        found = _Found()
        for plan in plans:
            self._hold(plan, found)
        return found

    def _hold(self, plan: Plan, found: _Found, moments: Moments | None = None) -> None:
        call = held(plan.apply(self.scenarios[plan.scenario]), self.subject, moments)
        found.calls += 1
        if not call.crashed:
            found.explored.feed(call.trace)
        for injection, moment in zip(plan.injections, plan.at, strict=True):
            if injection.does == "cancel":
                found.explored.tried(moment)
        if call.violations:
            found.broken.append(plan)

    def _firsts(self, first: Plan) -> _Found:
        """Hold a call with the first injection of pairs, to see how many there are."""
        moments, found = Moments(), _Found()
        self._hold(first, found, moments)
        found.explored.saw({seen.moment for seen in moments.seen})
        found.followed_by = sum(1 for _ in seconds(first, moments.seen))
        return found

    def _pairs(self, first: Plan, start: int, every: int) -> _Found:
        """Hold each so-many-th of the pairs that begin so."""
        moments, found = Moments(), _Found()
        self._hold(first, _Found(), moments)
        for plan in islice(seconds(first, moments.seen), start, None, every):
            if self.over():
                break
            self._hold(plan, found)
        return found
