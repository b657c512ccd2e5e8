"""The interpreter: steps the chart and carries out what each step asks for.

`dispatch` is synchronous: one event runs to completion, and only then are the collected
records acted on. Its rules (each one was needed by a prototype):

1. Every started effect owns a cancel scope. What it emits after it was cancelled is dropped.
2. An effect started and stopped in one step never runs; nor one stopped before its first step.
3. A closing call refuses events, and closes within a bound whatever an adapter does.
4. An exception in a guard or action drops the step's records and ends this call only.
5. A provider that fails becomes an event; any other exception is a bug and ends this call only.
6. Time is trio's clock.
7. An effect that ignores its cancellation is abandoned after ``exit_ms``: nothing it does can
   reach the chart or the caller any more, so nobody has to wait for it.
8. A timer is an effect without a task (:mod:`engine.timers`): it is over when it is stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
import trio

from effects import waits
from effects.playout import CLOCK_MS, Silenced
from effects.ports import ProviderError
from effects.stage import Stage
from engine import journal
from engine.chart import Chart
from engine.errors import without_message
from engine.journal import Journal
from engine.machine import Machine
from engine.records import Record, Start, Stop, fold
from engine.timers import Timers
from engine.vocabulary import EFFECTS
from states import commands, notes
from states.actions import note_tool
from states.call import Call
from states.events import Event, OutputHeld, ToolSettled
from states.timers import TIMERS, Timer

log = structlog.get_logger()

EXIT_MS = 100.0
"""How long outbound audio waits for an effect that was told to stop (law L8)."""

CALL = "call"
"""Who emits an event that belongs to no effect."""


class Running:
    """One effect that was started."""

    def __init__(
        self,
        interpreter: Interpreter,
        start: Start,
        number: int,
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.effect, self.state, self.number = start.effect, start.state, number
        self.give_up = give_up
        self.scope = trio.CancelScope()
        self.left_ms = 0.0
        self._interpreter = interpreter

    def emit(self, event: Event) -> None:
        """Put an event on the chart, unless the effect was cancelled."""
        if self.scope.cancel_called:
            self._interpreter.drop(event, self.effect)
        else:
            self._interpreter.dispatch(event, self.effect)


class Interpreter:
    """Runs one call. ``nursery`` must outlive the call: a stray effect may need it a little
    longer than the call does."""

    def __init__(
        self,
        chart: Chart,
        call: Call,
        journal: Journal,
        nursery: trio.Nursery,
        now_ms: Callable[[], float],
    ) -> None:
        self.machine = Machine(chart, call)
        self.ended = trio.Event()
        self.failure: str | None = None
        self.stage: Stage
        self._journal = journal
        self._nursery = nursery
        self._now_ms = now_ms
        self._queue: deque[tuple[Event, str]] = deque()
        self._stepping = False
        self._closing = False
        self._told: tuple[int, str, str] | None = None
        """What was reported of the reply that fell silent last: its words heard and not heard."""
        self._seq = 0
        self._started = 0
        self._running: dict[str, list[Running]] = {}
        self._leaving: dict[int, Running] = {}
        self._left = trio.lowlevel.ParkingLot()
        self._live: set[int] = set()
        self._timers = Timers(nursery)

    # --- events ---

    def dispatch(self, event: Event, source: str = CALL) -> None:
        """Run one event to completion, or queue it if a step is being carried out."""
        self._queue.append((event, source))
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._queue:
                self._step(*self._queue.popleft())
        finally:
            self._stepping = False

    def drop(self, event: Event, source: str) -> None:
        """Count an event that comes too late."""
        self.note(notes.EventDropped(at_ms=self._now_ms(), event=event.name, effect=source))

    def note(self, note: notes.Note) -> None:
        """Write a note to the journal."""
        self._journal.write(journal.Note(note=note))  # type: ignore[arg-type]

    def _step(self, event: Event, source: str) -> None:
        """One event, and all that it asks for. What was heard of output that it stopped is put on
        the chart before anything that it starts looks at the call."""
        records = self._run(event, source)
        while records and not self.ended.is_set():
            held = self._carry_out(records.pop(0))
            if held is not None:
                records = fold([*records, *self._run(held, CALL)])
        if self.machine.ended:
            self.ended.set()

    def _run(self, event: Event, source: str) -> list[Record]:
        """Run an event on the chart, and record it; returns what is to be carried out."""
        if self._closing or self.ended.is_set() or self.machine.ended:
            self._too_late(event, source)
            return []
        self._seq += 1
        try:
            step = self.machine.dispatch(event)
        except Exception as error:
            self._journal.write(journal.Event(seq=self._seq, by=source, event=event))  # type: ignore[arg-type]
            self._fail(f"{event.name}: {_told(error)}", error)
            return []
        turn = self.machine.call.turn
        committed = any(event == "committed" for _, event in step.transitions)
        self._journal.write(
            journal.Event(
                seq=self._seq,
                by=source,
                event=event,  # type: ignore[arg-type]
                took=step.transitions,
                guards=step.guards,
                states=list(self.machine.configuration),
                words=turn.words if committed else "",
                endpoint=turn.reason if committed else None,
            )
        )
        return step.records

    def _too_late(self, event: Event, source: str) -> None:
        """The call is over. What became of an errand is still recorded; everything else is
        dropped."""
        if isinstance(event, ToolSettled) and (event.changes or event.survives):
            note_tool(self.machine.call, event)
            self._seq += 1
            self._journal.write(journal.Event(seq=self._seq, by=source, event=event))
        else:
            self.drop(event, source)

    def _carry_out(self, record: Record) -> OutputHeld | None:
        """Do what a record says; returns what was heard if it stopped output."""
        playout = self.stage.playout
        match record:
            case Start():
                self._start(record)
            case Stop(state):
                for running in self._running.pop(state, ()):
                    self._stop(running)
            case commands.HoldOutput():
                return self._held(playout.hold())
            case commands.DiscardOutput():
                return self._held(playout.discard())
            case commands.ReleaseOutput():
                playout.release()
                self._told = None
            case commands.ReleaseDraft():
                assert self.stage.draft is not None
                self.stage.draft.committed.set()
            case commands.ChangeVoice():
                self._change_voice()
        return None

    def _change_voice(self) -> None:
        """What the voice that failed has delivered of the sentence that it did not finish, and what
        the carrier does not have yet, is not said: the next voice says it anew."""
        draft, reply = self.stage.draft, self.machine.call.reply
        is_draft = draft is not None and draft.reply == reply.number
        first = draft.change_voice() if draft is not None and is_draft else 0
        self.stage.playout.take_back(reply.number, first)

    def _held(self, silenced: Silenced | None) -> OutputHeld | None:
        if silenced is None or not silenced.audible:
            return None
        draft = self.stage.draft
        is_draft = draft is not None and draft.reply == silenced.reply
        unheard, weight = draft.unheard(silenced) if draft and is_draft else ("", "plain")
        # A reply that was held and is now dropped may have been composed further meanwhile.
        told = (silenced.reply, silenced.heard, unheard)
        if told == self._told:
            return None
        self._told = told
        return OutputHeld(
            at_ms=self._now_ms(),
            reply=silenced.reply,
            heard=silenced.heard,
            audible=silenced.audible,
            unheard=unheard,
            weight=weight,
        )

    def _fail(self, reason: str, error: BaseException) -> None:
        """A bug: this call ends, loudly."""
        log.error("call_failed", reason=without_message(reason), exc_info=error)
        if self.failure is None:
            self.failure = reason
        self.ended.set()

    # --- effects ---

    def _start(self, start: Start) -> None:
        self._started += 1
        running = Running(self, start, self._started)
        timer = TIMERS.get(start.effect)
        try:
            begin = self._task(running) if timer is None else self._timer(running, timer)
        except Exception as error:
            self._fail(f"{start.effect}: {_told(error)}", error)
            return
        self._running.setdefault(start.state, []).append(running)
        self._record(running, "started")
        begin()

    def _stop(self, running: Running) -> None:
        running.scope.cancel()
        if self._timers.stop(running.number):
            self._record(running, "cancelled")
        elif running.number in self._live:
            running.left_ms = self._now_ms()
            self._leaving[running.number] = running

    def _timer(self, running: Running, timer: Timer) -> Callable[[], None]:
        """What begins it. It waits from now."""
        now_ms = self._now_ms()
        wait_ms = timer.due_ms(self.machine.call, now_ms) - now_ms
        fire = partial(self._fire, running, timer)
        return partial(self._timers.start, running.number, wait_ms, fire)

    def _fire(self, running: Running, timer: Timer) -> None:
        phase, reason = "done", ""
        try:
            running.emit(timer.event(at_ms=self._now_ms()))
        except Exception as error:
            phase, reason = "failed", _told(error)
            self._fail(f"{running.effect}: {reason}", error)
        self._record(running, phase, reason)

    def hasten(self, timer: str) -> bool:
        """Let the time of a timer have come; False if it does not run."""
        started = (running for all_of in self._running.values() for running in all_of)
        return any(self._timers.hasten(one.number) for one in started if one.effect == timer)

    def _task(self, running: Running) -> Callable[[], None]:
        """What begins it. It sees the call as it is now."""
        coroutine = EFFECTS[running.effect](self.stage, running.emit)
        return partial(self._spawn, running, coroutine)

    def _spawn(self, running: Running, coroutine: Coroutine[Any, Any, None]) -> None:
        self._live.add(running.number)
        self._nursery.start_soon(self._perform, running, coroutine, name=running.effect)

    async def _perform(self, running: Running, coroutine: Coroutine[Any, Any, None]) -> None:
        phase, reason = "done", ""
        try:
            if running.scope.cancel_called:
                coroutine.close()  # stopped before its first step: it must not take one
            else:
                with running.scope:
                    await coroutine
            if running.scope.cancel_called:
                phase = "cancelled"
        except trio.Cancelled:
            phase = "cancelled"
            raise
        except Exception as error:
            if running.scope.cancel_called and _is_of_provider(error):
                phase = "cancelled"  # it was stopped as it broke: nobody wants to know
            else:
                phase, reason = "failed", _told(error)
                self._fail(f"{running.effect}: {reason}", error)
        finally:
            self._live.discard(running.number)
            self._leaving.pop(running.number, None)
            if self._left:
                self._left.unpark_all()
            self._record(running, phase, reason)

    def _record(self, running: Running, phase: Any, reason: str = "") -> None:
        self._journal.write(
            journal.Effect(
                at_ms=self._now_ms(),
                effect=running.effect,
                state=running.state,
                number=running.number,
                phase=phase,
                reason=reason,
            )
        )

    def run_errand(
        self,
        name: str,
        errand: Callable[[], Coroutine[Any, Any, None]],
        give_up: Callable[[], None],
    ) -> None:
        """Run something that no transition stops, only the end of the call. ``give_up`` is called
        if it does not stop even then, and nobody can wait for it any longer."""
        self._started += 1
        running = Running(self, Start(name, CALL), self._started, give_up)
        self._running.setdefault(CALL, []).append(running)

        self._record(running, "started")
        self._spawn(running, errand())

    async def settled(self) -> None:
        """Wait until every effect that was told to stop is over, or abandoned. Bounded."""
        while self._leaving:
            running = next(iter(self._leaving.values()))
            patience_ms = running.left_ms + EXIT_MS - self._now_ms()
            if patience_ms < CLOCK_MS:
                del self._leaving[running.number]
                self._record(running, "abandoned")
                continue
            await waits.parked(self._left, patience_ms / 1000)

    # --- closing ---

    async def close(self, within_ms: float) -> int:
        """Stop everything; returns how many effects were still not over after ``within_ms``.

        Errands get the time to finish what they have begun. Not cancellable, but bounded.
        """
        errands = self._running.pop(CALL, [])
        for state in list(self._running):
            for running in self._running.pop(state):
                self._stop(running)
        with trio.move_on_after(within_ms / 1000, shield=True):
            await self._none_left()
        self._closing = True
        self._timers.close()
        for running in errands:
            self._stop(running)
        with trio.move_on_after(EXIT_MS / 1000, shield=True):
            await self._none_left()
        for running in errands:
            if running.number in self._live:
                running.give_up()
        return len(self._live)

    async def _none_left(self) -> None:
        while self._live:
            await self._left.park()


def _told(error: BaseException) -> str:
    """An error in words: what several tasks raised together is told one by one."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(_told(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}"


def _is_of_provider(error: BaseException) -> bool:
    """Whether all there is to it are failures of providers."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_of_provider(one) for one in error.exceptions)
    return isinstance(error, ProviderError)
