"""The scripted recogniser: it understands what the bytes of the sound say, when the scenario
says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from math import inf

import trio

from effects.ports import (
    Frame,
    Heard,
    Offset,
    Onset,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    Sound,
)
from engine.journal import AnyLine, Event, Note
from engine.simulation.faults import linger, raise_fault
from engine.simulation.providers import FIRST, Scripted
from engine.simulation.recalled import Recall
from engine.simulation.scenario import Act, Scenario
from engine.simulation.schedule import JumpingClock
from engine.simulation.services import Services
from states import mulaw
from states.events import SpeechEnded
from states.notes import RecogniserStarted

OVERTAKEN = 1.5
"""Of the time between two partials: by how much one is late that the next overtakes."""

REST_S = 0.2

SLACK_MS = 50.0
"""The first and last frames of a word may be cut; it needs the rest of its sound, and half at the
least."""


class ScriptedRecogniser(Scripted):
    """Understands the words of which the sound has reached it.

    ``said`` is what the caller says, each at the place that the bytes of its sound name; it may
    grow. With a ``clock`` it rests while there is nothing to say, if :meth:`watch` looks on.
    ``latest_ms`` is the greatest age at which a frame was taken in.
    """

    def __init__(
        self,
        scenario: Scenario,
        services: Services | None = None,
        said: Sequence[Act] | None = None,
        clock: JumpingClock | None = None,
        name: str = FIRST,
    ) -> None:
        super().__init__(services)
        self.name = name
        self.said = scenario.caller if said is None else said
        self.gated = scenario.recognition.gated
        self.latest_ms = 0.0
        self._scenario = scenario
        self._faults = 0
        self._sessions = 0
        """How many there have been in the call, this recogniser's or another's."""
        self._rests = clock.alarm() if clock else None

    def watch(self, line: AnyLine) -> None:
        """What ends speech ends a rest."""
        if isinstance(line, Note) and isinstance(line.note, RecogniserStarted):
            self._sessions += 1
        if self._rests and isinstance(line, Event) and isinstance(line.event, SpeechEnded):
            self._rests.bring_forward(trio.current_time())

    async def rest_until(self, at_s: float) -> None:
        """Let sound wait, a little while at most."""
        if self._rests and at_s > trio.current_time():
            await self._rests.wait_until(min(at_s, trio.current_time() + REST_S))

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        script = self._scenario.recognition
        opened: list[_Session] = []
        with self.session():
            try:
                work = partial(self._listen, sound, heard, opened)
                await self.services.serve("recogniser", work, None)
            except* (ProviderTimeout, ProviderRefused, ProviderLost) as errors:
                opened.clear()  # what broke by itself says no more
                raise errors.exceptions[0] from None
            finally:
                await linger(script.ignores_cancel)
                if script.ignores_cancel and opened:
                    opened[0].say_late()

    async def _listen(
        self,
        sound: trio.MemoryReceiveChannel[Sound],
        heard: Callable[[Heard], None],
        opened: list[_Session],
    ) -> None:
        script = self._scenario.recognition
        await trio.sleep(script.connects)
        async with trio.open_nursery() as nursery:
            if script.fault and self._faults < script.fault_times:
                nursery.start_soon(self._break)
            if self._scenario.recorded:
                await Recall(self, self._scenario, heard, nursery, self._sessions - 1).listen(sound)
                return
            opened.append(_Session(self, self._scenario, heard, nursery))
            await opened[0].listen(sound)

    async def _break(self) -> None:
        script = self._scenario.recognition
        await trio.sleep_until(script.fault_at)
        self._faults += 1
        assert script.fault is not None
        raise_fault(script.fault, "the scripted recogniser")


class _Session:
    """One session. ``reached`` holds, of each utterance, from where to where it was heard in
    the open segment (ms of the utterance)."""

    def __init__(
        self,
        recogniser: ScriptedRecogniser,
        scenario: Scenario,
        heard: Callable[[Heard], None],
        nursery: trio.Nursery,
    ) -> None:
        self.recogniser, self.heard, self.nursery = recogniser, heard, nursery
        self.script, self.caller = scenario.recognition, recogniser.said
        self.lag_ms = scenario.wire.lag * 1000
        self.slack_ms = SLACK_MS + scenario.wire.jitter * 1000
        self.segment = -1
        self.is_open = False
        self.finished: set[int] = set()
        self.reached: dict[int, tuple[float, float]] = {}
        self.recent: deque[Frame] = deque(maxlen=64)
        self.newest_ms = -inf
        self.began_ms = (trio.current_time() - self.script.connects) * 1000
        self.through_ms = 0.0
        self.worded_ms = 0.0
        self.next_partial_ms = 0.0
        self.partials = 0

    async def listen(self, sound: trio.MemoryReceiveChannel[Sound]) -> None:
        async for item in sound:
            await self._hear(item)
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                while True:
                    await self._hear(sound.receive_nowait())
            if self.is_open and not self.script.endpoint_after:
                await self.recogniser.rest_until(self._next_words_s())

    async def _hear(self, item: Sound) -> None:
        now_s = trio.current_time()
        if isinstance(item, Frame):
            age_ms = now_s * 1000 - item.at_ms
            if item.at_ms >= self.began_ms:  # what is older was heard before, by another
                self.recogniser.latest_ms = max(self.recogniser.latest_ms, age_ms)
        if 0 <= now_s - self.script.stuck_at < self.script.stuck_for:
            await trio.sleep_until(self.script.stuck_at + self.script.stuck_for)
        match item:
            case Onset(at_ms):
                self.segment += 1
                self.is_open = True
                self.next_partial_ms = at_ms
            case Frame():
                self._take(item)
            case Offset(at_ms):
                self.through_ms = max(self.through_ms, at_ms)
                if self.script.eager:
                    self._say(self.script.lag, final=False, eager=True)
                self._say(self.script.final_after, final=True)
                self.is_open = False
                self.reached = {}

    def _next_words_s(self) -> float:
        """Just before the next partial is due: while nothing is understood, that is when the sound
        of a word has come in whole, as far as it is known what is said."""
        if not self.script.partials:
            return inf
        if self.reached and self._understood(final=False):
            return self.next_partial_ms / 1000 - 0.001
        to_sound_ms = self.slack_ms - self.lag_ms
        ends = (end for act in self.caller for end in _word_ends_ms(act))
        next_ms = min((one for one in ends if one > self.through_ms + to_sound_ms), default=inf)
        return (next_ms - to_sound_ms) / 1000 - 0.001

    def _take(self, frame: Frame) -> None:
        if frame.at_ms <= self.newest_ms and any(frame is seen for seen in self.recent):
            return  # the pre-roll reaches back into what was taken in already
        self.recent.append(frame)
        self.newest_ms = max(self.newest_ms, frame.at_ms)
        self.through_ms = max(self.through_ms, frame.at_ms + mulaw.duration_ms(frame.mulaw))
        number = frame.mulaw[0]
        if number < len(self.caller):
            begins_ms = frame.at_ms - self.lag_ms - self.caller[number].at * 1000
            first_ms, _ = self.reached.get(number, (begins_ms, 0.0))
            self.reached[number] = (first_ms, begins_ms + mulaw.duration_ms(frame.mulaw))
            self.worded_ms = self.through_ms
        quiet_ms = self.through_ms - self.worded_ms
        if self.reached and 0 < self.script.endpoint_after * 1000 <= quiet_ms:
            self._say(self.script.lag, final=True)
            self.segment += 1
            self.reached = {}
        if self.script.partials and self.is_open and self.through_ms >= self.next_partial_ms:
            self._say(self.script.lag, final=False)

    def _say(self, delay: float, *, final: bool, eager: bool = False) -> None:
        words = self._understood(final=final)
        if self.script.deaf or not (words or final):
            return
        self.next_partial_ms = self.through_ms + self.script.partial_every * 1000
        ends_turns = self.script.endpoints or self.script.endpoint_after > 0
        endpoint = final and ends_turns and bool(words)
        text = Heard(max(0, self.segment), words, final, self.through_ms, endpoint, eager)
        late = max((self.caller[number].late for number in self.reached), default=0.0)
        self.partials += not final
        if self.script.shuffles and not final and self.partials % 2:
            late += OVERTAKEN * self.script.partial_every
        self.nursery.start_soon(self._later, delay + late, text)

    def _understood(self, *, final: bool) -> str:
        """The words whose sound has come in whole, as far as that can be told."""
        texts: list[str] = []
        spoken = sorted(self.reached, key=lambda number: self.caller[number].at)
        for number in spoken:
            act, (first_ms, last_ms) = self.caller[number], self.reached[number]
            words = act.say.split()
            each_ms = act.during * 1000 / len(words)
            slack_ms = min(self.slack_ms, each_ms / 2)
            understood = [
                word
                for place, word in enumerate(words)
                if place * each_ms >= first_ms - slack_ms
                and (place + 1) * each_ms <= last_ms + slack_ms
            ]
            whole = len(understood) == len(words)
            texts.extend([act.final] if final and whole and act.final else understood)
        return " ".join(texts)

    async def _later(self, delay: float, text: Heard) -> None:
        await trio.sleep(delay)
        if text.final:
            self.finished.add(text.segment)
        elif text.segment in self.finished and not self.script.shuffles:
            return
        self.heard(text)
        if self.script.repeats and not text.final:
            self.heard(text)

    def say_late(self) -> None:
        """A word that nobody waits for any more."""
        self.heard(Heard(max(0, self.segment), "stale", final=False, through_ms=self.through_ms))


def _word_ends_ms(act: Act) -> Iterator[float]:
    """When the sound of each of its words is over."""
    words = act.say.split()
    for place in range(len(words)):
        yield (act.at + act.during * (place + 1) / len(words)) * 1000
