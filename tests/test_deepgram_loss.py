"""Losing the connection to Deepgram: nothing is heard twice, and no word is lost."""

from __future__ import annotations

import json
from functools import partial

import msgspec
import pytest
import trio

from adapters.deepgram.settings import DeepgramSettings
from effects.ports import ProviderLost, ProviderRefused
from tests.deepgram_kit import FLUX, NOVA, Caller, calling
from tests.sockets_kit import until
from tests.twins.deepgram import DeepgramTwin, Listener
from tests.twins.server import Conversation, Faults, open_twin

BOTH = pytest.mark.parametrize("settings", [NOVA, FLUX])


async def lose(twin: DeepgramTwin) -> None:
    """Break the connection, and see it gone."""
    twin.cut_off()
    await until(lambda: twin.sockets == 0 or len(twin.calls) > 1)


async def has_heard(caller: Caller, text: str) -> None:
    await until(lambda: caller.has_heard(text))


@BOTH
@pytest.mark.parametrize("said", ["one", "one two", "one two three"])
async def test_speech_goes_on_in_the_same_segment(settings: DeepgramSettings, said: str) -> None:
    """What was not final is heard again, under the number it had."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.says(said)
        await has_heard(caller, said)
        await lose(twin)
        caller.says("four five")
        caller.speech_over()
        await caller.ended()
    assert caller.words == [f"{said} four five"]
    assert caller.heard[-1].endpoint
    assert len(twin.calls) == 2
    assert caller.error is None


@BOTH
async def test_final_words_stay_as_they_are(settings: DeepgramSettings) -> None:
    """They are not heard again: the new connection begins after them."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.says("one two")
        caller.is_quiet(1500)
        caller.says("three")
        await until(lambda: caller.words == ["one two", "three"])
        await lose(twin)
        caller.says("four")
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one two", "three four"]
    assert len(twin.calls[1].audio) / 8 < caller.at_ms - 600


@BOTH
async def test_silence_is_not_heard_again(settings: DeepgramSettings) -> None:
    """But for a second, of which words may still come."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.is_quiet(8000)
        caller.says("one")
        await has_heard(caller, "one")
        await lose(twin)
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one"]
    assert len(twin.calls[1].audio) / 8 < caller.at_ms - 5500


async def test_a_segment_that_ended_in_mid_speech_stays_too() -> None:
    twin = DeepgramTwin(brain=Listener(final_ms=500).transcribe)
    async with open_twin(twin), calling(twin) as caller:
        caller.says("one two three four")
        await has_heard(caller, "one two three four")
        await lose(twin)
        caller.says("five")
        caller.speech_over()
        await caller.ended()
    assert caller.text == "one two three four five"
    assert len([words for words in caller.heard if words.final and words.text]) >= 2


@BOTH
async def test_times_are_the_calls_on_a_new_connection_too(settings: DeepgramSettings) -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.at_ms = 60_000.0
        caller.says("one")
        await has_heard(caller, "one")
        await lose(twin)
        caller.says("two")
        said_ms = caller.at_ms
        await has_heard(caller, "one two")
        assert said_ms - 200 < caller.heard[-1].through_ms <= said_ms
        reached = [words.through_ms for words in caller.heard]
        assert reached == sorted(reached)


@BOTH
async def test_sound_waits_while_the_vendor_is_away(settings: DeepgramSettings) -> None:
    patient = msgspec.structs.replace(settings, reconnect_tries=6)
    async with open_twin(DeepgramTwin()) as twin, calling(twin, patient) as caller:
        caller.says("one")
        await has_heard(caller, "one")
        twin.faults = Faults(refuse=503)
        await lose(twin)
        caller.says("two three")
        await until(lambda: len(twin.requests) >= 3)
        twin.faults = Faults()
        caller.says("four")
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one two three four"]


async def test_it_gives_up_after_some_tries() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        caller.says("one")
        await has_heard(caller, "one")
        twin.faults = Faults(refuse=503)
        twin.cut_off()
        await caller.ended()
    assert type(caller.error) is ProviderLost
    assert "deepgram is lost after 3 tries" in str(caller.error)
    assert len(twin.requests) == 1 + 3


async def test_a_refusal_is_not_tried_again() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        caller.says("one")
        await has_heard(caller, "one")
        twin.faults = Faults(refuse=402)
        twin.cut_off()
        await caller.ended()
    assert isinstance(caller.error, ProviderRefused)
    assert len(twin.requests) == 2


async def test_a_vendor_that_hangs_up_again_and_again_is_given_up() -> None:
    """That it opens a connection does not count as success; why it hung up is told."""
    silent = msgspec.structs.replace(NOVA, keep_alive_s=60.0)
    async with open_twin(DeepgramTwin(idle_s=0.01)) as twin, calling(twin, silent) as caller:
        await caller.ended()
    assert "after 3 tries: deepgram had no audio from us for too long (1011 NET-0001)" in str(
        caller.error
    )
    assert len(twin.calls) == 1 + 3


@pytest.mark.parametrize(
    ("reason", "words"),
    [("NET-0000", r"could not answer in time \(1011 NET-0000\)"), ("boom", "1011: boom")],
)
async def test_why_deepgram_hung_up_is_told(reason: str, words: str) -> None:
    async with open_twin(DeepgramTwin()) as twin:
        twin.faults = Faults(close_after=1, close_reason=reason)
        async with calling(twin, FLUX) as caller:
            await caller.ended()
    assert isinstance(caller.error, ProviderLost)
    with pytest.raises(ProviderLost, match=words):
        raise caller.error


async def test_a_fatal_error_of_flux_is_told() -> None:
    error = {"type": "Error", "sequence_id": 1, "code": "INTERNAL_SERVER_ERROR", "description": "!"}

    class Ill(DeepgramTwin):
        async def converse(self, conversation: Conversation) -> None:
            await conversation.send(json.dumps(error))

    async with open_twin(Ill()) as twin, calling(twin, FLUX) as caller:
        await caller.ended()
    assert "INTERNAL_SERVER_ERROR: !" in str(caller.error)
    assert isinstance(caller.error, ProviderLost)


@BOTH
async def test_speech_longer_than_the_backlog_keeps_its_words(settings: DeepgramSettings) -> None:
    """Where its beginning cannot be heard again, what was understood of it stands."""
    short = msgspec.structs.replace(settings, replay_ms=600)
    async with open_twin(DeepgramTwin()) as twin, calling(twin, short) as caller:
        caller.says("one two three four five")
        await has_heard(caller, "one two three four five")
        await lose(twin)
        caller.says("six seven")
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one two three four five six seven"]


# --- silence of the vendor's ---


def impatient(settings: DeepgramSettings) -> DeepgramSettings:
    return msgspec.structs.replace(settings, answer_s=0.15)


@BOTH
async def test_a_vendor_that_falls_silent_is_replaced(settings: DeepgramSettings) -> None:
    """nova when it was asked for the final words, Flux while the caller speaks; a new connection
    hears it all again."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, impatient(settings)) as caller:
        caller.begins()
        caller.says("one two")
        await has_heard(caller, "one two")
        twin.is_mute = True
        caller.says("three")
        if settings is NOVA:
            caller.pauses()
        await until(lambda: len(twin.requests) == 2)
        twin.is_mute = False
        await has_heard(caller, "one two three")
        caller.pauses()
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one two three"]
    assert caller.error is None


@BOTH
async def test_a_vendor_that_stays_silent_is_given_up(settings: DeepgramSettings) -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin, impatient(settings)) as caller:
        twin.is_mute = True
        caller.begins()
        caller.says("one")
        if settings is NOVA:
            caller.pauses()
        with trio.move_on_after(5):
            while not caller.over.is_set():
                await trio.sleep(0.02)
                if settings is FLUX:
                    caller.is_quiet(20)
    assert type(caller.error) is ProviderLost
    assert "after 3 tries: deepgram said nothing for 0.15 s" in str(caller.error)
    assert len(twin.calls) == 1 + 3


@BOTH
async def test_silence_of_the_callers_is_no_loss(settings: DeepgramSettings) -> None:
    """Nothing is due while nobody speaks."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin, impatient(settings)) as caller:
        caller.begins()
        caller.says("one")
        caller.pauses()
        caller.is_quiet(600)
        await until(lambda: any(words.final for words in caller.heard))
        twin.is_mute = True
        caller.is_quiet(500)
        await trio.sleep(0.4)
        assert len(twin.requests) == 1


async def test_a_call_survives_many_losses() -> None:
    """Tries count in a row only: final words prove that the connection works."""
    said = "one two three four five six seven eight".split()
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        for number, word in enumerate(said, 1):
            caller.says(word)
            caller.is_quiet(600)
            await until(partial(caller.has_ended_turns, number))
            twin.cut_off()
        caller.speech_over()
        await caller.ended()
    assert caller.words == said
    assert caller.error is None
