"""Echo: the agent's own voice coming back is told from the caller's, with real voices and the
real detector."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from adapters.embedded.text_to_speech import JoeVoice
from adapters.silero.vad import SileroVad
from adapters.twilio.wav import read_caller_wav
from effects.ears import WINDOW_MS, Ears
from effects.echo import REACH_MS, STRETCH_MS, Echo
from effects.ports import Frame, Offset, Onset
from states import mulaw
from states.settings import Settings

Samples = NDArray[np.float32]

AGENT_FROM_MS = 500
STRETCH, WINDOW = STRETCH_MS * 8, 256
LINE = np.array([0.05, 0.3, 0.9, -0.5, 0.3, -0.2, 0.15, -0.1, 0.06])
"""What a line does to an echo: it dulls and smears it over a millisecond."""

DEMO = sorted((Path(__file__).parent.parent / "engine" / "demo_call").glob("*.wav"))
RECORDED = sorted(Path("../shared/audio").glob("*.wav"))


@pytest.fixture
async def vad() -> AsyncIterator[SileroVad]:
    async with SileroVad() as opened:
        yield opened


@pytest.fixture(scope="module")
def agent() -> list[bytes]:
    """What the agent says, in the embedded voice, the same way each time."""
    onnxruntime.set_seed(1)
    voice = JoeVoice()
    texts = (
        "Hello, this is the parcel desk. How can I help you today? I can find a parcel for you.",
        "It left the depot this morning, and it should be with you on Thursday, before noon.",
    )
    return [b"".join(voice.say(text)) for text in texts]


def on_the_line(*sounds: tuple[float, Samples]) -> bytes:
    """Sounds, each from its time (ms) on, with the noise of a line, µ-law coded twice."""
    size = max(round(from_ms * 8) + len(sound) for from_ms, sound in sounds) + 4000
    mixed = np.random.default_rng(0).normal(0, 0.0005, size).astype(np.float32)
    for from_ms, sound in sounds:
        mixed[round(from_ms * 8) :][: len(sound)] += sound
    return mulaw.from_float(mulaw.to_float(mulaw.from_float(mixed)))


def echo_of(agent: bytes, db: float) -> Samples:
    """What comes back of the agent's voice."""
    sound = np.convolve(mulaw.to_float(agent), LINE)[: len(agent)] * 10 ** (db / 20)
    return sound.astype(np.float32)


def level_db(sound: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(sound))))


def windows(sound: bytes) -> Iterator[tuple[Samples, float]]:
    """Each stretch of a sound that ends with a window, and when it ends."""
    samples = mulaw.to_float(sound)
    for until in range(STRETCH, len(samples), WINDOW):
        yield samples[until - STRETCH : until], until / 8


def said(agent: bytes, echo: Echo | None = None) -> Echo:
    """An echo guard to which the agent's last two seconds were told."""
    echo = echo or Echo()
    for at in range(0, len(agent), 480):
        echo.played(agent[at : at + 480], AGENT_FROM_MS + at / 8)
    return echo


class Listener:
    """Ears with an echo guard, to which the agent speaks while it listens."""

    def __init__(self, vad: SileroVad, agent: bytes = b"") -> None:
        self.echo = Echo()
        self.ears = Ears(vad.stream(), Settings(), self.echo)
        self.agent = agent
        self.edges: list[Onset | Offset] = []
        self.barged_in_ms: float | None = None

    def hear(self, sound: bytes) -> list[float]:
        """Take in a call's sound in frames that come a little unevenly; return the onsets."""
        told = 0
        late = itertools.cycle((0.0, 7.0, 3.0, 11.0, 5.0))
        for at in range(0, len(sound), 160):
            now_ms = at / 8 + 20 + next(late)
            while told < len(self.agent) and AGENT_FROM_MS + told / 8 < now_ms + 140:
                self.echo.played(self.agent[told : told + 480], AGENT_FROM_MS + told / 8)
                told += 480
            self.edges += self.ears.frame(Frame(sound[at : at + 160], now_ms - 20))
            if self.barged_in_ms is None and self.ears.voiced_ms >= Settings().barge_in_ms:
                self.barged_in_ms = now_ms
        return [edge.at_ms for edge in self.edges if isinstance(edge, Onset)]


# --- the comparison -------------------------------------------------------------------------


def likelihoods(agent: bytes, sound: bytes) -> NDArray[np.float64]:
    """For each window of a sound that is loud enough to matter, taken while the agent speaks."""
    echo, told, found = Echo(), 0, []
    for stretch, until_ms in windows(sound):
        while told < len(agent) and AGENT_FROM_MS + told / 8 < until_ms + 200:
            echo.played(agent[told : told + 480], AGENT_FROM_MS + told / 8)
            told += 480
        if echo.possible(until_ms) and level_db(stretch[-WINDOW:]) > -50:
            found.append(echo.likelihood(stretch, until_ms))
    return np.array(found)


def test_what_comes_back_is_echo(agent: list[bytes]) -> None:
    """Nearly every loud window of an echo is taken for one."""
    for delay_ms in (80, 300):
        sound = on_the_line((AGENT_FROM_MS + delay_ms, echo_of(agent[0], -15)))
        assert np.mean(likelihoods(agent[0], sound) > 0.5) > 0.97


def voices_are_told_apart(paths: list[Path]) -> float:
    """The share of the windows of one voice that are taken for the echo of another, each
    recording against the next."""
    clips = [read_caller_wav(path) for path in paths]
    found = [
        likelihoods(one * (1 + len(other) // len(one)), on_the_line((0, mulaw.to_float(other))))
        for one, other in zip(clips, [*clips[1:], clips[0]], strict=True)
    ]
    return float(np.mean(np.concatenate(found) > 0.5))


def test_another_voice_is_no_echo() -> None:
    """Two people who speak at once are told apart, in all but three windows of a hundred."""
    assert voices_are_told_apart(DEMO) < 0.03


@pytest.mark.skipif(not RECORDED, reason="the recorded voices of ../shared/audio are not here")
def test_many_voices_are_no_echo_of_each_other() -> None:
    """The same for a few dozen voices on lines good and bad, in all but two of a hundred."""
    assert voices_are_told_apart(RECORDED) < 0.02


def test_the_delay_and_the_return_loss_become_known(agent: list[bytes]) -> None:
    """An echo tells when it comes and how strong."""
    sound = on_the_line((AGENT_FROM_MS + 180, echo_of(agent[1], -20)))
    echo = said(agent[1])
    assert echo.delay_ms is None
    assert echo.return_loss_db is None
    for stretch, until_ms in windows(sound):
        if until_ms > AGENT_FROM_MS + len(agent[1]) / 8 - 1500:
            echo.likelihood(stretch, until_ms)
    assert echo.delay_ms == pytest.approx(180, abs=2)
    assert echo.return_loss_db == pytest.approx(20, abs=3)


def test_what_was_cleared_has_no_echo(agent: list[bytes]) -> None:
    """Audio that never played cannot come back: the same sound is then somebody else's."""
    until_ms = AGENT_FROM_MS + 900.0
    spoken = mulaw.to_float(agent[0])[: 800 * 8]
    stretch = 0.2 * spoken[-STRETCH:]
    echo = said(agent[0][: 800 * 8])
    assert echo.likelihood(stretch, until_ms) > 0.9
    echo = said(agent[0][: 800 * 8])
    echo.cleared(AGENT_FROM_MS + 500)
    assert echo.likelihood(stretch, until_ms) < 0.5


def test_there_is_no_echo_of_silence(agent: list[bytes]) -> None:
    """Before the agent has spoken, and from ``REACH_MS`` after it ended, there is none; silence
    of either side is like nothing."""
    assert not Echo().possible(100)
    echo = said(agent[0])
    ends_ms = AGENT_FROM_MS + len(agent[0]) / 8
    assert echo.possible(ends_ms + REACH_MS - 1)
    assert not echo.possible(ends_ms + REACH_MS + 1)
    assert echo.likelihood(np.zeros(STRETCH, np.float32), ends_ms) == 0
    hum = np.full(STRETCH, 0.3, np.float32)
    assert echo.likelihood(hum, ends_ms) == 0
    voice = mulaw.to_float(agent[0])[8000 : 8000 + STRETCH]
    assert echo.likelihood(voice, ends_ms + 10_000) == 0


def test_what_is_kept_of_the_agents_voice_is_bounded(agent: list[bytes]) -> None:
    """An hour of speech, a pause of a day: two seconds are kept, and it still works."""
    echo = Echo()
    echo.played(agent[0], 0.0)
    echo.played(agent[0], 86_400_000.0)
    assert len(echo._sent) <= 16_000
    last = mulaw.to_float(agent[0])[-3 * STRETCH : -2 * STRETCH]
    until_ms = 86_400_000 + (len(agent[0]) - 2 * STRETCH) / 8 + 100
    assert echo.likelihood(0.3 * last, until_ms) > 0.9


# --- the ears -------------------------------------------------------------------------------


async def test_the_agents_echo_is_not_the_caller_speaking(
    vad: SileroVad, agent: list[bytes]
) -> None:
    """At 10 to 30 dB below the agent and 80 to 300 ms late, filtered and coded twice, the echo
    causes no onset in at least nine of ten cases, and none that lasts the barge-in time. The
    detector alone would take each for speech."""
    cases = [
        (spoken, on_the_line((AGENT_FROM_MS + delay_ms, echo_of(spoken, db))))
        for spoken in agent
        for db in (-10, -15, -20, -25, -30)
        for delay_ms in (80, 190, 300)
    ]
    listeners = [(Listener(vad, spoken), sound) for spoken, sound in cases]
    with_onset = [bool(listener.hear(sound)) for listener, sound in listeners]
    assert np.mean(with_onset) <= 0.1
    assert all(listener.barged_in_ms is None for listener, _ in listeners)
    assert all(Listener(vad).hear(sound) for _, sound in cases[:3])


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.stem)
@pytest.mark.parametrize("below_db", [None, 15, 25])
async def test_a_caller_over_the_agent_is_heard_as_early_as_alone(
    vad: SileroVad, agent: list[bytes], path: Path, below_db: float | None
) -> None:
    """With the agent speaking, without an echo or with one 15 or 25 dB below the caller, speech
    begins as early as in quiet, give or take two windows, and lasts the barge-in time at most
    100 ms later."""
    caller = mulaw.to_float(read_caller_wav(path))
    from_ms = AGENT_FROM_MS + 1500.0
    alone = Listener(vad)
    (first, *_) = alone.hear(on_the_line((from_ms, caller)))
    sounds = [(from_ms, caller)]
    if below_db is not None:
        strength_db = level_db(caller) - level_db(mulaw.to_float(agent[0])) - below_db
        sounds.append((AGENT_FROM_MS + 130, echo_of(agent[0], strength_db)))
    over = Listener(vad, agent[0])
    onsets = [at_ms for at_ms in over.hear(on_the_line(*sounds)) if at_ms > first - 100]
    assert abs(onsets[0] - first) <= 2 * WINDOW_MS + 1
    if alone.barged_in_ms is not None:
        assert over.barged_in_ms is not None
        assert over.barged_in_ms <= alone.barged_in_ms + 100


async def test_without_the_agent_the_ears_are_as_without_a_guard(vad: SileroVad) -> None:
    """A guard that was told nothing changes nothing."""
    sound = on_the_line((300, mulaw.to_float(read_caller_wav(DEMO[0]))))
    frames = [Frame(sound[at : at + 160], at / 8) for at in range(0, len(sound), 160)]
    plain, guarded = Ears(vad.stream(), Settings()), Ears(vad.stream(), Settings(), Echo())
    for frame in frames:
        assert plain.frame(frame) == guarded.frame(frame)
        assert plain.voiced_ms == guarded.voiced_ms
