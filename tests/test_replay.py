"""Replay: a journal's events once more, as far as the journal goes."""

from __future__ import annotations

from engine.journal import AnyLine, End
from engine.replay import CUT_OFF, replay
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import default_chart, simulate


def lines_of_a_call() -> list[AnyLine]:
    return simulate(Scenario(says="", caller=[Act(at=2.0, say="hello there")], ends_at=6.0)).lines


def test_a_whole_journal_is_not_called_cut_off() -> None:
    """It has an end line; what effects that were abandoned leave behind it does not matter."""
    lines = lines_of_a_call()
    assert isinstance(lines[-1], End)
    for journal in (lines, [*lines, lines[-2]]):
        result = replay(journal, default_chart())
        assert result.difference is None
        assert not result.cut_off
        assert CUT_OFF not in str(result)


def test_a_journal_without_its_end_is_replayed_as_far_as_it_goes() -> None:
    """What there is agrees, and the result says that there is no more."""
    lines = lines_of_a_call()
    whole, part = replay(lines, default_chart()), replay(lines[: len(lines) // 2], default_chart())
    assert part.difference is None
    assert 0 < part.events < whole.events
    assert part.cut_off
    assert str(part) == f"{part.events} events: the same transitions\n{CUT_OFF}"
