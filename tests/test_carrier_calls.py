"""The same calls over every carrier, held by the engine with scripted providers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock

from adapters.twilio.recording import CallRecord, Stretch
from adapters.twilio.script import AtTime, KeyPress, Script, Utterance
from effects.choice import Choice
from effects.phrases import Phrases
from effects.ports import Carrier, JournalSink
from effects.spoken import spoken
from effects.stage import Ports
from engine.journal import AnyLine, End, Event, Note
from engine.session import Desk, hold_call
from engine.simulation.providers import (
    Scripted,
    ScriptedJudge,
    ScriptedMind,
    ScriptedVad,
    ScriptedVoice,
)
from engine.simulation.recogniser import ScriptedRecogniser
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.sound import read_back, spell
from engine.simulation.world import agent_for, default_chart
from states.events import Dtmf
from states.mulaw import BYTES_PER_MS, from_pcm16
from states.notes import MarkEchoed
from states.settings import Settings
from tests.carrier_contract import CASES, Case

pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

LONG = "It left Memphis this morning. It should be with you on Thursday, before noon."


class NoStore(Scripted):
    """Keeps nothing: the watcher sees it all."""

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[JournalSink]:
        yield self

    def write(self, line: bytes) -> None:
        pass


@dataclass
class Held:
    """What there is to see of a call, at both of its ends."""

    record: CallRecord
    lines: list[AnyLine]
    heard: str

    def events(self, name: str) -> list[Event]:
        return [line for line in self.lines if isinstance(line, Event) and line.event.name == name]

    @property
    def end(self) -> End:
        assert isinstance(self.lines[-1], End)
        return self.lines[-1]


def a_desk(scenario: Scenario) -> Desk:
    agent, phrases = agent_for(scenario), Phrases()
    for text in agent.phrases:
        phrases.add(text, spell(spoken(text), scenario.voice.letter_ms))
    ports = Ports(
        speech_to_text=Choice(ScriptedRecogniser(scenario)),
        language_model=Choice(ScriptedMind(scenario)),
        text_to_speech=Choice(ScriptedVoice(scenario)),
        voice_activity=ScriptedVad(),
        turn_detector=ScriptedJudge(scenario),
        tools={},
        phrases=phrases,
    )
    return Desk(default_chart(), agent, scenario.settings, ports, NoStore())


async def held(case: Case, scenario: Scenario, keys: Sequence[KeyPress] = ()) -> Held:
    """The scenario's call, over this carrier."""
    lines: list[AnyLine] = []
    utterances = tuple(
        Utterance(bytes([number]) * round(act.during * 1000 * BYTES_PER_MS), AtTime(act.at * 1000))
        for number, act in enumerate(scenario.caller)
    )
    script = Script(utterances, tuple(keys), hang_up=AtTime(scenario.ends_at * 1000))

    async with trio.open_nursery() as effects:

        async def on_call(carrier: Carrier) -> None:
            await hold_call(a_desk(scenario), carrier, effects, [lines.append])

        record = await case.call(on_call, script)
        effects.cancel_scope.cancel()
    played = from_pcm16(record.recording.samples()[:, 1])
    return Held(record, lines, " ".join(read_back(played, scenario.voice.letter_ms).split()))


def is_quiet(heard: list[Stretch], from_s: float, to_s: float) -> bool:
    return not any(one.start_s < to_s and from_s < one.end_s for one in heard)


async def test_a_question_is_answered(case: Case, autojump_clock: MockClock) -> None:
    """The greeting and the answer are heard word by word; every mark comes back, and none of them
    late; the caller hangs up, and the call is completed."""
    scenario = Scenario(
        says="",
        caller=[Act(at=3.0, say="where is my parcel", during=1.2)],
        answers=[Answer(to="parcel", says="It left Memphis.")],
        ends_at=9.0,
    )
    call = await held(case, scenario)
    greeting = spoken(agent_for(scenario).greeting)
    assert call.heard == f"{greeting} {spoken('It left Memphis.')}"
    echoes = [
        line.note
        for line in call.lines
        if isinstance(line, Note) and isinstance(line.note, MarkEchoed)
    ]
    assert len(echoes) == len(call.events("played_out")) == 2
    assert all(abs(echo.lag_ms) <= 45 for echo in echoes)
    assert not call.record.refused
    assert call.end.outcome == "completed"


async def test_a_barge_in_silences_the_agent(case: Case, autojump_clock: MockClock) -> None:
    """It is silent within the barge-in time and two frames, what is not heard by then is never
    heard, and the interruption is answered."""
    scenario = Scenario(
        says="",
        caller=[
            Act(at=2.5, say="where is my parcel", during=1.2),
            Act(at=6.5, say="the other one for friday please", during=1.6),
        ],
        answers=[Answer(to="parcel", says=LONG), Answer(to="friday", says="Friday it is.")],
        ends_at=14.0,
    )
    call = await held(case, scenario)
    silent_s = call.record.said[1].start_s + Settings().barge_in_ms / 1000 + 0.1
    assert not is_quiet(call.record.heard, 6.0, 6.5)
    assert is_quiet(call.record.heard, silent_s, 8.1)
    assert bool(call.record.clears) == case.knows_clears
    assert "noon" not in call.heard
    assert call.heard.endswith(spoken("Friday it is."))


async def test_a_number_is_keyed(case: Case, autojump_clock: MockClock) -> None:
    """The keys are taken in their order, and answered."""
    scenario = Scenario(says="", answers=[Answer(to="42", says="Thank you.")], ends_at=8.0)
    keys = [KeyPress(key, 3000.0 + 200 * number) for number, key in enumerate("42#")]
    call = await held(case, scenario, keys)
    events = [line.event for line in call.lines if isinstance(line, Event)]
    assert [one.digit for one in events if isinstance(one, Dtmf)] == ["4", "2", "#"]
    assert call.heard.endswith(spoken("Thank you."))


async def test_a_silent_caller_is_let_go_after_the_goodbye(
    case: Case, autojump_clock: MockClock
) -> None:
    """The agent hangs up, and not before its goodbye was heard to the end."""
    call = await held(case, Scenario(says="", ends_at=120.0))
    assert call.record.outcome == "server_closed"
    assert call.heard.endswith(spoken("Goodbye."))
    assert call.end.outcome == "completed"
