"""Tools in a reply: wrong calls, and errands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Self

import pytest
import trio
from trio.testing import MockClock

from effects.choice import Choice
from effects.compose import compose
from effects.ports import Prompt, TextDelta, ToolCall, ToolMisused, Usage
from engine import journal
from engine.simulation.scenario import Act, Answer, Asks, Scenario, ScriptedTool
from engine.simulation.world import Trace, simulate
from states import events
from states.settings import Settings
from tests.tool_kit import ONE, Bench


class TestWrongCalls:
    @pytest.mark.parametrize(
        ("name", "arguments", "told"),
        [
            ("look_up", "{", "look_up was not run: Invalid JSON"),
            ("look_up", '{"number": "x"}', "number: Input should be a valid integer"),
            ("look_down", ONE, "no tool 'look_down' (tools: look_up, end_call, transfer_call)"),
            ("x" * 5000, ONE, "no tool 'xxxx"),
            ("transfer_call", '{"to": "Bob", "reason": ""}', "there are: sales"),
            ("transfer_call", '{"to": "+15550666", "reason": ""}', "there are: sales"),
        ],
    )
    async def test_the_first_is_told(self, name: str, arguments: str, told: str) -> None:
        """What is wrong, shortly; nothing ran, and the journal has it as failed, unchanging."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, changes=True)
            result = await bench.use(bench.draft(1), name, arguments)
        assert told in result["error"]
        assert len(result["error"]) < 300
        assert bench.ran == []
        assert bench.settled() == [(1, "failed", False, False)]
        assert bench.stage.tools_running == {}

    async def test_the_second_ends_the_reply(self, autojump_clock: MockClock) -> None:
        """Both are settled. The next reply may be wrong once again."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            draft = bench.draft(1)
            await bench.use(draft, "look_up", "{}")
            assert await bench.use(draft) == {"is": 1}
            with pytest.raises(ToolMisused, match="number: Field required"):
                await bench.use(draft, "look_up", "{}")
            assert "error" in await bench.use(bench.draft(2), "look_up", "{}")
        assert [outcome for _, outcome, _, _ in bench.settled()] == [
            "failed",
            "done",
            "failed",
            "failed",
        ]

    async def test_a_wrong_call_of_a_draft_is_told_before_the_commit(self) -> None:
        """There is nothing to wait for: it is not going to run."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, changes=True)
            assert "error" in await bench.use(bench.draft(1, committed=False), "look_up", "{}")


class Stubborn:
    """A language model that asks wrongly, ``times`` over, and then speaks."""

    def __init__(self, times: int, name: str = "stubborn") -> None:
        self.times, self.asked, self.name = times, 0, name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def reply(self, prompt: Prompt, emit: Callable[[Any], None]) -> Usage:
        self.asked += 1
        wrong = self.asked <= self.times
        emit(ToolCall(f"call-{self.asked}", "look_up", "{}") if wrong else TextDelta("Well."))
        return Usage()


@pytest.mark.parametrize(("times", "failed"), [(1, False), (2, True)])
async def test_a_model_that_does_not_mend_its_call_has_failed(times: int, failed: bool) -> None:
    """Once is forgiven; the second time ``reply_failed`` says why, and the model is not asked
    a third time."""
    async with trio.open_nursery() as nursery:
        bench = Bench(nursery)
        bench.draft(1)
        mind = Stubborn(times)
        bench.stage.ports = replace(bench.stage.ports, language_model=Choice(mind))
        await compose(bench.stage, bench.happened.append)
    reasons = [each.reason for each in bench.happened if isinstance(each, events.ReplyFailed)]
    assert mind.asked == 2
    assert bool(reasons) is failed
    assert all("number: Field required" in reason for reason in reasons)


async def test_a_reply_that_is_cancelled_at_once_asks_nobody() -> None:
    """Nor is anything wrong: also where two models would have been asked."""
    async with trio.open_nursery() as nursery:
        bench = Bench(nursery)
        bench.call.settings = Settings(mind_hedge_ms=300)
        bench.draft(1)
        minds = Stubborn(0), Stubborn(0, "other")
        bench.stage.ports = replace(bench.stage.ports, language_model=Choice(*minds))
        with trio.CancelScope() as scope:
            scope.cancel()
            await compose(bench.stage, bench.happened.append)
    assert [mind.asked for mind in minds] == [0, 0]
    assert bench.happened == []


class TestErrands:
    async def test_a_surviving_read_outlives_its_reply(self, autojump_clock: MockClock) -> None:
        """The caller interrupts: it is settled all the same, as one that survives."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, survives=True)
            scope = trio.CancelScope(deadline=trio.current_time() + 0.5)
            assert await bench.use(bench.draft(1), scope=scope) is None
            assert bench.settled() == []
        assert bench.settled() == [(1, "done", False, True)]
        assert bench.dropped == []

    async def test_a_read_dies_with_its_reply(self, autojump_clock: MockClock) -> None:
        """Unless it was declared to survive."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery)
            scope = trio.CancelScope(deadline=trio.current_time() + 0.5)
            await bench.use(bench.draft(1), scope=scope)
        assert bench.settled() == []
        assert len(bench.dropped) == 1

    async def test_a_draft_that_is_dropped_takes_its_reads_along(
        self, autojump_clock: MockClock
    ) -> None:
        """Before the commit nothing survives: nothing of a mere draft gets into the history,
        and nobody is kept busy for it."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, survives=True)
            scope = trio.CancelScope(deadline=trio.current_time() + 0.5)
            await bench.use(bench.draft(1, committed=False), scope=scope)
        assert trio.current_time() == pytest.approx(0.5)
        assert bench.settled() == []

    async def test_a_read_that_was_begun_for_a_draft_survives_after_its_commit(
        self, autojump_clock: MockClock
    ) -> None:
        """It belongs to the call from then on."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, survives=True)
            draft = bench.draft(1, committed=False)
            scope = trio.CancelScope(deadline=trio.current_time() + 0.5)
            nursery.start_soon(bench.use, draft, "look_up", ONE, scope)
            await trio.sleep(0.2)
            draft.committed.set()
        assert bench.settled() == [(1, "done", False, True)]

    @pytest.mark.parametrize("declared", [{"survives": True}, {"changes": True}])
    async def test_one_intent_runs_once(
        self, declared: dict[str, bool], autojump_clock: MockClock
    ) -> None:
        """The same turn answered anew is given the first result: at once if it is there, or when
        it comes."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, **declared)
            scope = trio.CancelScope(deadline=trio.current_time() + 0.5)
            await bench.use(bench.draft(1), scope=scope)
            assert await bench.use(bench.draft(2), arguments='{ "number":1}') == {"is": 1}
            assert await bench.use(bench.draft(3)) == {"is": 1}
            assert trio.current_time() == pytest.approx(1)
        assert bench.ran == [1]
        assert len(bench.settled()) == 1

    async def test_a_read_that_failed_may_be_tried_again(self, autojump_clock: MockClock) -> None:
        """To look a second time does no harm; to act a second time might."""
        for declared, runs in (({"survives": True}, 2), ({"changes": True}, 1)):
            async with trio.open_nursery() as nursery:
                bench = Bench(nursery, **declared)
                bench.fails = True
                assert "error" in await bench.use(bench.draft(1))
                bench.fails = False
                await bench.use(bench.draft(2))
            assert len(bench.ran) == runs

    async def test_what_is_given_up_before_its_first_step_is_not_begun(
        self, autojump_clock: MockClock
    ) -> None:
        """The caller goes on in the very moment in which the side effect was to begin; it is
        done when the turn that has grown asks for it again."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, changes=True)
            usual, scope = bench.stage.run_errand, trio.CancelScope()

            def go_on(
                name: str,
                errand: Callable[[], Coroutine[Any, Any, None]],
                give_up: Callable[[], None],
            ) -> None:
                usual(name, errand, give_up)
                bench.call.reply.given_up = True
                scope.cancel()

            bench.stage.run_errand = go_on
            await bench.use(bench.draft(1), scope=scope)
            bench.stage.run_errand = usual
            assert (bench.ran, bench.settled()) == ([], [])
            assert await bench.use(bench.draft(2)) == {"is": 1}
        assert bench.ran == [1]

    async def test_what_runs_is_known_exactly(self, autojump_clock: MockClock) -> None:
        """From its start to its end, or to the end of its reply; a side effect that waits for
        the commit does not run yet."""
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, changes=True)
            running = bench.stage.tools_running
            draft = bench.draft(1, committed=False)
            nursery.start_soon(bench.use, draft)
            await trio.sleep(0.1)
            assert running == {}
            draft.committed.set()
            await trio.sleep(0.1)
            assert list(running.values()) == ["I am looking."]
            await trio.sleep(1)
            assert running == {}
            scope = trio.CancelScope()
            nursery.start_soon(bench.use, bench.draft(2), "look_up", '{"number": 2}', scope)
            await trio.sleep(0.1)
            assert len(running) == 1
            scope.cancel()
            await trio.sleep(0.1)
            assert running == {}, "the errand goes on, but the reply does not wait for it"


# --- in a whole call ------------------------------------------------------------------------

SLOW = Answer(
    to="where is it",
    before="Let me look that up for you.",
    asks=Asks(tool="look", arguments={"number": 1}),
    says="It is in Memphis.",
)


def interrupted_look_up(*, survives: bool) -> Trace:
    """A caller asks, hears that it is being looked up, and interrupts before the result."""
    return simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="where is it"), Act(at=5, say="hello are you there", during=2)],
            answers=[SLOW, Answer(to="there", says="I am here.")],
            tools=[
                ScriptedTool(name="look", takes=4, returns={"at": "Memphis"}, survives=survives)
            ],
            ends_at=20,
        )
    )


def tool_lines(trace: Trace) -> list[str]:
    end = trace.lines[-1]
    assert isinstance(end, journal.End)
    return [line.text for line in end.history if line.role == "tool"]


def test_the_result_of_a_surviving_read_is_told_to_the_model_and_not_spoken() -> None:
    """The caller moved on: the agent knows, and does not burst out with it."""
    trace = interrupted_look_up(survives=True)
    assert tool_lines(trace) == ['{"at": "Memphis"}']
    assert "Let me look that up for you." in trace.heard()
    assert "Memphis" not in trace.heard()
    assert trace.tool_runs == {"look": 1}


def test_the_result_of_a_read_that_does_not_survive_is_lost() -> None:
    """As the caller no longer waits for it."""
    assert tool_lines(interrupted_look_up(survives=False)) == []


def test_a_read_of_a_turn_that_grows_is_kept() -> None:
    """What was read for a turn that was taken up, and then taken back, need not be read anew."""
    trace = simulate(
        Scenario(
            says="",
            caller=[Act(at=2, say="where is it"), Act(at=3.7, say="please", during=0.6)],
            answers=[Answer(to=SLOW.to, asks=SLOW.asks, says=SLOW.says)],
            tools=[ScriptedTool(name="look", takes=0.2, returns={"at": "Memphis"}, survives=True)],
            ends_at=12,
        )
    )
    assert trace.outcome is not None
    assert '{"at": "Memphis"}' in tool_lines(trace)
