"""A day of one line: calls one after another and side by side through the service, in virtual time;
afterwards nothing is left of them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from math import inf

import pytest
import trio
from pydantic import SecretStr
from trio.testing import MockClock

from adapters.front.server import Listening
from adapters.shared_state.alone import Alone
from adapters.twilio.recording import CallRecord
from adapters.twilio.script import AfterAgent, AtTime, IntoReply, KeyPress, Script, Utterance
from adapters.twilio.settings import TwilioSettings
from effects.ports import CallInfo
from engine import service
from engine.admission import Limits
from engine.config import Config, Inspect
from engine.door import TOKEN, Door
from engine.inspector.laws import laws_of
from engine.inspector.live import CALLS_KEPT
from engine.journal import AnyLine, End
from engine.service import take_calls
from engine.simulation.schedule import JumpingClock
from engine.simulation.world import default_chart
from tests import test_service
from tests.endure_kit import a_desk, end_of, says
from tests.test_drain import WEBHOOK, answer_to
from tests.test_service import Port

port = test_service.port

DAY_S = 86_400.0
EVERY_S = 360.0
"""How often somebody calls, or some do at once."""

AT_ONCE = (1, 1, 3)
"""How many, over and over."""

WARM_S = 6 * 3600.0
"""After that, everything that is kept on purpose is full."""

ASKS = says("please put me through to customer support")
CUTS_IN = says("no the number is two nine three", 900, partials=False)
FIRST = Utterance(ASKS.mulaw, AfterAgent())
KINDS = (
    Script((FIRST, Utterance(CUTS_IN.mulaw, IntoReply(1000))), hang_up=AfterAgent()),
    Script((FIRST,), hang_up=IntoReply(1500)),
    Script(hang_up=AtTime(2_000)),
    Script((FIRST,), hang_up=AtTime(2_500)),  # in mid-speech
    Script(keys=(KeyPress("1", 2_000), KeyPress("#", 2_200)), hang_up=AtTime(5_000)),
)
BREAKS_S = 3.0
"""When a line breaks; every seventh does."""


class Day:
    """A service that is called all day, and what was seen of it."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.calls = self.ended = 0
        self.violations: list[str] = []

    def watch(self) -> Callable[[AnyLine], None]:
        """Judges a call when it is over, and keeps nothing of it."""
        lines: list[AnyLine] = []

        def see(line: AnyLine) -> None:
            lines.append(line)
            if isinstance(line, End):
                end = end_of(lines)
                self.ended += 1
                self.violations += [str(one) for one in laws_of(lines, default_chart())]
                self.violations += [f"{end.strays} strays"] if end.strays else []
                lines.clear()

        return see

    async def call(self, number: int) -> None:
        """One call, after its webhook."""
        await answer_to(self.port, WEBHOOK % (number % 10))
        breaks_s = BREAKS_S if number % 7 == 0 else inf
        with trio.move_on_after(breaks_s):
            record: CallRecord = await self.port.call(KINDS[number % len(KINDS)])
            assert record.outcome == "hung_up"
        await answer_to(self.port, WEBHOOK % 10)  # who never comes

    async def until(self, end_s: float) -> int:
        """Call until then; how many objects there are after it, when all is quiet."""
        turn = self.calls
        while trio.current_time() < end_s:
            async with trio.open_nursery() as nursery:
                for _ in range(AT_ONCE[turn % len(AT_ONCE)]):
                    nursery.start_soon(self.call, self.calls)
                    self.calls += 1
            turn += 1
            await trio.sleep(EVERY_S - trio.current_time() % EVERY_S)
        gc.collect()
        return len(gc.get_objects())


def test_a_day_of_calls_leaves_nothing_behind(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """All laws hold in every call and every journal ends; tasks, registries and memory are at the
    end of the day what they were in the morning."""
    made: list[service._Calls] = []

    class Seen(service._Calls):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(service, "_Calls", Seen)
    day = Day(port)
    trio.run(_live_through, day, made, clock=JumpingClock())
    assert day.violations == []
    assert day.calls == day.ended > 200


async def _live_through(day: Day, made: list[service._Calls]) -> None:
    config = Config(
        twilio=TwilioSettings(unsigned=True),
        limits=Limits(lag_ms=0),  # which asks twenty times a second
        inspect=Inspect(token=SecretStr("of-some-length-and-url-safe")),
    )
    async with trio.open_nursery() as nursery:

        async def take(task_status: trio.TaskStatus[Listening]) -> None:
            desk = a_desk([ASKS, CUTS_IN])
            await take_calls(desk, "", 80, watch=day.watch, config=config, task_status=task_status)

        await nursery.start(take)
        (calls,) = made
        objects = await day.until(WARM_S)
        tasks = trio.lowlevel.current_statistics().tasks_living
        morning = day.calls
        grown = await day.until(DAY_S) - objects
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert not calls._effects.child_tasks
        assert not calls._held
        assert not calls._live
        admission = calls._admission
        assert (admission.live, admission.reserved, len(admission._reserved)) == (0, 0, 0)
        assert list(calls.fleet._held) == [("workers", calls.fleet.worker)]
        assert len(calls._parts[0]._live.calls) == CALLS_KEPT  # type: ignore[attr-defined]
        assert grown < (day.calls - morning) / 3  # one object a call would be three times that
        nursery.cancel_scope.cancel()


async def test_a_door_forgets_whom_it_let_in(autojump_clock: MockClock) -> None:
    """What it remembers of a call, so that nobody comes in twice, it forgets within minutes."""
    secret = SecretStr("a secret of some length")
    door = Door([secret], Alone(), wall_s=trio.current_time)
    for number in range(2000):
        call_id = f"CA{number}"
        assert not await door.let_in(CallInfo(call_id, "MZ1", {TOKEN: door.token_for(call_id)}))
        await trio.sleep(DAY_S / 2000)
    assert len(door._used) <= 2 * 2 * door.token_s / (DAY_S / 2000) + 2
