"""A call's end: whatever goes wrong while it closes, it is recorded and returned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.journal import AnyLine, End, Head
from engine.session import hold_call
from engine.simulation.line import Line
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import simulate

SCENARIO = Scenario(says="", caller=[Act(at=2.0, say="hello there")], ends_at=6.0)


@pytest.mark.parametrize(
    "error", [OSError("the wire"), ExceptionGroup("two", [ValueError("a"), ValueError("b")])]
)
def test_a_carrier_that_fails_to_hang_up(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal has its end, with the reason, and the service gets its outcome."""

    async def hang_up(self: Line) -> None:
        raise error

    monkeypatch.setattr(Line, "hang_up", hang_up)
    trace = simulate(SCENARIO)
    assert trace.outcome is not None
    assert trace.outcome.reason == f"hang_up: {type(error).__name__}: {error}"
    end = trace.lines[-1]
    assert isinstance(end, End)
    assert (end.outcome, end.reason) == ("failed", trace.outcome.reason)
    assert [line.text for line in end.history if line.role == "caller"] == ["hello there"]


def test_a_watcher_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees no more of the call, which goes on as without it, to its end."""
    seen: list[AnyLine] = []

    def fail(line: AnyLine) -> None:
        seen.append(line)
        if len(seen) >= 10:
            raise BrokenPipeError

    async def watched(*arguments: Any, **others: Any) -> Any:
        desk, line, nursery, watchers = arguments
        return await hold_call(desk, line, nursery, [fail, *watchers], **others)

    usual = simulate(SCENARIO)
    monkeypatch.setattr("engine.simulation.world.hold_call", watched)
    trace = simulate(SCENARIO)
    assert trace.journal == usual.journal
    assert trace.outcome == usual.outcome
    assert isinstance(trace.lines[-1], End)
    assert len(seen) == 10


def test_the_journal_says_whose_call_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers as the carrier told them, without which a caller could not be erased; nothing
    where it told none."""
    (head,) = [line for line in simulate(SCENARIO).lines if isinstance(line, Head)]
    assert (head.direction, head.caller, head.called) == ("", "", "")

    async def from_a_number(*arguments: Any, **others: Any) -> Any:
        _, line, _, _ = arguments
        told = {"direction": "inbound", "from": "+15551230001", "to": "+15559990000"}
        line.info = replace(line.info, parameters={**line.info.parameters, **told})
        return await hold_call(*arguments, **others)

    monkeypatch.setattr("engine.simulation.world.hold_call", from_a_number)
    (head,) = [line for line in simulate(SCENARIO).lines if isinstance(line, Head)]
    assert (head.direction, head.caller, head.called) == (
        "inbound",
        "+15551230001",
        "+15559990000",
    )
