"""The interpreter's rules, each on a small chart with effects made for the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from effects.ports import ProviderLost
from effects.stage import Effect, Emit, Stage
from engine import interpreter as module
from engine import journal
from engine.chart import Vocabulary, parse_chart
from engine.interpreter import EXIT_MS, Interpreter
from engine.journal import AnyLine, Journal
from engine.vocabulary import ACTIONS, GUARDS
from states import events, notes
from states.agent import Agent
from states.call import Call
from states.settings import Settings
from states.timers import Timer

CHART = """
name: small
states:
  idle:
    initial: true
    transitions:
      - {event: answered, target: busy}
  busy:
    invoke: [work]
    transitions:
      - {event: speech_started, target: resting}
      - {event: noise_over, target: busy}
      - {event: stt_failed, target: resting}
      - {event: hung_up, target: ended}
      - {event: turn_judged, cond: words_stand, target: resting}
  resting:
    transitions:
      - {event: speech_ended, target: busy}
      - {event: hung_up, target: ended}
  ended:
    final: true
"""

Work = Callable[[Stage, Emit], Any]


class Rig:
    """An interpreter on the small chart, with one effect: ``work``."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.lines: list[AnyLine] = []
        self.started_at = trio.current_time()
        chart = parse_chart(
            CHART, "small.yaml", Vocabulary(events.EVENTS, GUARDS, ACTIONS, ["work"])
        )
        agent = Agent("a", "", "", (), "", "", "", "", ())
        sink = SimpleNamespace(write=lambda line: None)
        self.it = Interpreter(
            chart,
            Call(Settings(), agent),
            Journal(cast(Any, sink), (self.lines.append,)),
            nursery,
            self.now_ms,
        )
        self.it.stage = cast(Stage, SimpleNamespace(playout=None, call=self.it.machine.call))

    def now_ms(self) -> float:
        return round((trio.current_time() - self.started_at) * 1000, 1)

    def send(self, name: str, **fields: Any) -> None:
        self.it.dispatch(events.EVENTS[name](at_ms=self.now_ms(), **fields))

    @property
    def phases(self) -> list[str]:
        return [line.phase for line in self.lines if isinstance(line, journal.Effect)]

    @property
    def dropped(self) -> list[str]:
        found = [line.note for line in self.lines if isinstance(line, journal.Note)]
        return [note.event for note in found if isinstance(note, notes.EventDropped)]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], None]:
    """Say what the effect does."""

    def set_effect(effect: Work) -> None:
        monkeypatch.setattr(module, "EFFECTS", {"work": cast(Effect, effect)})

    return set_effect


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    async with trio.open_nursery() as nursery:
        yield Rig(nursery)
        nursery.cancel_scope.cancel()


async def test_an_effect_lives_as_long_as_its_state(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """Entering starts it, leaving cancels it, coming back starts another."""

    async def effect(stage: Stage, emit: Emit) -> None:
        await trio.sleep_forever()

    work(effect)
    async with rig() as it:
        it.send("answered")
        await trio.sleep(1)
        it.send("speech_started")
        await trio.sleep(1)
        assert it.phases == ["started", "cancelled"]
        it.send("speech_ended", voice_at_ms=0.0)
        await trio.sleep(1)
        assert it.phases == ["started", "cancelled", "started"]


async def test_what_a_cancelled_effect_emits_is_dropped(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """An effect that ignores its cancellation cannot move the chart any more."""

    async def effect(stage: Stage, emit: Emit) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)
        emit(events.SttFailed(at_ms=0.0, reason="late", retryable=True))

    work(effect)
    async with rig() as it:
        it.send("answered")
        await trio.sleep(0.5)
        it.send("noise_over")
        await trio.sleep(0.6)
        assert it.dropped == ["stt_failed"]
        assert it.it.machine.configuration == ("busy",)


async def test_an_effect_stopped_before_its_first_step_takes_none(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """Two events in a row start and stop it: nothing of it runs."""
    ran = []

    async def effect(stage: Stage, emit: Emit) -> None:
        ran.append(1)
        await trio.sleep_forever()

    work(effect)
    async with rig() as it:
        it.send("answered")
        it.send("speech_started")
        await trio.sleep(1)
        assert ran == []
        assert it.phases == ["started", "cancelled"]


async def test_a_bug_in_an_effect_ends_the_call_and_no_other(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """The nursery lives on; the call knows why it ended."""

    async def effect(stage: Stage, emit: Emit) -> None:
        await trio.sleep(0.1)
        raise ZeroDivisionError("a bug")

    work(effect)
    async with rig() as it, rig() as other:
        other.it.stage = it.it.stage
        it.send("answered")
        await trio.sleep(1)
        assert it.it.ended.is_set()
        assert it.it.failure == "work: ZeroDivisionError: a bug"
        assert it.phases == ["started", "failed"]
        assert not other.it.ended.is_set()


async def test_a_provider_error_that_an_effect_lets_through_is_a_bug_too(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """Effects turn provider errors into events; one that does not is at fault."""

    async def effect(stage: Stage, emit: Emit) -> None:
        raise ProviderLost("gone")

    work(effect)
    async with rig() as it:
        it.send("answered")
        await trio.sleep(1)
        assert it.it.failure == "work: ProviderLost: gone"


async def test_a_provider_that_breaks_as_it_is_stopped_is_no_bug(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """An adapter with tasks of its own raises a group then: its effect was told to stop anyway,
    and the call goes on."""

    async def breaks_when_stopped(stage: Stage, emit: Emit) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            raise ExceptionGroup("two tasks", [ProviderLost("gone"), ProviderLost("too")]) from None

    work(breaks_when_stopped)
    async with rig() as r:
        r.send("answered")
        await trio.testing.wait_all_tasks_blocked()
        r.send("speech_started")
        await trio.sleep(1)
        assert r.phases == ["started", "cancelled"]
        assert r.it.failure is None


async def test_a_bug_in_a_task_of_an_effect_is_told_in_its_own_words(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """Not as a group of exceptions, whose number helps nobody."""

    async def fails(stage: Stage, emit: Emit) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ZeroDivisionError("by nought")

    work(fails)
    async with rig() as r:
        r.send("answered")
        await trio.sleep(1)
        assert r.it.failure == "work: ZeroDivisionError: by nought"


async def test_an_error_in_a_guard_drops_the_step_and_ends_the_call(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """A guard that raises moves nothing: it is not taken for a no."""

    async def effect(stage: Stage, emit: Emit) -> None:
        await trio.sleep_forever()

    work(effect)
    async with rig() as it:
        it.send("answered")
        it.it.machine.call.turn = cast(Any, None)
        it.send("turn_judged", completeness=1.0)
        assert it.it.ended.is_set()
        assert it.it.failure is not None
        assert it.it.failure.startswith("turn_judged: AttributeError")


async def test_an_error_in_the_first_part_of_an_effect_ends_the_call(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """The part that runs within the step is not outside the rules."""

    def effect(stage: Stage, emit: Emit) -> None:
        raise LookupError("nothing to speak")

    work(effect)
    async with rig() as it:
        it.send("answered")
        assert it.it.failure == "work: LookupError: nothing to speak"


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The effect is a timer of 100 ms."""
    spec = Timer(events.NoiseOver, lambda call, now_ms: now_ms + 100.0)
    monkeypatch.setattr(module, "TIMERS", {"work": spec})


async def test_a_timer_is_over_when_it_fires_or_is_stopped(
    timer: None, autojump_clock: MockClock
) -> None:
    """At once, without a step of any task. Coming back to its state starts another."""
    async with rig() as it:
        it.send("answered")
        await trio.sleep(0.15)  # its event leads back to its state
        assert it.phases == ["started", "started", "done"]
        it.send("speech_started")
        assert it.phases == ["started", "started", "done", "cancelled"]
        await trio.sleep(1)
        assert len(it.phases) == 4
        assert it.dropped == []


async def test_a_bug_in_what_a_timer_sets_off_ends_the_call_and_no_other(
    timer: None, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of an effect with a task: the nursery, in which other calls run, goes on."""

    def broken(*_: object) -> None:
        raise ValueError("a bug")

    async with rig() as it:
        it.send("answered")
        monkeypatch.setattr(it.it, "dispatch", broken)
        await trio.sleep(1)
        assert it.it.failure == "work: ValueError: a bug"
        assert it.it.ended.is_set()
        assert it.phases == ["started", "failed"]


async def test_a_closing_call_refuses_events(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """After the end nothing moves, and what comes is counted."""

    async def effect(stage: Stage, emit: Emit) -> None:
        await trio.sleep_forever()

    work(effect)
    async with rig() as it:
        it.send("answered")
        it.send("hung_up", reason="bye")
        assert it.it.ended.is_set()
        it.send("answered")
        assert it.dropped == ["answered"]
        assert await it.it.close(within_ms=1000) == 0


async def test_closing_is_bounded_whatever_an_effect_does(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """A stray is counted and left behind."""

    async def effect(stage: Stage, emit: Emit) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)

    work(effect)
    async with rig() as it:
        it.send("answered")
        await trio.sleep(0.1)
        began = trio.current_time()
        assert await it.it.close(within_ms=1000) == 1
        assert trio.current_time() - began <= (1000 + EXIT_MS) / 1000 + 0.001


async def test_sound_waits_for_effects_that_are_leaving_but_not_for_ever(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """``settled`` returns when a cancelled effect is over, or after ``EXIT_MS``."""
    stubborn_s = [0.05, 5.0]

    async def effect(stage: Stage, emit: Emit) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(stubborn_s.pop(0))

    work(effect)
    async with rig() as it:
        it.send("answered")
        await trio.sleep(0.1)
        it.send("speech_started")
        began = trio.current_time()
        await it.it.settled()
        assert trio.current_time() - began == pytest.approx(0.05)
        it.send("speech_ended", voice_at_ms=0.0)
        await trio.sleep(0.1)
        it.send("speech_started")
        began = trio.current_time()
        await it.it.settled()
        assert trio.current_time() - began == pytest.approx(EXIT_MS / 1000)
        assert it.phases[-1] == "abandoned"


async def test_an_event_sent_within_a_step_comes_after_it(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """Steps do not nest: each runs to completion."""

    async def effect(stage: Stage, emit: Emit) -> None:
        await trio.sleep_forever()

    work(effect)
    async with rig() as it:
        seen: list[str] = []

        def watch(line: AnyLine) -> None:
            if isinstance(line, journal.Event):
                seen.append(line.event.name)
                if line.event.name == "answered":
                    it.send("speech_started")
                    seen.append("sent")

        it.it._journal._watchers = (watch,)
        it.send("answered")
        assert seen == ["answered", "sent", "speech_started"]
        assert it.it.machine.configuration == ("resting",)


async def test_an_errand_outlives_transitions_and_not_the_call(
    work: Callable[[Work], None], autojump_clock: MockClock
) -> None:
    """A side effect is not stopped by an interruption; closing gives it its time."""
    done = []

    async def effect(stage: Stage, emit: Emit) -> None:
        await trio.sleep_forever()

    async def errand() -> None:
        await trio.sleep(1.0)
        done.append(1)

    work(effect)
    async with rig() as it:
        it.send("answered")
        it.it.run_errand("change", errand, lambda: done.append(2))
        it.send("speech_started")
        it.send("hung_up", reason="bye")
        assert await it.it.close(within_ms=2000) == 0
        assert done == [1]
