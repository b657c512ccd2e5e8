"""A transcription endpoint as a recogniser: what it is asked, when, and what it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import pytest
import trio
from trio.testing import MockClock

from adapters.whisper.endpoint import WhisperEndpoint
from adapters.whisper.settings import EndpointSettings
from effects.ports import Frame, Heard, Offset, Onset, ProviderBusy, Sound

FRAME = b"\x20" * 160


@dataclass
class Said:
    """An endpoint's answer."""

    text: str
    no_speech: float = 0.0


@dataclass
class ScriptedTranscriber:
    """Answers after a while what a test says, in virtual time."""

    answer: Said = field(default_factory=lambda: Said("Two nine three four zero."))
    takes_s: float = 0.4
    error: Exception | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    given_up: int = 0
    is_open: bool = False

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.is_open = False

    async def transcribe(self, mulaw: bytes) -> Said:
        assert self.is_open
        self.asked.append((round(trio.current_time() * 1000), len(mulaw) // 8))
        try:
            await trio.sleep(self.takes_s)
        except trio.Cancelled:
            self.given_up += 1
            raise
        if self.error:
            raise self.error
        return self.answer


async def listen(
    transcriber: ScriptedTranscriber,
    settings: EndpointSettings | None = None,
    *,
    speech_ms: int = 2000,
    hang_up_s: float = 10,
) -> list[Heard]:
    """Somebody speaks from 1 s on, in real time; what was heard until the call is over."""
    heard: list[Heard] = []
    send, receive = trio.open_memory_channel[Sound](1000)
    with trio.move_on_at(hang_up_s):
        async with (
            WhisperEndpoint(transcriber, settings or EndpointSettings()) as endpoint,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(endpoint.transcribe, receive, heard.append)
            async with send:
                await trio.sleep_until(1)
                await send.send(Onset(1000))
                for at_ms in range(1000, 1000 + speech_ms, 20):
                    await trio.sleep_until((at_ms + 20) / 1000)
                    await send.send(Frame(FRAME, at_ms))
                await send.send(Offset(1000 + speech_ms))
    return heard


async def test_an_utterance_is_asked_about_once(autojump_clock: MockClock) -> None:
    """When the caller has stopped; before that each request would be paid for."""
    transcriber = ScriptedTranscriber()
    heard = await listen(transcriber)
    assert transcriber.asked == [(3000, 2000)]
    assert heard == [Heard(0, "Two nine three four zero.", final=True, through_ms=3000)]
    assert not transcriber.is_open


async def test_partial_texts_are_a_setting(autojump_clock: MockClock) -> None:
    """Then the words that two answers agree on come while the caller speaks."""
    transcriber = ScriptedTranscriber()
    heard = await listen(transcriber, EndpointSettings(partial_every_ms=500), speech_ms=3000)
    assert transcriber.asked == [
        (1500, 500),
        (2300, 1300),
        (3100, 2100),
        (3900, 2900),
        (4000, 3000),
    ]
    assert [(words.text, words.final) for words in heard] == [
        ("Two nine three four zero.", False),
        ("Two nine three four zero.", True),
    ]
    assert transcriber.given_up == 1  # the one that lacks the end of the utterance


async def test_very_short_speech_is_lengthened(autojump_clock: MockClock) -> None:
    """Endpoints refuse recordings below a tenth of a second."""
    transcriber = ScriptedTranscriber()
    await listen(transcriber, speech_ms=40)
    assert transcriber.asked == [(1040, 200)]


@pytest.mark.parametrize("answer", [Said("Thanks for watching!", 0.9), Said(" ... "), Said("")])
async def test_what_is_more_likely_noise_has_no_words(
    autojump_clock: MockClock, answer: Said
) -> None:
    """The final text says so, by being empty."""
    heard = await listen(ScriptedTranscriber(answer))
    assert [(words.text, words.final) for words in heard] == [("", True)]


async def test_a_failed_request_ends_the_session(autojump_clock: MockClock) -> None:
    """With the endpoint's own error, which says whether another attempt can help."""
    busy = ProviderBusy("too much at once")
    with pytest.raises(ExceptionGroup) as raised:
        await listen(ScriptedTranscriber(error=busy))
    assert raised.value.exceptions == (busy,)


@pytest.mark.parametrize("hang_up_ms", range(1000, 3500, 100))
async def test_a_call_can_end_at_any_time(autojump_clock: MockClock, hang_up_ms: int) -> None:
    """Requests under way are given up, and the endpoint is closed."""
    transcriber = ScriptedTranscriber()
    settings = EndpointSettings(partial_every_ms=300)
    with trio.fail_after(hang_up_ms / 1000 + 0.001):
        await listen(transcriber, settings, hang_up_s=hang_up_ms / 1000)
    assert not transcriber.is_open
    at_work = [began_ms for began_ms, _ in transcriber.asked if began_ms + 400 > hang_up_ms]
    assert transcriber.given_up >= len(at_work)
