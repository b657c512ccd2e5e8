"""Scripted providers: each port as a scenario says it behaves, in virtual time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import numpy as np
import trio
from numpy.typing import NDArray

from effects.ports import (
    Clause,
    Frame,
    Heard,
    Message,
    Offset,
    Onset,
    Prompt,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    Sound,
    Speech,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from engine.simulation.line import SOUND
from engine.simulation.scenario import Answer, Fault, Scenario, ScriptedTool
from states import mulaw
from states.words import normalized


def raise_fault(fault: Fault, who: str) -> None:
    """Raise what a scenario's fault stands for."""
    match fault:
        case "timeout":
            raise ProviderTimeout(f"{who} gave no answer")
        case "refused":
            raise ProviderRefused(f"{who} refused")
        case "lost":
            raise ProviderLost(f"{who} broke off")
        case "bug":
            raise ZeroDivisionError(f"a bug in {who}")


async def linger(seconds: float) -> None:
    """Ignore cancellation for a while, as bad adapters do."""
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)


class Scripted:
    """Nothing to load."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class ScriptedVad(Scripted):
    """Hears anything that is not the code of silence."""

    def stream(self) -> Self:
        return self

    def probability(self, window: NDArray[np.float32]) -> float:
        return 1.0 if np.count_nonzero(window) * 2 > len(window) else 0.0


class ScriptedRecogniser(Scripted):
    """Understands what the bytes of the sound say, when the scenario says so."""

    gated = True

    def __init__(self, scenario: Scenario) -> None:
        self._script = scenario.recognition
        self._caller = scenario.caller
        self._faults = 0

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        try:
            async with trio.open_nursery() as nursery:
                if self._script.fault and self._faults < self._script.fault_times:
                    nursery.start_soon(self._break)
                await self._listen(sound, heard, nursery)
        except* (ProviderTimeout, ProviderRefused, ProviderLost) as errors:
            raise errors.exceptions[0] from None
        finally:
            if self._script.ignores_cancel:
                await linger(self._script.ignores_cancel)

    async def _break(self) -> None:
        await trio.sleep_until(self._script.fault_at)
        self._faults += 1
        assert self._script.fault is not None
        raise_fault(self._script.fault, "the scripted recogniser")

    async def _listen(
        self,
        sound: trio.MemoryReceiveChannel[Sound],
        heard: Callable[[Heard], None],
        nursery: trio.Nursery,
    ) -> None:
        segment, bytes_of, words, through_ms, next_ms = -1, Counter[int](), "", 0.0, 0.0

        def say(delay: float, *, final: bool) -> None:
            if not self._script.deaf:
                words_heard = Heard(
                    segment,
                    words,
                    final,
                    through_ms,
                    endpoint=final and self._script.endpoints and bool(words),
                )
                nursery.start_soon(self._later, delay, heard, words_heard)

        async for item in sound:
            match item:
                case Onset(at_ms):
                    segment += 1
                    bytes_of, words, next_ms = Counter(), "", at_ms
                case Frame(audio, at_ms):
                    through_ms = at_ms + mulaw.duration_ms(audio)
                    code = audio[0]
                    if code in (SOUND, mulaw.SILENCE[0]):
                        continue
                    bytes_of[code] += len(audio)
                    words = self._understood(bytes_of)
                    if self._script.partials and words and through_ms >= next_ms:
                        next_ms = through_ms + self._script.partial_every * 1000
                        say(self._script.lag, final=False)
                case Offset(at_ms):
                    through_ms = max(through_ms, at_ms)
                    say(self._script.final_after, final=True)

    def _understood(self, bytes_of: Counter[int]) -> str:
        """The words whose sound has come in whole, as far as that can be told."""
        texts = []
        for number, size in sorted(bytes_of.items()):
            act = self._caller[number]
            said = act.say.split()
            # The first and last frames of an utterance may be cut; a word needs most of itself.
            share = min(1.0, size / mulaw.SAMPLE_RATE_HZ / act.during + 0.05)
            texts.extend(said[: int(share * len(said))])
        return " ".join(texts)

    async def _later(self, delay: float, heard: Callable[[Heard], None], words: Heard) -> None:
        await trio.sleep(delay)
        heard(words)


class ScriptedMind(Scripted):
    """Answers as the scenario says."""

    def __init__(self, scenario: Scenario) -> None:
        self._answers = scenario.answers
        self._given: Counter[int] = Counter()
        self.requests = 0

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        self.requests += 1
        asked = [message for message in prompt.messages if message.role == "caller"]
        answer = self._answer(asked[-1].text if asked else "")
        await trio.sleep(answer.first_token)
        last: Message | None = prompt.messages[-1] if prompt.messages else None
        if answer.asks is not None and (last is None or last.role != "tool"):
            emit(
                ToolCall(
                    f"call-{self.requests}", answer.asks.tool, json.dumps(answer.asks.arguments)
                )
            )
            return Usage(tokens_in=10, tokens_out=1)
        words = answer.says.split(" ") if answer.says else []
        for number, word in enumerate(words):
            await self._hazard(answer, number)
            emit(TextDelta(word + " "))
            await trio.sleep(answer.word_every)
        await self._hazard(answer, len(words))
        return Usage(tokens_in=10, tokens_out=len(words))

    def _answer(self, words: str) -> Answer:
        spoken = " ".join(normalized(words))
        for number, answer in enumerate(self._answers):
            if " ".join(normalized(answer.to)) in spoken and self._given[number] < answer.times:
                self._given[number] += 1
                return answer
        return Answer()

    async def _hazard(self, answer: Answer, word: int) -> None:
        if word != answer.fault_after_words:
            return
        if answer.stalls:
            await trio.sleep_forever()
        if answer.fault:
            raise_fault(answer.fault, "the scripted mind")


class ScriptedVoice(Scripted):
    """Spells every clause: ``letter_ms`` of its byte for each letter, silence for a space."""

    def __init__(self, scenario: Scenario) -> None:
        self._script = scenario.voice
        self._faults = 0

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        try:
            async for clause in clauses:
                await trio.sleep(self._script.first_byte)
                await self._hazard(clause.text)
                audio = spell(clause.text, self._script.letter_ms)
                half = len(audio) // 2
                await speech(Speech(clause.index, audio[:half], ends_clause=False))
                await speech(Speech(clause.index, audio[half:], ends_clause=True))
        except trio.Cancelled:
            if self._script.ignores_cancel:
                await linger(self._script.ignores_cancel)
                with trio.CancelScope(shield=True):
                    await speech(Speech(0, spell("STALE", 60), ends_clause=True))
            raise

    async def _hazard(self, text: str) -> None:
        struck = self._script.fault_on in text and self._faults < self._script.fault_times
        if struck and self._script.stalls:
            self._faults += 1
            await trio.sleep_forever()
        if struck and self._script.fault:
            self._faults += 1
            raise_fault(self._script.fault, "the scripted voice")


def spell(text: str, letter_ms: int) -> bytes:
    """A text as sound: a byte a letter, so that it can be read again."""
    size = letter_ms * mulaw.BYTES_PER_MS
    codes = (mulaw.SILENCE if letter == " " else letter.encode("latin-1") for letter in text)
    return b"".join(code * size for code in codes)


def read_back(audio: bytes, letter_ms: int) -> str:
    """The text of spelt sound. A letter of which less than half was played is not read."""
    size = letter_ms * mulaw.BYTES_PER_MS
    text, start = "", 0
    while start < len(audio):
        end = start
        while end < len(audio) and audio[end] == audio[start]:
            end += 1
        letter = " " if audio[start] == mulaw.SILENCE[0] else chr(audio[start])
        text += letter * round((end - start) / size)
        start = end
    return text


class ScriptedJudge(Scripted):
    """Takes everything for complete but what the scenario calls incomplete."""

    def __init__(self, scenario: Scenario) -> None:
        self._incomplete = {normalized(words) for words in scenario.incomplete}

    async def completeness(self, words: str, asked: str) -> float:
        await trio.lowlevel.checkpoint()
        return 0.1 if normalized(words) in self._incomplete else 0.95


class ScriptedToolPort:
    """A tool of a scenario. ``runs`` counts how often it began."""

    def __init__(self, script: ScriptedTool) -> None:
        self._script = script
        self.runs = 0
        self.finished = 0
        self.spec = ToolSpec(
            name=script.name,
            description=script.name,
            parameters={"type": "object"},
            changes=script.changes,
            timeout_ms=round(script.timeout * 1000),
        )

    async def run(self, arguments: Mapping[str, object]) -> str:
        self.runs += 1
        await trio.sleep(self._script.takes)
        if self._script.fault:
            raise_fault(self._script.fault, f"the tool {self._script.name}")
        self.finished += 1
        return json.dumps(self._script.returns)
