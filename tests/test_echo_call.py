"""Echo in a whole call: on the line, and in the words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from adapters.embedded.text_to_speech import JoeVoice
from adapters.silero.vad import SileroVad
from bench.reference import NoStore
from effects.choice import Choice
from effects.phrases import Phrases
from effects.ports import CallInfo, CarrierMessage, Media, Stop
from effects.stage import Ports
from engine.journal import AnyLine
from engine.journal import Event as EventLine
from engine.session import Desk, hold_call
from engine.simulation.providers import ScriptedJudge, ScriptedMind, ScriptedVoice
from engine.simulation.recogniser import ScriptedRecogniser
from engine.simulation.scenario import Recognition, Scenario
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import agent_for, default_chart, simulate
from states import mulaw
from states.events import Transcript
from states.settings import Settings

GREETING = "Hello, this is the parcel desk. How can I help you today?"
CALL_S = 6.0
FRAME = 160


class Mirror:
    """A line that only throws back what is sent: 150 ms later, 15 dB weaker."""

    def __init__(self) -> None:
        self.info = CallInfo("CA1", "MZ1")
        self._began_s = trio.current_time()
        self._taken = 0
        self._back = bytearray()

    async def receive(self) -> CarrierMessage:
        await trio.sleep_until(self._began_s + (self._taken + FRAME) / mulaw.SAMPLE_RATE_HZ)
        if self._taken > CALL_S * mulaw.SAMPLE_RATE_HZ:
            return Stop("the end")
        frame = bytes(self._back[self._taken : self._taken + FRAME]).ljust(FRAME, mulaw.SILENCE)
        self._taken += FRAME
        return Media(mulaw.from_float(mulaw.to_float(frame) * np.float32(0.18)))

    def send_audio(self, mulaw_audio: bytes) -> None:
        now = round((trio.current_time() - self._began_s) * mulaw.SAMPLE_RATE_HZ)
        earliest = now + 150 * mulaw.BYTES_PER_MS
        self._back += mulaw.SILENCE * (earliest - len(self._back)) + mulaw_audio

    def send_mark(self, name: str) -> None:
        return

    def send_clear(self) -> None:
        return

    async def transfer(self, to: str) -> None:
        """Nobody is put through."""

    async def hang_up(self) -> None:
        await trio.lowlevel.checkpoint()


async def onsets(vad: SileroVad, greeting: bytes, settings: Settings) -> int:
    """How often the silent caller of a mirrored call is taken to begin to speak."""
    scenario = Scenario(says="The line is a mirror.", recognition=Recognition(deaf=True))
    phrases = Phrases()
    phrases.add(agent_for(scenario).greeting, greeting)
    ports = Ports(
        speech_to_text=Choice(ScriptedRecogniser(scenario)),
        language_model=Choice(ScriptedMind(scenario)),
        text_to_speech=Choice(ScriptedVoice(scenario)),
        voice_activity=vad,
        turn_detector=ScriptedJudge(scenario),
        tools={},
        phrases=phrases,
    )
    desk = Desk(default_chart(), agent_for(scenario), settings, ports, NoStore())
    lines: list[AnyLine] = []
    async with trio.open_nursery() as nursery:
        await hold_call(desk, Mirror(), nursery, [lines.append], "mirrored")
        nursery.cancel_scope.cancel()
    events = [line.event.name for line in lines if isinstance(line, EventLine)]
    assert "audio_started" in events
    return events.count("speech_started")


async def test_a_greeting_that_comes_back_is_not_a_caller(autojump_clock: MockClock) -> None:
    """From the first word of a call on the ears know what the agent sends; if nothing counted
    as echo, the greeting would be taken for the caller."""
    greeting = b"".join(JoeVoice().say(GREETING))
    async with SileroVad() as vad:
        assert await onsets(vad, greeting, Settings()) == 0
        deaf_to_echo = Settings(echo_likelihood=1.1, onset_probability_speaking=0.5)
        assert await onsets(vad, greeting, deaf_to_echo) > 0


@pytest.mark.parametrize(
    "name",
    [
        "an_echo_of_the_agents_words_does_not_interrupt_it",
        "a_long_echo_of_the_agents_words_is_a_false_alarm",
    ],
)
def test_a_transcript_says_how_much_of_it_the_agent_was_saying(name: str) -> None:
    """The caller's own question is no echo; the agent's words that come back are, wholly."""
    trace = simulate(load_scenario(Path(__file__).parent / "scenarios" / f"{name}.yaml"))
    events = [line.event for line in trace.lines if isinstance(line, EventLine)]
    final = [event for event in events if isinstance(event, Transcript) and event.final]
    assert [(event.segment, event.echo) for event in final] == [(0, 0.0), (1, 1.0)]


def test_words_that_are_repeated_after_the_agent_are_the_callers() -> None:
    """A caller who says the agent's words once it has ended means them."""
    scenario = load_scenario(
        Path(__file__).parent
        / "scenarios"
        / "an_echo_of_the_agents_words_does_not_interrupt_it.yaml"
    )
    (asks, _) = scenario.caller
    repeats = type(asks)(at=9.5, say="on Thursday before noon", during=1.0)
    later = type(scenario)(says="", caller=[asks, repeats], answers=scenario.answers)
    events = [line.event for line in simulate(later).lines if isinstance(line, EventLine)]
    heard = [event for event in events if isinstance(event, Transcript)]
    assert heard[-1].text == "on Thursday before noon"
    assert {event.echo for event in heard} == {0.0}
