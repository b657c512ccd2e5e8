"""The embedded voice: behind the port with a scripted model, on the line, and for real."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.embedded.onnx_cut import cut
from adapters.embedded.text_to_speech import EmbeddedVoice, JoeVoice, PhoneLine
from adapters.embedded.weights import weight
from effects.ports import Clause, ProviderLost, Speech
from effects.spoken import clause_of
from states import mulaw

MODEL_RATE_HZ = 22050


# --- behind the port ------------------------------------------------------------------------


class Scripted:
    """A model that says each word of a clause as one piece of audio: the word itself.

    ``at`` does something when a word is reached, on the thread that synthesizes.
    """

    def __init__(self, **at: Callable[[], object]) -> None:
        self.at = at

    def say(self, text: str) -> Iterator[bytes]:
        for word in text.split():
            if word in self.at:
                self.at[word]()
            yield word.encode()


async def say(voice: EmbeddedVoice, *texts: str) -> list[Speech]:
    """Everything that comes of these clauses."""
    heard: list[Speech] = []

    async def speech(piece: Speech) -> None:
        heard.append(piece)

    await voice.speak(clauses(*texts), speech)
    return heard


def clauses(*texts: str) -> trio.MemoryReceiveChannel[Clause]:
    send, receive = trio.open_memory_channel[Clause](len(texts))
    with send:
        for index, text in enumerate(texts):
            send.send_nowait(clause_of(index, text))
    return receive


async def test_clauses_come_in_order_and_each_ends_once() -> None:
    """All pieces of one clause, then its end, then the next clause."""
    async with EmbeddedVoice(Scripted) as voice:
        assert await say(voice, "one two", "three") == [
            Speech(0, b"one", False),
            Speech(0, b"two", False),
            Speech(0, b"", True),
            Speech(1, b"three", False),
            Speech(1, b"", True),
        ]


async def test_a_clause_without_words_ends_at_once() -> None:
    """Nothing to say is said without waiting."""
    async with EmbeddedVoice(Scripted) as voice:
        assert (await say(voice, "", "one"))[0] == Speech(0, b"", True)


async def test_the_next_clause_is_synthesized_while_this_one_is_held_back() -> None:
    """Back-pressure on the first clause does not leave a gap before the second."""
    reached = trio.Event()
    model = Scripted(next=lambda: trio.from_thread.run_sync(reached.set))

    async def speech(piece: Speech) -> None:
        if piece == Speech(0, b"first", False):
            await reached.wait()

    async with EmbeddedVoice(lambda: model) as voice:
        with trio.fail_after(10):
            await voice.speak(clauses("first", "next"), speech)


async def test_synthesis_stays_a_few_pieces_ahead() -> None:
    """A caller who interrupts wastes little work: the model waits for the playout."""
    said: list[int] = []
    fourth = trio.Event()

    class Counting:
        def say(self, text: str) -> Iterator[bytes]:
            for n in range(100):
                said.append(n)
                if text == "all" and n == 3:
                    trio.from_thread.run_sync(fourth.set)
                yield b"%d" % n

    async def speech(piece: Speech) -> None:
        await fourth.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert len(said) <= int(piece.mulaw or 100) + 5

    async with EmbeddedVoice(Counting) as voice:
        said.clear()
        await voice.speak(clauses("all"), speech)


async def test_cancelled_in_mid_synthesis_it_returns_at_once_and_drops_the_rest() -> None:
    """The thread is left behind, and what it makes reaches nobody."""
    started, release, finished = trio.Event(), threading.Event(), threading.Event()
    heard: list[Speech] = []

    class Slow:
        def say(self, text: str) -> Iterator[bytes]:
            if text == "slow":
                trio.from_thread.run_sync(started.set)
                release.wait()
            yield b"late"
            finished.set()

    async def speech(piece: Speech) -> None:
        heard.append(piece)

    async with EmbeddedVoice(Slow) as voice:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(voice.speak, clauses("slow"), speech)
            await started.wait()
            nursery.cancel_scope.cancel()
        assert not release.is_set()
        release.set()
        assert [piece.mulaw for piece in await say(voice, "now")] == [b"late", b""]
    assert heard == []


async def test_a_model_that_fails_is_a_lost_provider() -> None:
    """What was synthesized before is still handed over; the error is not a group."""

    def fail() -> None:
        raise RuntimeError("out of memory")

    heard: list[bytes] = []

    async def speech(piece: Speech) -> None:
        heard.append(piece.mulaw)

    async with EmbeddedVoice(lambda: Scripted(bad=fail)) as voice:
        with pytest.raises(ProviderLost, match="out of memory"):
            await voice.speak(clauses("good bad"), speech)
    assert heard == [b"good"]


async def test_calls_share_the_voice() -> None:
    """Two calls that speak at once each get their own clauses."""
    async with EmbeddedVoice(Scripted) as voice:
        results: dict[str, list[Speech]] = {}

        async def call(text: str) -> None:
            results[text] = await say(voice, text, text)

        async with trio.open_nursery() as nursery:
            for text in ("a b", "c d", "e f"):
                nursery.start_soon(call, text)
    for text, heard in results.items():
        assert [piece.mulaw.decode() for piece in heard] == [*text.split(), "", *text.split(), ""]


async def test_a_reply_in_the_air_does_not_wait_for_others_to_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Calls that begin at once leave a core to those that are speaking."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    begun, release, first = trio.Event(), threading.Event(), trio.Event()

    def begin() -> None:
        trio.from_thread.run_sync(begun.set)
        release.wait()

    async def speech(piece: Speech) -> None:
        first.set()
        await begun.wait()

    async with EmbeddedVoice(lambda: Scripted(begin=begin)) as voice:
        with trio.fail_after(10):
            async with trio.open_nursery() as others:
                async with trio.open_nursery() as speaking:
                    speaking.start_soon(voice.speak, clauses("one two three four five"), speech)
                    await first.wait()
                    others.start_soon(say, voice, "begin")
                    others.start_soon(say, voice, "begin")
                release.set()


async def test_it_must_be_entered_first() -> None:
    """Using a voice that has no model is a bug, not a provider's failure."""
    with pytest.raises(RuntimeError, match="entered"):
        await say(EmbeddedVoice(Scripted), "one")


# --- on the line ----------------------------------------------------------------------------


def tone(seconds: float, amplitude: float = 0.1, hertz: float = 440) -> NDArray[np.float32]:
    t = np.arange(int(seconds * MODEL_RATE_HZ)) / MODEL_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(int(seconds * MODEL_RATE_HZ), np.float32)


def through(line: PhoneLine, samples: NDArray[np.float32], pause_ms: int = 200) -> bytes:
    return line.feed(samples) + line.finish(pause_ms)


def test_silence_around_speech_is_trimmed() -> None:
    """A few milliseconds before, exactly the pause after, the speech itself whole."""
    audio = through(
        PhoneLine(MODEL_RATE_HZ), np.concatenate([silence(0.3), tone(0.5), silence(0.7)])
    )
    loud = np.flatnonzero(np.abs(mulaw.to_float(audio)) > 0.02)
    assert loud[0] <= 20 * mulaw.BYTES_PER_MS
    assert 190 <= (len(audio) - loud[-1]) / mulaw.BYTES_PER_MS <= 210
    assert 500 <= mulaw.duration_ms(audio) - 200 <= 530


def test_a_pause_within_speech_is_kept() -> None:
    """Only what surrounds the sentence is silence to be dropped."""
    audio = through(
        PhoneLine(MODEL_RATE_HZ), np.concatenate([tone(0.2), silence(0.4), tone(0.2)]), 0
    )
    assert 790 <= mulaw.duration_ms(audio) <= 810


def test_silence_alone_is_nothing() -> None:
    """A sentence that the model did not voice leaves no hole."""
    assert through(PhoneLine(MODEL_RATE_HZ), silence(1)) == b""


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9000), max_size=8))
def test_it_does_not_matter_where_the_stretches_end(cuts: list[int]) -> None:
    """The audio is the same however the model delivers it."""
    samples = np.concatenate([silence(0.1), tone(0.3), silence(0.2), tone(0.1), silence(0.3)])
    line = PhoneLine(MODEL_RATE_HZ)
    audio = b"".join(line.feed(part) for part in np.split(samples, np.cumsum(cuts)))
    assert audio + line.finish(200) == through(PhoneLine(MODEL_RATE_HZ), samples)


def test_the_loudest_speech_is_not_clipped() -> None:
    """The highest peaks of the voice stay off the ends of the scale; softer sounds keep their
    shape."""
    # The tone starts and stops so sharply that the filter rings: look at what is between.
    loudest = through(PhoneLine(MODEL_RATE_HZ), tone(0.5, amplitude=0.75), 0)[400:-400]
    assert not {0x00, 0x80} & set(loudest)
    assert np.abs(mulaw.to_float(loudest)).max() > 0.9
    softer = mulaw.to_float(through(PhoneLine(MODEL_RATE_HZ), tone(0.5, amplitude=0.3), 0))
    assert 0.28 < np.sqrt(2 * np.mean(softer**2)) / 1.4 < 0.32


def test_what_the_telephone_cannot_carry_is_filtered_out() -> None:
    """A tone above 4 kHz must vanish, not fold back to a lower one."""
    mixed = np.concatenate([tone(0.1), tone(0.5, hertz=6000), tone(0.1)])
    audio = mulaw.to_float(through(PhoneLine(MODEL_RATE_HZ), mixed, 0))
    assert np.sqrt(np.mean(audio[2000:3600] ** 2)) < 0.001


# --- for real -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def joe() -> JoeVoice:
    return JoeVoice()


async def test_the_voice_speaks_as_the_telephone_likes_it(joe: JoeVoice) -> None:
    """Soon, at the level of a telephone, without clipping, pauses after the sentence."""
    async with EmbeddedVoice(lambda: joe) as voice:
        heard = await say(voice, "Order 29340 is a pair of hiking boots.", "It's on its way!")
    assert [piece.clause for piece in heard if piece.ends_clause] == [0, 1]
    for clause in (0, 1):
        audio = b"".join(piece.mulaw for piece in heard if piece.clause == clause)
        samples = mulaw.to_float(audio)
        loud = np.abs(samples) > 0.05
        assert np.flatnonzero(loud)[0] <= 60 * mulaw.BYTES_PER_MS
        assert np.abs(samples).max() < 0.995
        level_db = 20 * np.log10(np.sqrt(np.mean(samples[:-1600] ** 2)))
        assert -27 < level_db < -15


def test_stretches_are_those_of_the_whole_model(
    joe: JoeVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cutting the model in two and decoding bit by bit changes no sample."""
    piper = joe._piper
    no_noise = np.array([0, 1, 0], np.float32)  # so that each run is the same
    monkeypatch.setattr(piper, "_scales", no_noise)
    phonemes = "ɪt lˈɛft ðə mˈɛmfɪs dˈiːpoʊ ðɪs mˈɔːɹnɪŋ."
    stretches = list(piper.samples(phonemes))
    whole = onnxruntime.InferenceSession(str(weight("piper-joe")))
    expected = whole.run(None, piper._inputs(phonemes))[0].squeeze()
    assert len(stretches) > 2
    np.testing.assert_allclose(np.concatenate(stretches), expected, atol=1e-4)


def test_a_model_is_not_cut_where_nothing_follows() -> None:
    """A tensor that is not in the model is a mistake, not an empty half."""
    with pytest.raises(ValueError, match="nowhere"):
        cut(weight("silero-vad").read_bytes(), "nowhere")
