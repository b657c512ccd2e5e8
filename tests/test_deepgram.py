"""Deepgram's speech-to-text against its twin: what is heard by nova and by Flux. The
connection has its own files."""

from __future__ import annotations

import msgspec
import pytest

from adapters.deepgram.settings import DeepgramSettings
from tests.deepgram_kit import EAGER, FLUX, NOVA, Puppet, calling, results
from tests.sockets_kit import until
from tests.twins.deepgram import DeepgramTwin
from tests.twins.server import open_twin

# --- nova ---------------------------------------------------------------------------------------


async def test_nova_reports_words_as_they_come_and_then_the_final_ones() -> None:
    """A segment grows, is final, and its endpoint is Deepgram's speech_final."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        caller.says("one two three")
        caller.speech_over()
        await caller.ended()
    partials = [words for words in caller.heard if not words.final]
    finals = [words for words in caller.heard if words.final]
    assert [words.text for words in partials] == ["one", "one two", "one two three"]
    assert [(words.text, words.endpoint) for words in finals] == [("one two three", True)]
    assert {words.segment for words in caller.heard} == {0}
    assert caller.error is None
    assert twin.calls[0].controls == ["CloseStream"]


async def test_the_next_speech_is_the_next_segment() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        caller.says("one")
        caller.is_quiet(1500)
        caller.says("two")
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one", "two"]


async def test_our_own_detector_hurries_the_final_words() -> None:
    """The end of speech that our ears find asks for the final words. That they are final is no
    judgement of Deepgram's; its silence is where that is wanted, later, for the same words."""
    settings = msgspec.structs.replace(NOVA, endpointing_ms=300, utterance_end_ms=1000)
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.says("one two")
        caller.pauses()
        await until(lambda: bool(caller.heard) and caller.heard[-1].final)
        assert caller.heard[-1].text == "one two"
        assert not caller.heard[-1].endpoint
        caller.speech_over()
        await caller.ended()
    assert twin.calls[0].controls == ["Finalize", "CloseStream"]
    last = caller.heard[-1]
    assert (last.segment, last.text, last.final, last.endpoint) == (0, "one two", True, True)


async def test_finalizing_can_be_left_to_deepgram() -> None:
    settings = msgspec.structs.replace(NOVA, finalize_at_offset=False)
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.says("one")
        caller.pauses()
        caller.speech_over()
        await caller.ended()
    assert twin.calls[0].controls == ["CloseStream"]


@pytest.mark.parametrize("settings", [NOVA, FLUX])
async def test_through_ms_is_the_time_of_the_call(settings: DeepgramSettings) -> None:
    """Frames that are missing are no audio to Deepgram, but they are time in the call."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.at_ms = 5000.0
        caller.is_quiet(1000)
        caller.at_ms += 30_000
        caller.says("one")
        said_ms = caller.at_ms
        caller.speech_over()
        await caller.ended()
    assert len(twin.calls[0].audio) < 8 * 5000
    partial = next(words for words in caller.heard if not words.final)
    assert 36_000 < partial.through_ms <= said_ms + 250
    assert said_ms - 50 <= caller.heard[-1].through_ms <= caller.at_ms


async def test_silence_is_not_reported() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        caller.is_quiet(10_000)
        caller.hangs_up()
        await caller.ended()
    assert caller.heard == []


async def test_words_that_are_taken_back_are_reported() -> None:
    """A final result without words empties what was reported of its segment."""
    twin = Puppet(results("one", final=False), results("", through_s=2.0))
    async with open_twin(twin), calling(twin) as caller:
        await until(lambda: len(caller.heard) == 2)
    assert [(words.text, words.final) for words in caller.heard] == [("one", False), ("", True)]


@pytest.mark.parametrize(
    "settings", [NOVA, msgspec.structs.replace(NOVA, finalize_at_offset=False), FLUX]
)
async def test_a_noise_is_answered_with_no_words(settings: DeepgramSettings) -> None:
    """It is told once, some time later, that there was nothing to understand: who says nothing of
    it at all would be taken for mute."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.begins()
        caller.is_quiet(600)
        caller.pauses()
        noise_ms = caller.at_ms
        caller.is_quiet(8000)
        caller.hangs_up()
        await caller.ended()
    assert [(words.text, words.final) for words in caller.heard] == [("", True)]
    assert caller.heard[0].through_ms >= noise_ms


@pytest.mark.parametrize("settings", [NOVA, FLUX])
async def test_words_answer_for_themselves(settings: DeepgramSettings) -> None:
    """Of speech that was understood nobody says that there was nothing."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.begins()
        caller.says("one")
        caller.pauses()
        caller.is_quiet(4000)
        caller.begins()
        caller.says("two")
        caller.pauses()
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one", "two"]


# --- Flux ---------------------------------------------------------------------------------------


async def test_flux_reports_a_turn_as_one_segment() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin, FLUX) as caller:
        caller.says("one two")
        caller.is_quiet(1000)
        caller.says("three")
        caller.speech_over()
        await caller.ended()
    ends = [words for words in caller.heard if words.final]
    assert [(words.segment, words.text, words.endpoint) for words in ends] == [
        (0, "one two", True),
        (1, "three", True),
    ]
    assert not any(words.eager for words in caller.heard)


async def test_flux_says_early_that_a_turn_may_be_over_and_takes_it_back() -> None:
    """EagerEndOfTurn, then TurnResumed in the same segment, then the end."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, EAGER) as caller:
        caller.says("one")
        caller.is_quiet(280)
        caller.says("two")
        caller.speech_over()
        await caller.ended()
    assert {words.segment for words in caller.heard} == {0}
    told = [(words.text, words.eager, words.final) for words in caller.heard]
    assert told.index(("one", True, False)) < told.index(("one two", False, False))
    assert told.index(("one two", False, False)) < told.index(("one two", True, False))
    assert told[-1] == ("one two", False, True)


async def test_flux_gets_its_audio_in_chunks_and_all_of_it() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin, FLUX) as caller:
        caller.is_quiet(1020)
        caller.hangs_up()
        await caller.ended()
    assert len(twin.calls[0].audio) == 1020 * 8
    assert twin.calls[0].binaries == 13


@pytest.mark.parametrize("settings", [NOVA, FLUX])
async def test_the_last_words_of_a_call_are_final(settings: DeepgramSettings) -> None:
    """A call that ends in mid-speech: Flux does not end the turn of itself."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.says("one two")
        await until(lambda: caller.text == "one two")
        caller.hangs_up()
        await caller.ended()
    assert caller.heard[-1].final
    assert caller.text == "one two"


async def test_a_vendor_that_never_finishes_is_not_waited_for() -> None:
    """What was heard last is what was said."""
    twin = Puppet(results("one", final=False))
    async with open_twin(twin), calling(twin) as caller:
        await until(lambda: caller.text == "one")
        caller.hangs_up()
        await caller.ended()
    assert (caller.heard[-1].text, caller.heard[-1].final) == ("one", True)
    assert caller.error is None
