"""The simulated caller: its timing to the millisecond in virtual time, and once for real."""

from __future__ import annotations

import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from adapters.front.server import Listening, serve
from adapters.twilio.phone import place_call
from adapters.twilio.recording import Observation, Stretch
from adapters.twilio.script import AfterAgent, AtTime, IntoReply, KeyPress, Script, Utterance
from effects.ports import CallInfo, Carrier, CarrierMessage, Dtmf, Mark, Media, Stop
from states.mulaw import SILENCE, from_pcm16, to_pcm16
from tests.twilio_kit import call, wait_for_stop

LOUD = from_pcm16(np.full(8000, 8000, np.int16))  # a second
SOFT = from_pcm16(np.full(8000, -8000, np.int16))
ONE_MS = pytest.approx(0, abs=0.001)


def seconds(value: float) -> object:
    return pytest.approx(value, abs=1e-6)


def spans(stretches: list[Stretch]) -> list[tuple[float, float]]:
    return [(stretch.start_s, stretch.end_s) for stretch in stretches]


class Agent:
    """Says a reply ``think_s`` after each stretch of caller speech ends, and notes its marks."""

    def __init__(self, *replies: bytes, greeting: bytes = b"", think_s: float = 0.5) -> None:
        self.info: CallInfo | None = None
        self.said: list[CarrierMessage] = []
        self.mark_times: dict[str, float] = {}
        self.frames: list[tuple[float, bytes]] = []
        self._replies = list(replies)
        self._greeting = greeting
        self._think_s = think_s

    async def __call__(self, carrier: Carrier) -> None:
        self.info = carrier.info
        began = trio.current_time()
        if self._greeting:
            carrier.send_audio(self._greeting)
            carrier.send_mark("greeting")
        speaking = False
        while not isinstance(message := await carrier.receive(), Stop):
            now = trio.current_time() - began
            if isinstance(message, Media):
                self.frames.append((now, message.mulaw))
                was, speaking = speaking, message.mulaw.strip(SILENCE) != b""
                if was and not speaking and self._replies:
                    await trio.sleep(self._think_s - 0.02)
                    carrier.send_audio(self._replies.pop(0))
                    carrier.send_mark(f"reply {len(self._replies)} to come")
                continue
            self.said.append(message)
            if isinstance(message, Mark):
                self.mark_times[message.name] = now
        self.said.append(message)


async def test_a_conversation_in_turns(autojump_clock: MockClock) -> None:
    """The caller speaks when the agent has finished, hangs up when it has no more to say; all
    times are right to the millisecond."""
    agent = Agent(SOFT, SOFT[:4000], greeting=SOFT)
    script = Script(
        (Utterance(LOUD[:4000], AfterAgent(gap_ms=600)), Utterance(LOUD, AfterAgent(gap_ms=300))),
        hang_up=AfterAgent(gap_ms=1000),
    )
    record = await call(agent, script)
    assert agent.info is not None
    assert agent.info.parameters == {"token": "abc"}
    assert record.outcome == "hung_up"
    greeting, first, second = record.heard
    assert (greeting.start_s, greeting.end_s) == (seconds(0.02), seconds(1.02))
    # A gap of 600 ms after 1.02 s; half a second of speech, then of thought.
    assert spans(record.said[:1]) == [(seconds(1.62), seconds(2.12))]
    assert first.start_s - record.said[0].end_s == pytest.approx(0.52, abs=0.021)
    assert record.said[1].start_s - first.end_s == pytest.approx(0.3, abs=0.021)
    assert second.end_s - second.start_s == seconds(0.5)
    assert record.events[-1].at_s - second.end_s == pytest.approx(1.0, abs=0.021)
    assert [name for name, _ in record.marks] == [
        "greeting",
        "reply 1 to come",
        "reply 0 to come",
    ]
    assert agent.said[-1] == Stop("the carrier ended the call")
    assert not record.refused


async def test_frames_come_every_20_ms_without_drift(autojump_clock: MockClock) -> None:
    """A minute of audio takes a minute: 2999 frames by its end, each on its tick."""
    agent = Agent()
    await call(agent, Script(hang_up=AtTime(60_000)))
    assert len(agent.frames) in (2999, 3000)
    for number, (at_s, mulaw) in enumerate(agent.frames, 1):
        assert at_s == pytest.approx(number * 0.02, abs=1e-6)
        assert len(mulaw) == 160


async def test_a_late_tick_is_made_up_for(autojump_clock: MockClock) -> None:
    """A machine that stalls for 50 ms is late for the frames in its way and for no others."""
    agent = Agent()

    def stall(observation: Observation) -> None:
        if observation.what == "key":
            autojump_clock.jump(0.05)

    await call(agent, Script(keys=(KeyPress("1", 500),), hang_up=AtTime(1000)), stall)
    late = [at_s - number * 0.02 for number, (at_s, _) in enumerate(agent.frames, 1)]
    assert [number for number, by_s in enumerate(late, 1) if by_s > 0.001] == [25, 26, 27]


async def test_marks_come_back_when_they_have_been_heard(autojump_clock: MockClock) -> None:
    """A mark after a second of audio takes a second; one sent into silence takes no time."""
    times: dict[str, float] = {}

    async def session(carrier: Carrier) -> None:
        began = trio.current_time()
        carrier.send_mark("at once")
        await carrier.receive()
        times["at once"] = trio.current_time() - began
        carrier.send_audio(SOFT)
        carrier.send_mark("after a second")
        while not isinstance(message := await carrier.receive(), Stop):
            if isinstance(message, Mark):
                times[message.name] = trio.current_time() - began

    record = await call(session, Script(hang_up=AtTime(2000)))
    assert times["at once"] == ONE_MS
    assert times["after a second"] == seconds(1.02)
    assert record.marks == [("at once", seconds(0)), ("after a second", seconds(1.02))]


async def test_a_barge_in_and_the_clear_that_follows(autojump_clock: MockClock) -> None:
    """The caller speaks into the reply; `clear` silences it and brings all its marks back."""

    async def session(carrier: Carrier) -> None:
        carrier.send_audio(SOFT * 5)
        carrier.send_mark("a")
        carrier.send_mark("b")
        while not isinstance(message := await carrier.receive(), Stop):
            if isinstance(message, Media) and message.mulaw.strip(SILENCE):
                carrier.send_clear()
                return await wait_for_stop(carrier)
        raise AssertionError

    script = Script(
        (Utterance(LOUD, IntoReply(into_reply_ms=1500)),), hang_up=AfterAgent(patience_ms=1000)
    )
    record = await call(session, script)
    (said,), (heard,) = record.said, record.heard
    assert said.start_s == seconds(1.52)  # 1500 ms after the reply began, at 20 ms
    assert record.clears == [seconds(1.54)]  # as soon as the first frame has arrived
    assert heard.end_s == pytest.approx(1.56, abs=0.021)
    assert record.marks == [("a", seconds(1.54)), ("b", seconds(1.54))]
    # A reply that was broken off is not an answer: the caller waits out its patience.
    assert record.events[-1].at_s == pytest.approx(said.end_s + 1.0, abs=0.021)


async def test_a_reply_broken_off_after_an_interjection_is_no_answer(
    autojump_clock: MockClock,
) -> None:
    """The reply outlasts a short word by a little; the caller does not take it for an answer."""

    async def session(carrier: Carrier) -> None:
        carrier.send_audio(SOFT * 5)
        while (message := await carrier.receive()) and isinstance(message, Media):
            if message.mulaw.strip(SILENCE):
                break
        await trio.sleep(0.31)
        carrier.send_clear()
        await wait_for_stop(carrier)

    script = Script(
        (Utterance(LOUD[:480], IntoReply(into_reply_ms=500)),),
        hang_up=AfterAgent(gap_ms=400, patience_ms=3000),
    )
    record = await call(session, script)
    assert record.said[0].end_s < record.clears[0] < record.heard[0].end_s
    assert record.events[-1].at_s == pytest.approx(record.heard[0].end_s + 3.0, abs=0.021)


async def test_keys_and_hanging_up_at_set_times(autojump_clock: MockClock) -> None:
    """Keys are pressed in order of time whatever is being said; a set time to hang up wins."""
    agent = Agent(greeting=SOFT * 60)
    script = Script(
        (Utterance(LOUD * 60, AtTime(100)),),
        keys=(KeyPress("#", 510), KeyPress("1", 500)),
        hang_up=AtTime(2000),
    )
    record = await call(agent, script)
    assert agent.said == [Dtmf("1"), Dtmf("#"), Stop("the carrier ended the call")]
    keys = [(event.detail, event.at_s) for event in record.events if event.what == "key"]
    assert keys == [("1", seconds(0.5)), ("#", seconds(0.52))]
    assert spans(record.said) == [(seconds(0.1), seconds(2.0))]


@pytest.mark.parametrize(
    ("gives_up", "outcome", "said"),
    [(False, "hung_up", [(seconds(3.0), seconds(4.0))]), (True, "gave_up", [])],
)
async def test_patience_ends(
    gives_up: bool, outcome: str, said: list[tuple[float, float]], autojump_clock: MockClock
) -> None:
    """With an agent that says nothing the caller speaks anyway, or gives up."""
    when = AfterAgent(gap_ms=500, patience_ms=3000, gives_up=gives_up)
    record = await call(
        Agent(), Script((Utterance(LOUD, when),), hang_up=AfterAgent(patience_ms=9))
    )
    assert record.outcome == outcome
    assert spans(record.said) == said


async def test_patience_does_not_run_while_the_agent_speaks(autojump_clock: MockClock) -> None:
    """A long reply is heard to its end."""
    agent = Agent(greeting=SOFT * 20)
    when = AfterAgent(gap_ms=500, patience_ms=3000)
    record = await call(agent, Script((Utterance(LOUD, when),)))
    assert record.said[0].start_s == pytest.approx(20.52, abs=0.021)


async def test_every_call_ends(autojump_clock: MockClock) -> None:
    """Whatever the script waits for, ``limit_ms`` is the end of it."""
    script = Script((Utterance(LOUD, AtTime(1e9)),), limit_ms=5000)
    record = await call(Agent(), script)
    assert record.outcome == "hung_up"
    assert record.events[-1].at_s == seconds(5.0)


async def test_the_recording_is_aligned_to_the_clock(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Caller left, agent right, each sample where it was spoken or played."""
    agent = Agent(SOFT[:4040], greeting=SILENCE * 400 + SOFT[:800])
    script = Script((Utterance(LOUD[:1600], AtTime(1000)),), hang_up=AtTime(3000))
    record = await call(agent, script)
    samples = record.recording.samples()
    assert samples.shape == (3000 * 8, 2)
    assert samples.dtype == np.int16
    caller, agent_side = samples[:, 0], samples[:, 1]
    spoken = np.flatnonzero(caller)
    assert (spoken[0], spoken[-1] + 1) == (8000, 9600)
    assert caller[8000] == to_pcm16(LOUD)[0]
    greeting, reply = record.heard
    # The greeting begins to play at 20 ms, and 50 ms later becomes audible.
    assert greeting.start_s == seconds(0.07)
    for stretch in (greeting, reply):
        start, end = round(stretch.start_s * 8000), round(stretch.end_s * 8000)
        assert agent_side[start - 1] == 0
        assert np.all(agent_side[start:end] == to_pcm16(SOFT)[0])
        assert agent_side[end] == 0
    record.recording.write_wav(tmp_path / "call.wav")
    with wave.open(str(tmp_path / "call.wav")) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getsampwidth()) == (2, 8000, 2)
        assert wav.readframes(wav.getnframes()) == samples.tobytes()


async def test_everything_is_observed_as_it_happens(autojump_clock: MockClock) -> None:
    """What a watcher is told is what the record holds."""
    observed: list[Observation] = []
    script = Script((Utterance(LOUD[:800]),), (KeyPress("5", 10),), hang_up=AfterAgent(gap_ms=500))
    record = await call(Agent(SOFT, greeting=SOFT), script, observed.append)
    assert observed == record.events
    assert [(event.what, event.detail) for event in observed] == [
        ("started", ""),
        ("agent_start", ""),
        ("key", "5"),
        ("mark", "greeting"),
        ("agent_end", ""),
        ("speech_start", "0"),
        ("speech_end", "0"),
        ("agent_start", ""),
        ("mark", "reply 0 to come"),
        ("agent_end", ""),
        ("ended", "hung_up"),
    ]


async def test_a_reply_with_a_short_gap_is_one_reply(autojump_clock: MockClock) -> None:
    """Audio that comes late by less than 200 ms does not make two replies."""

    async def session(carrier: Carrier) -> None:
        for pause_s in (0.58, 0.78):
            carrier.send_audio(SOFT[:4000])
            await trio.sleep(pause_s)
        carrier.send_audio(SOFT[:4000])
        await wait_for_stop(carrier)

    record = await call(session, Script(hang_up=AtTime(4000)))
    assert [stretch.end_s - stretch.start_s for stretch in record.heard] == [
        pytest.approx(1.08, abs=0.021),
        seconds(0.5),
    ]


async def test_a_call_over_a_real_socket() -> None:
    """The same over loopback: dialled, greeted, answered, hung up."""
    agent = Agent(SOFT[:800], greeting=SOFT[:800], think_s=0.04)
    script = Script((Utterance(LOUD[:800], AfterAgent(gap_ms=40)),), hang_up=AfterAgent(gap_ms=40))
    async with trio.open_nursery() as nursery:
        bound: Listening = await nursery.start(partial(serve, "127.0.0.1", 0, on_call=agent))
        record = await place_call(f"ws://{bound.host}:{bound.port}/media", script)
        bound.drain()
    assert record.outcome == "hung_up"
    assert len(record.said) == 1
    assert [name for name, _ in record.marks] == ["greeting", "reply 0 to come"]
    assert agent.said[-1] == Stop("the carrier ended the call")
