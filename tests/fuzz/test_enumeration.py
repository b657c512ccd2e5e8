"""A slice of the enumeration, whole in itself; and what its plans promise."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import pytest

from effects.playout import Playout
from engine.fuzzing.coverage import Explored
from engine.fuzzing.enumeration import SHORT_STEPS, EnumerationReport, enumerate_calls
from engine.fuzzing.failure import held, judge
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
from engine.fuzzing.replay_string import replay_string, scenario_of
from engine.fuzzing.runs import smallest
from engine.fuzzing.sometimes import SOMETIMES
from engine.fuzzing.story import story
from engine.fuzzing.subject import default_subject
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Injection, Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from tests.fuzz.mutants.run import MUTANTS

SHORT = Path(__file__).parents[1] / "scenarios" / "short"
TINY = Scenario(says="The caller hangs up at once.", greeting="Hi.", ends_at=0.04)
"""Everything that can be tried with it is tried."""

GREETED = Scenario(says="The caller is greeted.", greeting="Oh hi to you.", ends_at=0.9)

CALLS = [
    ("an answer", load_scenario(SHORT / "an_answer.yaml")),
    ("an interruption", load_scenario(SHORT / "an_interruption.yaml")),
]


def record(scenario: Scenario) -> Recording:
    moments = Moments()
    trace = simulate(scenario, watch=moments)
    return Recording(tuple(moments.seen), trace.decisions)


@cache
def recordings() -> tuple[Recording, ...]:
    return tuple(record(scenario) for _, scenario in CALLS)


def test_every_distinct_moment_meets_everything_that_can_happen_there_once() -> None:
    """No place is left out, none is taken twice, and the order is always the same."""
    plans = list(singles(recordings()))
    places = [(plan.at[0], plan.injections[0].does, plan.injections[0].what) for plan in plans]
    expected = {
        (seen.moment, *cause)
        for recording in recordings()
        for seen in recording.seen
        for cause in seen.causes
    }
    assert set(places) == expected
    assert len(places) == len(set(places))
    assert {plan.at[0] for plan in plans} == moments_of(recordings())
    assert list(singles(recordings())) == plans


def test_a_place_is_where_its_moment_was_seen() -> None:
    """The step of an injection is one at which its scenario has that moment."""
    for plan in singles(recordings()):
        step = plan.injections[0].step
        assert recordings()[plan.scenario].seen[step - 1].moment == plan.at[0]


def test_each_place_can_be_tried_in_several_calls() -> None:
    """In different ones, as far as there are."""
    plans = list(singles(recordings(), each=2))
    assert len(plans) > len(list(singles(recordings())))
    taken = [(plan.scenario, plan.at, plan.injections[0]) for plan in plans]
    assert len(taken) == len(set(taken))


def test_thoroughly_means_at_every_step() -> None:
    """As many plans as there are steps with something that can happen."""
    count = sum(len(seen.causes) for seen in recordings()[1].seen)
    plans = list(everywhere(recordings(), 1))
    assert len(plans) == count
    assert {plan.scenario for plan in plans} == {1}


def test_the_second_of_a_pair_comes_after_the_first() -> None:
    """On the call as the first has changed it."""
    first = next(plan for plan in firsts(recordings(), 1000) if plan.injections[0].does == "press")
    moments = Moments()
    simulate(first.apply(CALLS[first.scenario][1]), watch=moments)
    pairs = list(seconds(first, moments.seen))
    assert pairs
    for pair in pairs:
        one, other = pair.injections
        assert one == first.injections[0]
        assert other.step > one.step
        assert moments.seen[other.step - 1].moment == pair.at[1]


def test_a_call_that_is_broken_undisturbed_is_not_disturbed() -> None:
    """Its laws would be broken for another reason."""
    broken = Recording(recordings()[0].seen, 10, broken=("L1",))
    assert list(singles([broken])) == list(rotated([broken])) == []


def test_each_call_is_held_beside_itself_and_another_that_is_disturbed() -> None:
    """Nothing else is done to the one that is judged. The shortest come first, where there are to
    be only so many."""
    scenarios = [scenario for _, scenario in CALLS]
    plans = list(beside_others(recordings(), scenarios, None))
    short, long = sorted((0, 1), key=lambda number: len(recordings()[number].seen))
    assert [plan.scenario for plan in plans] == [short, short, long, long]
    disturbed = [plan.beside for plan in plans if plan.beside]
    others = (short, long, long, short)
    assert [one.caller for one in disturbed] == [scenarios[n].caller for n in others]
    assert all(len(one.injections) == 1 for one in disturbed)
    assert len({one.injections[0] for one in disturbed}) > 1
    planned = plans[0].apply(scenarios[short])
    assert msgspec.structs.replace(planned, beside=None) == scenarios[short]
    assert list(beside_others(recordings(), scenarios, 3)) == plans[:3]


def test_a_call_that_changes_the_one_beside_it_is_found_told_and_held_again() -> None:
    """With what calls share by mistake: the failure has both calls, as small as they can be, and
    what replays it holds both."""
    with MUTANTS["marks shared by all calls"].planted() as subject:
        report = enumerate_calls(subject, [("greeted", GREETED)], pairs=0, each=0)
        assert report.runs["beside another"] == 2
        (failure,) = report.failures
        assert failure.laws == ("L11",)
        (small,) = smallest([failure], subject, lambda *_: None)
        assert small.scenario.beside is not None
        replayed = scenario_of(replay_string(small.scenario))
        assert replayed == small.scenario
        assert held(replayed, subject).violations == small.violations
        assert "beside:" in story(small)
    assert judge(small.scenario, default_subject()) is None


def test_thoroughly_means_all_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step with everything that can happen there, and every pair (here of the few that begin
    in one way)."""
    few = list(firsts([record(TINY)], SHORT_STEPS))[-2:]
    monkeypatch.setattr("engine.fuzzing.enumeration.firsts", lambda *_: few)
    report = enumerate_calls(default_subject(), [("tiny", TINY)], jobs=2, thorough=True)
    assert report.failures == []
    assert report.runs["singles"] == sum(len(seen.causes) for seen in record(TINY).seen)
    assert report.runs["pairs"] == report.pairs_possible > 0


def test_it_stops_when_it_is_told_to() -> None:
    """What it found by then is in the report, which says that there is more."""
    for jobs in (1, 2):
        told: list[str] = []

        def progress(what: str, done: int, of: int, told: list[str] = told) -> None:
            told.append(what)

        report = enumerate_calls(
            default_subject(),
            [("tiny", TINY)],
            jobs=jobs,
            over=lambda told=told: "singles" in told,  # type: ignore[misc]
            progress=progress,
        )
        assert told == ["recorded", "singles"]
        assert not report.complete
        assert report.runs["singles"] == 16
        assert "stopped early" in str(report)


def test_rotations_hold_the_same_call_in_other_orders() -> None:
    """They are data of the scenario, and of nothing else."""
    plans = list(rotated(recordings()))
    assert len(plans) == 2 * 8
    for plan in plans:
        scenario = plan.apply(CALLS[plan.scenario][1])
        assert scenario.rotations
        assert scenario.injections == []


@cache
def tried(jobs: int) -> EnumerationReport:
    return enumerate_calls(default_subject(), [("tiny", TINY)], jobs=jobs, pairs=20)


def test_a_tiny_call_cannot_be_disturbed_into_breaking_a_law() -> None:
    """All distinct moments with everything that can happen at them, other orders, and some
    pairs."""
    report = tried(1)
    assert report.failures == []
    assert report.complete
    assert report.runs["singles"] == report.places == len(list(singles([record(TINY)])))
    assert 0 < report.runs["pairs"] <= 20 < report.pairs_possible
    assert report.explored.aborted
    assert report.explored.aborted <= report.explored.points
    assert f"{report.places} with what can happen there" in str(report)


def test_the_report_does_not_depend_on_how_many_processes_share_the_work() -> None:
    """Nothing but the time it takes does."""
    one, two = tried(1), tried(2)
    assert str(one) == str(two)
    assert one.explored == two.explored


def test_what_breaks_a_law_is_reported_with_its_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mouth that forgets what was heard when the call is cut off: held as planned, the scenario
    of the failure breaks the same law again."""
    monkeypatch.setattr(Playout, "heard", lambda playout: "")
    plans = [plan for plan in singles([record(GREETED)]) if plan.injections[0].does == "cancel"]
    monkeypatch.setattr("engine.fuzzing.enumeration.singles", lambda *_: plans)
    report = enumerate_calls(default_subject(), [("greeted", GREETED)], pairs=0)
    failure = report.failures[0]
    assert "L3" in failure.laws
    assert "L3" in {violation.law for violation in check_laws(simulate(failure.scenario))}


def test_what_was_explored_adds_up() -> None:
    """Two halves are the whole; what never happened is listed by name."""
    first, second, whole = Explored(), Explored(), Explored()
    for number, (_, scenario) in enumerate(CALLS):
        trace = simulate(scenario)
        (first, second)[number].feed(trace)
        whole.feed(trace)
    first.merge(second)
    assert first == whole
    assert set(first.never) | first.marks == set(SOMETIMES)
    assert "the agent is interrupted" in first.marks
    assert "never happened: a machine answers" in first.table(default_subject().chart)


def test_a_plan_keeps_what_the_scenario_says() -> None:
    """Its own injections come first."""
    scenario = load_scenario(SHORT / "a_side_effect.yaml")
    plan = Plan(0, (Injection(step=9),), rotations={3: 1})
    planned = plan.apply(scenario)
    assert planned.injections == [*scenario.injections, Injection(step=9)]
    assert planned.rotations == {3: 1}
    assert planned.caller == scenario.caller
