"""A recogniser inside the process as a provider: its threads, its errors, and the embedded one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.embedded.moonshine import Hypothesis
from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.recognition.local import ThreadDecoder
from effects.ports import Frame, Heard, Onset, ProviderLost, Sound
from tests.speech import understood

VOICE = b"\x20" * 160


@dataclass
class StuckModel:
    """Decodes until it is released."""

    begun: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def decode(self, mulaw: bytes, before: Hypothesis | None = None) -> Hypothesis:
        self.begun.set()
        self.release.wait(timeout=10)
        self.over.set()
        return Hypothesis("too late", (), confidence=0.9, complete=True)


async def test_cancelling_does_not_wait_for_the_thread() -> None:
    """The call can end while the model computes, and what it finds then reaches nobody."""
    model, heard = StuckModel(), list[Heard]()
    send, receive = trio.open_memory_channel[Sound](1000)
    send.send_nowait(Onset(0))
    for at_ms in range(0, 1000, 20):
        send.send_nowait(Frame(VOICE, at_ms))
    async with EmbeddedSpeechToText(lambda: model) as recogniser:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recogniser.transcribe, receive, heard.append)
            await trio.to_thread.run_sync(model.begun.wait)
            nursery.cancel_scope.cancel()
        assert not model.over.is_set()
        model.release.set()
        await trio.to_thread.run_sync(model.over.wait)
        await wait_all_tasks_blocked()
    assert heard == []


async def abandon_a_decode(decoder: ThreadDecoder[Hypothesis], model: StuckModel) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(decoder.decode, VOICE, None)
        await trio.to_thread.run_sync(model.begun.wait)
        nursery.cancel_scope.cancel()


async def test_closing_waits_for_a_decode_that_was_abandoned() -> None:
    """Its thread is still in native code, which must not be torn down under it."""
    model = StuckModel()
    decoder = ThreadDecoder("test", model, threads=2)
    await abandon_a_decode(decoder, model)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(decoder.settle)
        await wait_all_tasks_blocked()
        assert nursery.child_tasks
        model.release.set()
    assert model.over.is_set()


async def test_closing_is_bounded(autojump_clock: MockClock) -> None:
    """A model that never returns does not keep the process from ending."""
    model = StuckModel()
    decoder = ThreadDecoder("test", model, threads=2)
    await abandon_a_decode(decoder, model)
    began = trio.current_time()
    await decoder.settle()
    assert trio.current_time() - began == 5
    assert not model.over.is_set()
    model.release.set()


async def test_a_decoder_with_all_threads_at_work_is_not_idle() -> None:
    """Then partials are left out."""
    model = StuckModel()
    decoder = ThreadDecoder("test", model, threads=1)
    async with trio.open_nursery() as nursery:
        assert decoder.idle()
        nursery.start_soon(decoder.decode, VOICE, None)
        await trio.to_thread.run_sync(model.begun.wait)
        assert not decoder.idle()
        model.release.set()


async def test_a_thread_is_spared_for_final_decodes() -> None:
    """Partial decodes of one caller do not keep another from their final text."""
    model = StuckModel()
    decoder = ThreadDecoder("test", model, threads=2, spare=1)
    async with trio.open_nursery() as nursery:
        assert decoder.idle()
        nursery.start_soon(decoder.decode, VOICE, None)
        await trio.to_thread.run_sync(model.begun.wait)
        assert not decoder.idle()
        model.begun.clear()
        nursery.start_soon(decoder.decode, VOICE, None)
        await trio.to_thread.run_sync(model.begun.wait)
        model.release.set()


async def test_whatever_the_model_raises_is_a_lost_provider() -> None:
    """A failing inference is retryable by the engine, and keeps its cause."""

    class BrokenModel:
        def decode(self, mulaw: bytes, before: Hypothesis | None = None) -> Hypothesis:
            raise ValueError("bad tensor")

    with pytest.raises(ProviderLost, match="bad tensor") as raised:
        await ThreadDecoder("test", BrokenModel(), threads=1).decode(VOICE, None)
    assert raised.value.retryable


async def test_it_must_be_opened_first() -> None:
    """Without its context there is no model, and the message says what to do."""
    _, receive = trio.open_memory_channel[Sound](0)
    with pytest.raises(RuntimeError, match="async with"):
        await EmbeddedSpeechToText().transcribe(receive, list[Heard]().append)


async def test_a_spoken_sentence_is_understood() -> None:
    """Through the voice detector, the ears and the model: the words that were said."""
    async with EmbeddedSpeechToText() as recogniser:
        words = await understood(recogniser)
    assert words == "it was the best of times it was the worst of times"
