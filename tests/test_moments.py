"""Moments: where a call stood after each step, numbered as injections count."""

from __future__ import annotations

import msgspec
import pytest
import trio

from engine.fuzzing.moments import OVER, ROOT, Moments
from engine.journal import AnyLine
from engine.simulation.scenario import Injection
from engine.simulation.world import simulate
from tests.laws_kit import PLAIN


def test_watching_changes_nothing() -> None:
    """A call that is recorded goes as one that is not."""
    assert simulate(PLAIN, watch=Moments()).journal == simulate(PLAIN).journal


def test_a_moment_is_the_states_the_task_and_the_line_where_it_waits() -> None:
    """An effect's task has its name; the point is a line of our own that exists."""
    moments = Moments()
    simulate(PLAIN, watch=moments)
    seen = {one.moment for one in moments.seen}
    waits = {moment.point for moment in seen if moment.task == "speak"}
    assert any(point.startswith("effects/speak.py:") for point in waits)
    for point in {moment.point for moment in seen} - {OVER}:
        path, line = point.split(" ")[0].split(":")
        assert "await" in _statement(path, int(line)) or "async" in _statement(path, int(line))
    assert any("speaking" in moment.configuration for moment in seen)


def test_a_wait_for_news_is_where_it_was_asked_for() -> None:
    """The playout waits in the playout, not in what a simulation lets it wait by."""
    moments = Moments()
    simulate(PLAIN, watch=moments)
    points = {one.moment.point for one in moments.seen if one.moment.task == "play"}
    assert sum(point.startswith("effects/playout.py:") for point in points) > 1
    assert not any("schedule.py" in point for point in points)


def _statement(path: str, line: int) -> str:
    """A line and the few after it: a statement may be longer than one."""
    return "\n".join((ROOT / path).read_text(encoding="utf-8").splitlines()[line - 1 : line + 2])


def test_steps_are_numbered_as_injections_count_them() -> None:
    """What is injected after a step meets the call as it was seen there: the same journal up to
    then, and another after."""
    moments = Moments()
    usual = simulate(PLAIN, watch=moments)
    for step in range(20, len(moments.seen), len(moments.seen) // 7):
        again = Moments()
        disturbed = msgspec.structs.replace(PLAIN, injections=[Injection(step=step)])
        trace = simulate(disturbed, watch=again)
        assert [one.moment for one in again.seen[:step]] == [
            one.moment for one in moments.seen[:step]
        ]
        assert trace.journal != usual.journal


def test_what_can_be_injected_is_what_runs_and_who_serves() -> None:
    """The language model only while it composes; a timer only while its state lasts."""
    moments = Moments()
    simulate(PLAIN, watch=moments)
    for one in moments.seen:
        states = one.moment.configuration
        if ("fire", "idle_timer") in one.causes and one.moment.task == "hear":
            assert "waiting" in states
        if ("lost", "mind") in one.causes and one.moment.task == "hear":
            assert "drafting" in states
    causes = {cause for one in moments.seen for cause in one.causes}
    assert {("fire", "idle_timer"), ("lost", "mind"), ("stall", "voice")} <= causes


def test_what_a_watch_raises_is_raised() -> None:
    """trio drops what an instrument raises; the simulation does not."""

    class Careless:
        def line(self, line: AnyLine) -> None:
            pass

        def step(self, task: trio.lowlevel.Task, serving: tuple[str, ...]) -> None:
            raise LookupError("careless")

    with pytest.raises(LookupError):
        simulate(PLAIN, watch=Careless())
