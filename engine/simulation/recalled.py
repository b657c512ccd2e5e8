"""The providers of a recorded call: they say again what they said then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from math import inf
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from effects.ports import Frame, Heard, Offset, Prompt, Sound
from engine.simulation.scenario import Answer, Hearing, Scenario, ScriptedTool
from states.words import normalized

if TYPE_CHECKING:
    from engine.simulation.recogniser import ScriptedRecogniser

NEAR_S = 0.04
"""How exactly the end of a sound is told."""


class Recall:
    """A session of speech-to-text, the ``number``-th of the call: it says what was made of each
    act, as long after its sound as then. What it would have said before the session began it says
    at once."""

    def __init__(
        self,
        recogniser: ScriptedRecogniser,
        scenario: Scenario,
        heard: Callable[[Heard], None],
        nursery: trio.Nursery,
        number: int,
    ) -> None:
        self._recogniser, self._heard, self._nursery = recogniser, heard, nursery
        self._lag_s, self._number = scenario.wire.lag, number
        self._began: set[int] = set()
        self._ended: set[int] = set()
        self._past = 0
        """The acts before this one are over."""
        self._open = False

    async def listen(self, sound: trio.MemoryReceiveChannel[Sound]) -> None:
        """Run until ``sound`` ends."""
        now_s = trio.current_time()
        for number, act in enumerate(self._recogniser.said):
            if self._number and act.after == "call" and act.at + self._lag_s < now_s:
                self._begin(number)
        async for item in sound:
            self._take(item)
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                while True:
                    self._take(sound.receive_nowait())
            if self._open:
                await self._recogniser.rest_until(inf)

    def _take(self, item: Sound) -> None:
        match item:
            case Frame():
                self._hear(item)
            case Offset(at_ms):
                self._open = False
                self._end(at_ms / 1000)
            case _:
                self._open = True

    def _hear(self, frame: Frame) -> None:
        at_s = frame.at_ms / 1000 - self._lag_s
        said = self._recogniser.said
        while self._past < len(said) and said[self._past].after == "call":
            act = said[self._past]
            if act.at - NEAR_S > at_s:
                return
            if at_s < act.at + act.during and (act.say or act.sound):
                self._begin(self._past)
                return
            self._past += 1

    def _begin(self, number: int) -> None:
        act = self._recogniser.said[number]
        if number in self._began or not (act.say or act.sound):
            return
        self._began.add(number)
        for one in act.heard:
            if not one.ended:
                self._say(one, act.at + self._lag_s)

    def _end(self, voice_s: float) -> None:
        """Quiet has lasted; what followed that then follows it now."""
        now_s = trio.current_time()
        for number in sorted(self._began - self._ended):
            act = self._recogniser.said[number]
            if act.at + act.during + self._lag_s <= voice_s + NEAR_S:
                self._ended.add(number)
                for one in act.heard:
                    if one.ended:
                        self._say(one, now_s)

    def _say(self, one: Hearing, since_s: float) -> None:
        if one.session == self._number:
            through_ms = round((since_s + one.through) * 1000, 1)
            words = Heard(one.segment, one.text, one.final, through_ms, one.endpoint, one.eager)
            self._nursery.start_soon(self._later, since_s + one.at, words)

    async def _later(self, at_s: float, words: Heard) -> None:
        await trio.sleep_until(at_s)
        self._heard(words)


def recalled(answers: Sequence[Answer], given: Counter[int], words: str, prompt: Prompt) -> Answer:
    """The recorded answer to the words that are nearest to these; of those equally near, to what
    the agent had said; of those, the next that was not given, or the last."""
    asked = [one.text for one in prompt.messages if one.role == "agent" and one.text]
    last = asked[-1] if asked else ""
    if not answers:
        return Answer()

    def nearness(number: int) -> tuple[float, float, bool, int]:
        answer, is_new = answers[number], not given[number]
        order = -number if is_new else number
        return alike(answer.to, words), alike(answer.asked, last), is_new, order

    best = max(range(len(answers)), key=nearness)
    given[best] += 1
    return answers[best]


def alike(one: str, other: str) -> float:
    """How alike (0..1) two texts are, word by word."""
    left, right = normalized(one), normalized(other)
    if left == right:
        return 1.0
    return round(SequenceMatcher(None, left, right, autojunk=False).ratio(), 3)


def as_used(tool: ScriptedTool, arguments: str) -> ScriptedTool:
    """The tool as it was when it was used with these arguments (JSON); else as it was last."""
    if not tool.uses:
        return tool
    same = [use for use in tool.uses if use.arguments == arguments]
    use = (same or tool.uses)[-1]
    return replace(
        tool,
        takes=use.takes,
        returns=use.returns,
        fault=use.fault,
        ends_call=use.ends_call,
        transfers_to=use.transfers_to,
    )
