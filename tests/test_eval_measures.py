"""What a recording says of turn-taking, on records made by hand and on calls in virtual time."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from adapters.twilio.recording import CallRecord, Stretch
from adapters.twilio.script import AfterAgent, IntoReply, Script, Utterance
from effects.ports import Carrier, Dtmf, Media, Stop
from engine.evaluation.measures import Answer, Disturbance, measure
from engine.evaluation.plan import Planned
from states import mulaw
from states.mulaw import SILENCE, from_pcm16, to_pcm16
from tests.twilio_kit import call

TURN, KEYS = Planned(1, "turn", "hello"), Planned(1, "keys")
CUT_IN = Planned(1, "interruption", "stop", within_s=1.0)
COUGH = Planned(1, "cough")


def record(
    said: list[tuple[float, float]],
    heard: list[tuple[float, float]],
    clears: list[float] | None = None,
) -> CallRecord:
    return CallRecord(
        said=[Stretch(*span) for span in said],
        heard=[Stretch(*span) for span in heard],
        clears=clears or [],
    )


@pytest.mark.parametrize("what", [TURN, KEYS])
def test_latency_is_what_the_caller_waits(what: Planned) -> None:
    """From the end of the utterance to the first sound after it, before the next utterance."""
    made = measure([what, TURN], record([(2, 3), (6, 7)], [(0, 1.5), (3.4, 5), (7.9, 9)]))
    assert made.answers == [Answer(1, 400.0), Answer(1, 900.0)]
    assert made.notes == []


def test_no_answer() -> None:
    """Silence until the next utterance, or to the end of the call, is no answer."""
    made = measure([TURN, TURN], record([(2, 3), (6, 7)], [(0, 1.5)]))
    assert [answer.unanswered for answer in made.answers] == [True, True]
    assert made.notes == ["step 1: no answer", "step 1: no answer"]


def test_a_cut_off() -> None:
    """The agent begins in a pause of the caller's: no latency is taken from that."""
    made = measure([TURN], record([(2, 5)], [(0, 1.5), (3.4, 6)]))
    assert made.answers == [Answer(1, cut_off=True)]
    assert made.notes == ["step 1: the caller was cut off"]


def test_both_begin_at_once() -> None:
    """An agent who could not know yet that the caller speaks cuts nobody off; and there is no
    beginning after the utterance to measure to."""
    made = measure([TURN], record([(2, 3)], [(0, 1.5), (2.1, 4)]))
    assert made.answers == [Answer(1)]


def test_a_barge_in() -> None:
    """Silence within the limit; the time to it counts from the caller's first sound."""
    made = measure([CUT_IN], record([(3, 4)], [(1, 3.7), (4.5, 6)]))
    assert made.interruptions == [Disturbance(1, True, 700.0, False)]
    assert made.answers == [Answer(1, 500.0)]


def test_a_barge_in_that_is_answered_at_once() -> None:
    """The reply was thrown away, even if there is no silence before the next one."""
    made = measure([CUT_IN], record([(3, 3.6)], [(1, 8)], [3.6]))
    assert made.interruptions == [Disturbance(1, True, 600.0, False)]


def test_a_missed_barge_in() -> None:
    """The agent talks on past the limit, whether or not it stops later."""
    made = measure([CUT_IN], record([(3, 4)], [(1, 4.2)]))
    assert made.interruptions == [Disturbance(1, True, None, True)]
    assert made.notes == ["step 1: the agent did not yield"]


def test_a_barge_in_into_silence() -> None:
    """Where the agent was not speaking nothing was tried, and that is said."""
    made = measure([CUT_IN], record([(3, 4)], [(1, 2.9), (4.5, 6)]))
    assert made.interruptions == [Disturbance(1, False)]
    assert made.notes == ["step 1: the agent was not speaking then"]


@pytest.mark.parametrize(
    ("heard", "clears"),
    [
        ([(1, 3.5), (4.3, 8)], [3.49]),  # stopped by a clear, then resumed
        ([(1, 3.5)], [3.48]),  # stopped by a clear for good
        ([(1, 3.5), (4.3, 8)], []),  # ran dry, then resumed
        ([(1, 8)], [3.5]),  # another reply took its place at once
    ],
)
def test_a_false_interruption(heard: list[tuple[float, float]], clears: list[float]) -> None:
    """The agent breaks off for a cough, whichever way."""
    made = measure([COUGH], record([(3, 3.3)], heard, clears))
    (noise,) = made.noises
    assert noise.wrong
    assert noise.silent_ms == pytest.approx(500, abs=20)
    assert made.notes == ["step 1: the agent fell silent for nothing"]


@pytest.mark.parametrize(
    ("said", "heard", "clears"),
    [
        ([(3, 3.3)], [(1, 8)], []),  # goes on
        ([(3, 3.3)], [(1, 3.6)], []),  # comes to its end by itself
        ([(3, 3.3)], [(1, 3.6)], [3.9]),  # cleared when there was nothing left
        ([(3, 3.3), (5, 6)], [(1, 5.7), (6.4, 8)], [5.69]),  # a later barge-in stops it
    ],
)
def test_no_false_interruption(
    said: list[tuple[float, float]], heard: list[tuple[float, float]], clears: list[float]
) -> None:
    """Going on, ending, and being interrupted by something else are no false interruption."""
    made = measure([COUGH, CUT_IN], record(said, heard, clears))
    assert [noise.wrong for noise in made.noises] == [False]


def test_what_the_call_did_not_come_to_is_not_measured() -> None:
    """A call that ends early has fewer utterances than were planned."""
    assert len(measure([TURN, TURN], record([(2, 3)], [(3.4, 5)])).answers) == 1


# --- on the telephone -----------------------------------------------------------------------

LOUD = from_pcm16(np.full(8000, 8000, np.int16))  # a second
GREETING = LOUD * 6


class Jumpy:
    """An agent who greets for six seconds, falls silent at any sound if it is ``jumpy``, and
    answers 100 ms of silence after a sound with a second of speech."""

    def __init__(self, *, jumpy: bool) -> None:
        self._jumpy = jumpy
        self.keys: list[tuple[float, str]] = []
        self.frames: list[bytes] = []

    async def __call__(self, carrier: Carrier) -> None:
        began = trio.current_time()
        carrier.send_audio(GREETING)
        quiet_frames = None
        while not isinstance(message := await carrier.receive(), Stop):
            if isinstance(message, Dtmf):
                self.keys.append((trio.current_time() - began, message.digit))
            if not isinstance(message, Media):
                continue
            self.frames.append(message.mulaw)
            if message.mulaw.strip(SILENCE):
                if quiet_frames is None and self._jumpy:
                    carrier.send_clear()
                quiet_frames = 0
            elif quiet_frames is not None:
                quiet_frames += 1
                if quiet_frames == 5:
                    carrier.send_audio(LOUD)
                    quiet_frames = None


@pytest.mark.parametrize("jumpy", [True, False])
async def test_an_agent_is_measured_as_it_is(autojump_clock: MockClock, jumpy: bool) -> None:
    """One that stops at any sound passes barge-ins and fails coughs; one that never does, the
    other way round; both answer into a pause, which is a cut-off."""
    into = IntoReply(into_reply_ms=2000)
    halves = LOUD[:4000] + SILENCE * 4000 + LOUD[:4000]
    for what, sound in ((CUT_IN, LOUD), (COUGH, LOUD[:2000])):
        script = Script((Utterance(sound, into),), hang_up=AfterAgent(gap_ms=2500))
        made = measure([what], await call(Jumpy(jumpy=jumpy), script))
        for trial in (*made.interruptions, *made.noises):
            assert trial.tried
            assert trial.wrong is (jumpy == (what is COUGH))
    script = Script((Utterance(halves, AfterAgent()),), hang_up=AfterAgent(gap_ms=500))
    made = measure([TURN], await call(Jumpy(jumpy=jumpy), script))
    assert [answer.cut_off for answer in made.answers] == [True]


async def test_keys_are_pressed_in_their_turn(autojump_clock: MockClock) -> None:
    """One every 240 ms, when the agent has finished."""
    agent = Jumpy(jumpy=False)
    pressing = Utterance(SILENCE * 4000, AfterAgent(gap_ms=600), keys="42#")
    made = await call(agent, Script((pressing,), hang_up=AfterAgent(patience_ms=1000)))
    assert [digit for _, digit in agent.keys] == ["4", "2", "#"]
    times = [at_s for at_s, _ in agent.keys]
    assert times[0] == pytest.approx(made.heard[0].end_s + 0.6, abs=0.03)
    assert np.diff(times) == pytest.approx([0.24, 0.24], abs=0.001)


async def test_a_background_is_on_the_line_all_the_time(autojump_clock: MockClock) -> None:
    """Under the words and between them, over and over, and in the recording."""
    noise = from_pcm16(np.tile(np.array([500, -500], np.int16), 400))  # five frames
    agent = Jumpy(jumpy=False)
    script = Script(
        (Utterance(LOUD[:1600], IntoReply(into_reply_ms=200)),),
        hang_up=AfterAgent(patience_ms=500),
        background=noise,
    )
    made = await call(agent, script)
    levels = [int(np.abs(to_pcm16(frame).astype(np.int32)).mean()) for frame in agent.frames]
    assert min(levels[1:]) > 450
    speech = [number for number, at in enumerate(levels) if at > 7000]
    assert len(speech) == 10
    assert mulaw.mixed(LOUD[:160], noise[:160]) == agent.frames[speech[0]]
    caller = np.abs(made.recording.samples()[:, 0].astype(np.int32))
    assert caller.min() > 400
