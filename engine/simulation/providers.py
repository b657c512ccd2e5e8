"""Scripted providers: each port as a scenario says it behaves, in virtual time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

import numpy as np
import trio
from numpy.typing import NDArray

from adapters.embedded import turn_detector
from effects.ports import (
    Clause,
    Prompt,
    Speech,
    TextDelta,
    ToolCall,
    ToolContext,
    ToolMisused,
    ToolSpec,
    Usage,
)
from engine.simulation.faults import linger, raise_fault
from engine.simulation.recalled import as_used, recalled
from engine.simulation.scenario import Answer, Asks, Scenario, ScriptedTool
from engine.simulation.services import Services
from engine.simulation.sound import spell
from states.endpointing import Contour, Judgement
from states.words import normalized

FIRST, SECOND = "first", "second"
"""What the providers of a port are called."""


class Scripted:
    """Nothing to load. ``open_sessions`` counts who is being served; ``services`` lets an
    injection strike."""

    def __init__(self, services: Services | None = None) -> None:
        self.open_sessions = 0
        self.services = services or Services()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    @contextmanager
    def session(self) -> Iterator[None]:
        """Somebody is served."""
        self.open_sessions += 1
        try:
            yield
        finally:
            self.open_sessions -= 1


class ScriptedVad(Scripted):
    """Hears anything that is not the code of silence."""

    def stream(self) -> Self:
        return self

    def probability(self, window: NDArray[np.float32]) -> float:
        middle = len(window) // 2  # the sound of most of a window is in both
        return 1.0 if window[middle - 1] and window[middle] else 0.0


class ScriptedMind(Scripted):
    """Answers as the scenario says. ``prompts`` keeps what it was asked, and when."""

    def __init__(
        self, scenario: Scenario, services: Services | None = None, name: str = FIRST
    ) -> None:
        super().__init__(services)
        self.name = name
        self._answers = scenario.answers
        self._recorded = scenario.recorded
        self._given: Counter[int] = Counter()
        self.prompts: list[tuple[float, Prompt]] = []

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        self.prompts.append((round(trio.current_time() * 1000, 1), prompt))
        asked = [message for message in prompt.messages if message.role == "caller"]
        words = asked[-1].text if asked else ""
        if self._recorded:
            answer = recalled(self._answers, self._given, words, prompt)
        else:
            answer = self._answer(words)
        with self.session():
            try:
                generation = partial(self._generate, answer, prompt, emit)
                return await self.services.serve("mind", generation, Usage())
            except trio.Cancelled:
                if answer.ignores_cancel:
                    await linger(answer.ignores_cancel)
                    emit(TextDelta("STALE. "))
                    if answer.asks:
                        emit(self._call(answer.asks))
                raise

    async def _generate(
        self, answer: Answer, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]
    ) -> Usage:
        told = _results_at_end(prompt)
        while told and answer.then is not None:
            told, answer = told - 1, answer.then
        await trio.sleep(answer.first_token)
        asks = answer.asks if answer.asks and told < answer.asks.times else None
        text = answer.says if not asks else "" if told else answer.before
        words = text.split(" ") if text else []
        for number, word in enumerate(words):
            await self._hazard(answer, number, emit)
            emit(TextDelta(word + " "))
            await trio.sleep(answer.word_every)
        await self._hazard(answer, len(words), emit)
        if asks:
            emit(self._call(asks, broken=told < asks.broken))
            await self._hazard(answer, len(words) + 1, emit)
        return Usage(tokens_in=10, tokens_out=max(1, len(words)))

    def _call(self, asks: Asks, *, broken: bool = False) -> ToolCall:
        arguments = "{" if broken else json.dumps(asks.arguments)
        return ToolCall(f"call-{len(self.prompts)}", asks.tool, arguments)

    def _answer(self, words: str) -> Answer:
        spoken = " ".join(normalized(words))
        for number, answer in enumerate(self._answers):
            if " ".join(normalized(answer.to)) in spoken and self._given[number] < answer.times:
                self._given[number] += 1
                return answer
        return Answer()

    async def _hazard(
        self, answer: Answer, word: int, emit: Callable[[TextDelta | ToolCall], None]
    ) -> None:
        if word != answer.fault_after_words:
            return
        while answer.stalls and answer.drips:
            await trio.sleep(answer.drips)
            emit(TextDelta(""))
        if answer.stalls:
            await trio.sleep_forever()
        if answer.fault:
            if answer.fault_late:
                await trio.sleep(answer.fault_late)
            raise_fault(answer.fault, "the scripted mind")


def _results_at_end(prompt: Prompt) -> int:
    """How many tools the reply that is asked for has used by now."""
    used = 0
    for message in reversed(prompt.messages):
        if message.role != "tool" and message.call is None:
            break
        used += message.role == "tool"
    return used


class ScriptedVoice(Scripted):
    """Spells every clause, half by half."""

    identity = "scripted"

    def __init__(
        self, scenario: Scenario, services: Services | None = None, name: str = FIRST
    ) -> None:
        super().__init__(services)
        self.name = name
        self._script = scenario.voice
        self._faults = 0

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        asked = False

        async def spell_all() -> None:
            nonlocal asked
            async for clause in clauses:
                asked = True
                await self._spell(clause, speech)

        with self.session():
            try:
                await self.services.serve("voice", spell_all, None)
            except trio.Cancelled:
                if asked and self._script.ignores_cancel:
                    await linger(self._script.ignores_cancel)
                    with trio.CancelScope(shield=True):
                        await speech(Speech(0, spell("STALE", 60), ends_clause=True))
                raise

    async def _spell(self, clause: Clause, speech: Callable[[Speech], Awaitable[None]]) -> None:
        script = self._script
        await trio.sleep(script.first_bytes.get(clause.text, script.first_byte))
        if not script.fault_midway:
            await self._hazard(clause)
        audio = spell(clause.spoken, script.letter_ms)
        half = len(audio) // 2
        await speech(Speech(clause.index, audio[:half], ends_clause=False))
        if script.fault_midway:
            await self._hazard(clause)
        if script.midway:
            await trio.sleep(script.midway)
        await speech(Speech(clause.index, audio[half:], ends_clause=True))

    async def _hazard(self, clause: Clause) -> None:
        struck = (
            self._script.fault_on in clause.text
            and clause.index >= self._script.fault_after_clauses
            and self._faults < self._script.fault_times
        )
        if struck and self._script.stalls:
            self._faults += 1
            await trio.sleep_forever()
        if struck and self._script.fault:
            self._faults += 1
            raise_fault(self._script.fault, "the scripted voice")


class ScriptedJudge(Scripted):
    """Judges by the words, or takes everything for complete but what the scenario calls
    incomplete. In a recorded call the scores are the recorded ones, those of other words the
    embedded detector's; what the ``contour`` of the voice adds is in them, for there is no pitch
    in simulated sound."""

    def __init__(
        self,
        scenario: Scenario,
        services: Services | None = None,
        contour: Callable[[], Contour] = lambda: "unknown",
    ) -> None:
        super().__init__(services)
        self._script = scenario.judge
        self._contour = contour
        self._incomplete = {normalized(words) for words in scenario.incomplete}

    async def completeness(self, words: str, asked: str) -> float:
        await self.services.serve("judge", partial(trio.sleep, self._script.takes), None)
        if self._script.fault:
            raise_fault(self._script.fault, "the scripted turn detector")
        if self._script.scores:
            score = self._script.scores.get(words)
            if score is None:
                score = turn_detector.completeness(words, asked)
            return Judgement(score, self._contour()).likelihood
        if self._script.by_words:
            return turn_detector.completeness(words, asked)
        return 0.1 if normalized(words) in self._incomplete else 0.95


class ScriptedToolPort:
    """A tool of a scenario. ``runs`` holds when each run began, and with what arguments."""

    def __init__(self, script: ScriptedTool, services: Services | None = None) -> None:
        self._script = script
        self._services = services or Services()
        self.runs: list[tuple[float, str]] = []
        self.finished = 0
        self.spec = ToolSpec(
            name=script.name,
            description=script.name,
            parameters={"type": "object"},
            changes=script.changes,
            timeout_ms=round(script.timeout * 1000),
            survives=script.survives,
            holding=script.holding,
        )

    def prepare(self, arguments: str, context: ToolContext) -> Callable[[], Awaitable[str]]:
        try:
            given = json.loads(arguments)
        except ValueError:
            raise ToolMisused("the arguments are not JSON") from None
        return partial(self._run, json.dumps(given, sort_keys=True), context)

    async def _run(self, arguments: str, context: ToolContext) -> str:
        self.runs.append((round(trio.current_time() * 1000, 1), arguments))
        script = as_used(self._script, arguments)
        try:
            work = partial(trio.sleep, script.takes)
            await self._services.serve(f"tool:{script.name}", work, None)
        except trio.Cancelled:
            if not script.ignores_cancel:
                raise
            await linger(script.ignores_cancel)
        if script.fault:
            raise_fault(script.fault, f"the tool {script.name}")
        self.finished += 1
        if script.ends_call:
            context.end_call(script.name)
        if script.transfers_to:
            context.transfer_call(script.transfers_to, script.name)
        return json.dumps(script.returns)
