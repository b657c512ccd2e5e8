"""Holds the dialogues: each is one call by the simulated telephone, in real time.

Here, every call gets an engine of its own port and its own orders over the same models, so that
no dialogue finds what another has changed. At an address there is only what the caller hears.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import trio

from adapters.embedded.moonshine import Moonshine
from adapters.embedded.order_store import Orders
from adapters.front.server import Listening
from adapters.twilio.dialing import CannotDial
from adapters.twilio.phone import place_call
from adapters.twilio.recording import CallRecord
from effects.ports import ProviderError
from engine.agents import agent_kit
from engine.config import MEDIA_PATH, Config
from engine.errors import AntiphonError, ConfigError
from engine.evaluation.dialogue import DialogueFile
from engine.evaluation.figures import Result
from engine.evaluation.measures import measure
from engine.evaluation.plan import Plan
from engine.evaluation.task import (
    Evidence,
    checkable,
    failures,
    tool_runs,
    transcript,
    word_errors,
)
from engine.journal import AnyLine, End, Head
from engine.phone_cli import save_recording
from engine.service import take_calls
from engine.session import Desk
from engine.turns import Turns
from states import mulaw

ENDS_WITHIN_S = 5.0
"""After the caller's end of a call, the engine's own end of it."""

Progress = Callable[[str], None]


@dataclass(slots=True)
class Held:
    """A call that was held. ``lines`` is the engine's journal, None where it is elsewhere."""

    record: CallRecord
    lines: list[AnyLine] | None = None
    orders: Orders | None = None


class Engine(Protocol):
    """What dialogues are held against."""

    async def hold(self, plan: Plan) -> Held:
        """Hold one call to its end. May raise anything: it is that dialogue's error."""
        ...


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An engine at an address."""

    url: str

    async def hold(self, plan: Plan) -> Held:
        """Hold one call. Raises :class:`~adapters.twilio.dialing.CannotDial`."""
        return Held(await place_call(self.url, plan.script))


@dataclass(frozen=True, slots=True)
class Here:
    """An engine in this process. ``orders`` is a folder for the calls' own orders."""

    desk: Desk
    config: Config
    orders: Path

    async def hold(self, plan: Plan) -> Held:
        """Hold one call with a desk of its own, to the end of its journal."""
        folder = Path(tempfile.mkdtemp(dir=self.orders))
        path = folder / "parcel.db"
        tools = agent_kit(self.config.agent).open_tools(folder)
        ports = replace(self.desk.ports, tools=tools)
        desk = replace(self.desk, ports=ports)
        journal = _Journal()
        async with trio.open_nursery() as nursery:
            listening: Listening = await nursery.start(
                lambda task_status: take_calls(
                    desk, "127.0.0.1", 0, watch=lambda: journal.feed, task_status=task_status
                )
            )
            url = f"ws://{listening.host}:{listening.port}{MEDIA_PATH}"
            record = await place_call(url, plan.script)
            with trio.move_on_after(ENDS_WITHIN_S):
                await journal.ended.wait()
            nursery.cancel_scope.cancel()
        return Held(record, journal.lines, Orders(path))


@dataclass(slots=True)
class _Journal:
    lines: list[AnyLine] = field(default_factory=list)
    ended: trio.Event = field(default_factory=trio.Event)

    def feed(self, line: AnyLine) -> None:
        self.lines.append(line)
        if isinstance(line, End):
            self.ended.set()


async def evaluate(
    engine: Engine,
    dialogues: Sequence[tuple[DialogueFile, Plan]],
    folder: Path,
    *,
    calls: int = 1,
    progress: Progress = lambda _: None,
) -> list[Result]:
    """Hold every dialogue, at most ``calls`` at a time; results in their order.

    Recordings go to ``folder``, where an engine that is here has its journals. A dialogue that
    fails is a result with an error. What the agent said is listened to afterwards, because that
    computes. Raises :class:`ConfigError` if no call came about at all. Cancelling hangs up.
    """
    results = [Result(file.name) for file, _ in dialogues]
    held: list[Held | None] = [None] * len(dialogues)
    numbers = iter(range(len(dialogues)))

    async def hold_one_after_the_other() -> None:
        for number in numbers:  # shared: each takes the next one
            file, plan = dialogues[number]
            progress(f"{file.name}: {file.dialogue.about}")
            try:
                held[number] = await engine.hold(plan)
            except Exception as error:  # whatever it was, the others go on
                results[number].error = _in_one_line(error)

    async with trio.open_nursery() as nursery:
        for _ in range(calls):
            nursery.start_soon(hold_one_after_the_other)
    if not any(held):
        raise ConfigError(f"no call came about: {results[0].error}")
    progress("listening to what the agent said")
    await _judge_all(dialogues, held, results, folder)
    return results


async def _judge_all(
    dialogues: Sequence[tuple[DialogueFile, Plan]],
    held: Sequence[Held | None],
    results: Sequence[Result],
    folder: Path,
) -> None:
    listens = any(
        file.dialogue.expect.agent_says or file.dialogue.expect.agent_never_says
        for file, _ in dialogues
    )
    try:
        ear = await trio.to_thread.run_sync(Moonshine.load) if listens else None
    except ProviderError as error:
        raise ConfigError(str(error)) from error
    for (file, plan), call, result in zip(dialogues, held, results, strict=True):
        if call is None:
            continue
        try:
            await _judge(file, plan, call, result, folder, ear)
        except Exception as error:  # as above
            result.error = _in_one_line(error)


async def _judge(
    file: DialogueFile,
    plan: Plan,
    call: Held,
    result: Result,
    folder: Path,
    ear: Moonshine | None,
) -> None:
    """Fill in what came of a call that was held."""
    lines, record, expect = call.lines, call.record, file.dialogue.expect
    result.turn_taking = measure(plan.utterances, record)
    result.error = _call_error(record, lines)
    name = f"eval-{file.name}"
    head = next((line for line in lines or () if isinstance(line, Head)), None)
    if head is not None:
        name += f"-{head.call_id}"
        result.journal = _journal_of(head.call_id, folder)
    await trio.Path(folder).mkdir(parents=True, exist_ok=True)
    recording = folder / f"{name}.wav"
    save_recording(record, recording)
    result.recording = str(recording)
    if ear is not None:
        result.agent_words = await trio.to_thread.run_sync(_listen, ear, record)
    tools = None if lines is None else tool_runs(lines)
    orders = None
    if call.orders is not None:
        orders = {number: await call.orders.find(number) for number in expect.orders}
    if lines is not None:
        result.turns = Turns.of(lines).records
        said = [what.words for what, _ in zip(plan.utterances, record.said, strict=False)]
        known = [words for words in said if words is not None]
        if len(known) == len(said) and any(known):
            result.words = word_errors(known, transcript(lines))
    evidence = Evidence(result.agent_words, tools, orders)
    result.failures = _unreached(plan, record) + failures(expect, evidence)
    if result.failures or checkable(expect, evidence):
        result.task_done = not result.failures


def _journal_of(call_id: str, folder: Path) -> str:
    return next((str(path) for path in folder.glob(f"*{call_id}.jsonl")), "")


def _call_error(record: CallRecord, lines: Sequence[AnyLine] | None) -> str:
    if record.outcome == "server_closed" and not record.heard:
        return f"the engine hung up before a word ({record.detail})"
    end = next((line for line in lines or () if isinstance(line, End)), None)
    if lines is not None and end is None:
        return "the engine did not end the call"
    return f"the call failed: {end.reason}" if end is not None and end.outcome == "failed" else ""


def _unreached(plan: Plan, record: CallRecord) -> list[str]:
    said = len(record.said)
    if said >= len(plan.utterances):
        return []
    return [f"the call was over before step {plan.utterances[said].step}"]


def _listen(ear: Moonshine, record: CallRecord) -> str:
    """What a listener understands of the agent, reply by reply."""
    agent = record.recording.samples()[:, 1]
    rate = mulaw.SAMPLE_RATE_HZ
    replies = [agent[int(r.start_s * rate) : int(r.end_s * rate)] for r in record.heard]
    return " ".join(ear.decode(mulaw.from_pcm16(reply)).text for reply in replies if len(reply))


def _in_one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    told = str(error) if isinstance(error, CannotDial | AntiphonError | ProviderError) else ""
    return " ".join((told or repr(error)).split())
