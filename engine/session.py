"""A session: one call, held from the first frame to the hang-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
import trio

from effects.ears import Ears
from effects.echo import Echo
from effects.playout import Playout
from effects.ports import CallInfo, CallStore, Carrier
from effects.stage import Ports, Stage
from engine import journal
from engine.chart import Chart
from engine.errors import without_message
from engine.interpreter import CALL, Interpreter
from engine.journal import AnyLine, Journal
from states.agent import Agent
from states.call import Call
from states.events import Answered, CallTooLong, Event
from states.settings import Settings

log = structlog.get_logger()

Watcher = Callable[[AnyLine], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """All that is needed to take calls: the chart, the agent, the providers, the store."""

    chart: Chart
    agent: Agent
    settings: Settings
    ports: Ports
    store: CallStore


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks of a service: one for each agent. ``by_agent`` has all of them, ``numbers`` says
    which agent answers at which called number."""

    usual: Desk
    by_agent: Mapping[str, Desk]
    numbers: Mapping[str, str]

    def for_call(self, info: CallInfo) -> Desk:
        """Who answers: the agent that was asked for, or that of the called number, or the usual."""
        asked = info.parameters.get("agent") or self.numbers.get(info.parameters.get("to", ""), "")
        return self.by_agent.get(asked, self.usual)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. ``strays`` are effects that did not stop in time."""

    call_id: str
    completed: bool
    reason: str
    duration_ms: float
    strays: int


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that is being held, for those who watch over all of them."""

    _interpreter: Interpreter
    _now_ms: Callable[[], float]

    def say_goodbye(self) -> None:
        """Have the agent bring it to an end, as it does when a call's time is up."""
        self._interpreter.dispatch(CallTooLong(at_ms=self._now_ms()))

    def hasten(self, timer: str) -> bool:
        """Let the time of a timer have come; False if it does not run."""
        return self._interpreter.hasten(timer)


async def hold_call(
    desk: Desk,
    carrier: Carrier,
    nursery: trio.Nursery,
    watchers: Sequence[Watcher] = (),
    started: str | None = None,
    live: Callable[[LiveCall], object] = lambda call: None,
) -> Outcome:
    """Hold one call to its end and close everything it opened.

    ``nursery`` is the service's: an effect that ignores its cancellation may stay in it after
    the call. ``live`` gets what can be done with it from outside. Cancelling hangs up. Closing
    takes at most ``closing_ms`` whatever a provider does. Never raises for what happens in the
    call; a bug in it is logged and is the outcome's reason.
    """
    now_s = trio.lowlevel.current_clock().current_time  # what trio.current_time asks, at each event
    started_at = last_s = now_s()
    last_ms = 0.0

    def now_ms() -> float:
        nonlocal last_s, last_ms
        if (at_s := now_s()) != last_s:  # within one moment of virtual time it is asked for often
            last_s, last_ms = at_s, round((at_s - started_at) * 1000, 1)
        return last_ms

    call = Call(desk.settings, desk.agent)
    async with desk.store.open(carrier.info.call_id) as sink:
        record = Journal(sink, watchers)
        record.write(_head(desk, carrier, started or datetime.now(UTC).isoformat("T", "seconds")))
        interpreter = Interpreter(desk.chart, call, record, nursery, now_ms)
        interpreter.stage = _stage(desk, call, carrier, interpreter, now_ms)
        live(LiveCall(interpreter, now_ms))
        try:
            interpreter.dispatch(_answered(carrier.info, now_ms()))
            await interpreter.ended.wait()
        finally:
            outcome = await _close(interpreter, carrier, record, now_ms)
    log.info(
        "call_ended",
        call=outcome.call_id,
        reason=without_message(outcome.reason),
        duration_ms=outcome.duration_ms,
    )
    return outcome


def _answered(info: CallInfo, at_ms: float) -> Answered:
    told = info.parameters
    return Answered(
        at_ms=at_ms,
        outbound=told.get("direction") == "outbound",
        machine=told.get("answered_by", "").startswith("machine"),
    )


def _head(desk: Desk, carrier: Carrier, started: str) -> journal.Head:
    return journal.Head(
        format=journal.FORMAT,
        call_id=carrier.info.call_id,
        stream_id=carrier.info.stream_id,
        started=started,
        chart=desk.chart.name,
        chart_digest=desk.chart.digest,
        agent=desk.agent,
        settings=desk.settings,
        direction=carrier.info.parameters.get("direction", ""),
        caller=carrier.info.parameters.get("from", ""),
        called=carrier.info.parameters.get("to", ""),
    )


def _stage(
    desk: Desk,
    call: Call,
    carrier: Carrier,
    interpreter: Interpreter,
    now_ms: Callable[[], float],
) -> Stage:
    def emit(event: Event) -> None:
        interpreter.dispatch(event, CALL)

    echo = Echo()
    return Stage(
        call=call,
        ports=desk.ports,
        carrier=carrier,
        ears=Ears(desk.ports.voice_activity.stream(), desk.settings, echo),
        playout=Playout(carrier, desk.settings, now_ms, interpreter.note, echo),
        now_ms=now_ms,
        note=interpreter.note,
        emit=emit,
        run_errand=interpreter.run_errand,
        settled=interpreter.settled,
        mind_name=desk.ports.language_model.pick("").name,
        voice_name=desk.ports.text_to_speech.pick("").name,
    )


async def _close(
    interpreter: Interpreter, carrier: Carrier, record: Journal, now_ms: Callable[[], float]
) -> Outcome:
    call, playout = interpreter.machine.call, interpreter.stage.playout
    # What is in the air is not to be heard while the call closes: history would not know of it.
    silenced = playout.discard()
    if silenced is not None:
        call.hear(silenced.reply, silenced.heard)
    strays = await interpreter.close(call.settings.closing_ms)
    call.keep_what_was_done()
    try:
        with trio.move_on_after(call.settings.closing_ms / 1000, shield=True):
            await carrier.hang_up()
    except Exception as error:  # a bug; the call is over all the same, and its journal says so
        log.exception("hang_up_failed")
        if interpreter.failure is None:
            interpreter.failure = f"hang_up: {type(error).__name__}: {error}"
    ended_by_chart = interpreter.machine.ended and interpreter.failure is None
    reason = interpreter.failure or ("ended" if ended_by_chart else "stopped")
    outcome = Outcome(carrier.info.call_id, ended_by_chart, reason, now_ms(), strays)
    record.write(
        journal.End(
            at_ms=outcome.duration_ms,
            outcome="completed" if ended_by_chart else "failed",
            reason=reason,
            history=list(call.spoken_history()),
            strays=strays,
        )
    )
    return outcome
