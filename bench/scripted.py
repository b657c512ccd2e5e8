"""The work that is measured: what callers say, and providers that answer after a set time.

The providers are those the peers were measured with: the final transcript 100 ms after the end of
speech, a language model that takes 150 ms to its first token and writes 50 tokens a second, a
voice that takes 80 ms to its first audio. The caller's sound is recorded speech, because the
voice detector is the real one; the recogniser does not read it, it only goes by when there is
sound, and reveals the words that belong to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import trio

from adapters.twilio.wav import read_caller_wav
from bench.vendors import Wait
from effects.choice import Choice
from effects.phrases import Phrases
from effects.ports import (
    CallStore,
    Clause,
    Frame,
    Heard,
    Prompt,
    Sound,
    Speech,
    TextDelta,
    ToolCall,
    Usage,
    VoiceActivityDetector,
)
from effects.spoken import spoken
from effects.stage import Ports
from engine.chart import default_chart_path, load_chart
from engine.evaluation.sound import cut_to_speech
from engine.session import Desk
from engine.simulation.providers import Scripted, ScriptedJudge
from engine.simulation.scenario import Scenario
from engine.simulation.sound import spell
from engine.simulation.world import agent_for
from engine.vocabulary import VOCABULARY
from states import mulaw
from states.settings import Settings

FINAL_AFTER_MS = 100
PARTIAL_EVERY_MS, PARTIAL_LAG_MS = 250, 100
FIRST_TOKEN_MS, TOKEN_EVERY_MS = 150, 20
FIRST_AUDIO_MS = 80
LETTER_MS = 60
"""How long the voice, which spells, takes for a letter."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance: its sound, which begins and ends with speech; the words that the
    recogniser makes of it; whether it does so bit by bit (partials) or only at the end."""

    words: str
    mulaw: bytes
    partials: bool = True

    @property
    def length_ms(self) -> float:
        return mulaw.duration_ms(self.mulaw)


# --- the conversation -----------------------------------------------------------------------

LONG_ANSWER = (
    "Certainly, I can put you through to them. First I need the number of your order, because "
    "they will ask you for it right away, and after that I will stay on the line with you."
)
ANSWERS = (
    ("customer support", LONG_ANSWER),
    ("two nine three", "Thank you, that is the right one."),
    ("two thirty", "Yes, half past two is still free today."),
)

OTHER_ANSWER = "I see."
"""The answer to half an utterance."""

INTERRUPTS = 1
"""Which of the cycle of three utterances is spoken into the agent's reply."""


def cycle() -> tuple[Spoken, Spoken, Spoken]:
    """Three utterances that callers repeat: a request with a long answer, an interruption of
    that answer, and a last question. The interruption has no partial transcripts: words would
    take the floor before the barge-in time is up, and that time is to be measured."""
    request, barge_in, question = (
        cut_to_speech(read_caller_wav(demo_clip(name)))
        for name in (
            "1-customer-support.wav",
            "2-two-nine-three-four-zero.wav",
            "4-today-two-thirty-pm.wav",
        )
    )
    return (
        Spoken("I'd like to speak to customer support", request),
        Spoken("no wait the number is two nine three four zero", barge_in, partials=False),
        Spoken("and can you come today at two thirty", question),
    )


def demo_clip(name: str) -> Path:
    """A recording that comes with the demo call."""
    return Path(str(files("engine").joinpath("demo_call", name)))


# --- the recogniser -------------------------------------------------------------------------


class TimedRecogniser(Scripted):
    """Speech-to-text that goes by the clock: all frames are passed to it, as to a vendor's.

    The words of the utterances come in turn, each spread evenly over its sound. Frames that
    are not dead silence are an utterance; the first that is ends it.
    """

    name = "timed"
    gated = False

    def __init__(self, utterances: Sequence[Spoken], wait: Wait) -> None:
        self._utterances = utterances
        self._wait = wait

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """Run until ``sound`` ends."""
        finals = set[int]()

        async def later(delay_s: float, words: Heard) -> None:
            await self._wait(delay_s)
            if words.segment in finals:
                return  # a partial that the final has overtaken
            if words.final:
                finals.add(words.segment)
            heard(words)

        async with trio.open_nursery() as nursery:
            ear = _Follower(self._utterances)
            async for item in sound:
                if isinstance(item, Frame) and (due := ear.follow(item)) is not None:
                    nursery.start_soon(later, *due)


class _Follower:
    """What a call's frames come to: which words are due, and how long from now."""

    def __init__(self, utterances: Sequence[Spoken]) -> None:
        self._utterances = utterances
        self._segment = -1
        self._began_ms: float | None = None
        self._partial_due_ms = 0.0

    def follow(self, frame: Frame) -> tuple[float, Heard] | None:
        """Take one frame; the words that are to be reported now, after a delay in seconds."""
        silent = frame.mulaw == mulaw.SILENCE * len(frame.mulaw)
        through_ms = frame.at_ms + mulaw.duration_ms(frame.mulaw)
        if silent:
            return None if self._began_ms is None else self._end(frame.at_ms, through_ms)
        if self._began_ms is None:
            self._segment += 1
            self._began_ms = frame.at_ms
            self._partial_due_ms = frame.at_ms + PARTIAL_EVERY_MS
        if through_ms < self._partial_due_ms or not self._utterance.partials:
            return None
        self._partial_due_ms += PARTIAL_EVERY_MS
        share = (through_ms - self._began_ms) / self._utterance.length_ms
        words = self._utterance.words.split()
        said = words[: int(share * len(words))]
        if not said or len(said) == len(words):
            return None  # nothing yet; or all, which is for the final to say
        return PARTIAL_LAG_MS / 1000, Heard(self._segment, " ".join(said), False, through_ms)

    def _end(self, ended_ms: float, now_ms: float) -> tuple[float, Heard]:
        """The final is due ``final_after`` the end; it covers the silence up to then."""
        self._began_ms = None
        due_ms = max(now_ms, ended_ms + FINAL_AFTER_MS)
        return (due_ms - now_ms) / 1000, Heard(self._segment, self._utterance.words, True, due_ms)

    @property
    def _utterance(self) -> Spoken:
        return self._utterances[self._segment % len(self._utterances)]


# --- the mind and the voice -----------------------------------------------------------------


class TimedMind(Scripted):
    """A language model that answers by what it is asked, word by word on a fixed timetable: a
    word that the event loop was late to take does not delay the next."""

    name = "timed"

    def __init__(self, wait: Wait) -> None:
        self._wait = wait

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """Write the answer to the caller's last words."""
        due_s = trio.current_time() + FIRST_TOKEN_MS / 1000
        asked = next(m.text for m in reversed(prompt.messages) if m.role == "caller")
        words = next((says for to, says in ANSWERS if to in asked), OTHER_ANSWER).split()
        for word in words:
            await self._wait(max(0.0, due_s - trio.current_time()))
            emit(TextDelta(word + " "))
            due_s += TOKEN_EVERY_MS / 1000
        tokens_in = sum(len(message.text.split()) for message in prompt.messages)
        return Usage(tokens_in, tokens_out=len(words))


class TimedVoice(Scripted):
    """A voice that spells, so that what was heard can be read off the line."""

    name = identity = "timed"

    def __init__(self, wait: Wait) -> None:
        self._wait = wait

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Say each clause, all of it at once, when its first audio is due."""
        async for clause in clauses:
            await self._wait(FIRST_AUDIO_MS / 1000)
            await speech(Speech(clause.index, spell(clause.spoken, LETTER_MS), ends_clause=True))


# --- the desk -------------------------------------------------------------------------------


def scripted_desk(
    store: CallStore, voice_activity: VoiceActivityDetector, wait: Wait = trio.sleep
) -> Desk:
    """All that taking these calls needs: the real voice detector, everything else scripted.
    ``wait`` is how the providers wait until they are due."""
    agent = agent_for(Scenario(says="a call at the bench", greeting="Hello, how can I help?"))
    phrases = Phrases()
    for text in agent.phrases:
        phrases.add(text, spell(spoken(text), LETTER_MS))
    ports = Ports(
        speech_to_text=Choice(TimedRecogniser(cycle(), wait)),
        language_model=Choice(TimedMind(wait)),
        text_to_speech=Choice(TimedVoice(wait)),
        voice_activity=voice_activity,
        turn_detector=ScriptedJudge(Scenario(says="every turn is complete")),
        tools={},
        phrases=phrases,
    )
    return Desk(load_chart(default_chart_path(), VOCABULARY), agent, Settings(), ports, store)
