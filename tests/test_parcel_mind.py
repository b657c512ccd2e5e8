"""The embedded mind as a language model: it streams, it counts, it can be cancelled."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock

from adapters.embedded.mind import ParcelMind
from adapters.embedded.parcel import PARCEL, parcel_tools
from effects.ports import LanguageModel, Message, Prompt, ProviderRefused, TextDelta, ToolCall
from tests.doubles import use

TOOLS = tuple(tool.spec for tool in parcel_tools(":memory:"))
ASKS_FOR_NUMBER = "This is parcel support. What is your five digit order number?"


def prompt(*words: str) -> Prompt:
    messages = tuple(Message("caller", line) for line in words)
    return Prompt("Be brief.", (Message("agent", PARCEL.greeting), *messages), TOOLS)


async def test_a_reply_is_streamed_word_by_word(autojump_clock: MockClock) -> None:
    """The first word after the first delay, then one each word delay; joined they are the text."""
    told: list[tuple[str, int]] = []
    start = trio.current_time()

    def emit(piece: TextDelta | ToolCall) -> None:
        assert isinstance(piece, TextDelta)
        told.append((piece.text, round((trio.current_time() - start) * 1000)))

    async with ParcelMind(first_token_delay_ms=50, word_delay_ms=10) as mind:
        await mind.reply(prompt("customer support"), emit)
    assert "".join(text for text, _ in told) == ASKS_FOR_NUMBER
    assert [at_ms for _, at_ms in told] == [50 + 10 * index for index in range(len(told))]


async def test_by_default_it_is_as_quick_as_a_quick_model(autojump_clock: MockClock) -> None:
    """20 ms to the first word, 5 ms for each after it."""
    start = trio.current_time()
    async with ParcelMind() as mind:
        await mind.reply(prompt("customer support"), lambda piece: None)
    words = len(ASKS_FOR_NUMBER.split())
    assert round((trio.current_time() - start) * 1000) == 20 + 5 * (words - 1)


async def test_usage_counts_words(autojump_clock: MockClock) -> None:
    """In: the instructions and what was said; out: the reply."""
    async with ParcelMind() as mind:
        usage = await mind.reply(prompt("customer support"), lambda piece: None)
    assert usage.tokens_in == len("Be brief.".split()) + len(PARCEL.greeting.split()) + 2
    assert usage.tokens_out == len(ASKS_FOR_NUMBER.split())


async def test_a_tool_call_is_emitted_whole_and_alone(autojump_clock: MockClock) -> None:
    """A generation is either words or one tool call."""
    emitted: list[TextDelta | ToolCall] = []
    async with ParcelMind() as mind:
        usage = await mind.reply(prompt("two nine three four zero"), emitted.append)
    [call] = emitted
    assert isinstance(call, ToolCall)
    assert call.name == "find_order"
    assert json.loads(call.arguments) == {"order_number": "29340"}
    assert usage.tokens_out > 0


async def test_a_generation_goes_on_with_the_tools_result(autojump_clock: MockClock) -> None:
    """With call and result in the prompt, the next generation tells of the order."""
    emitted: list[TextDelta | ToolCall] = []
    first = prompt("29340")
    find, *_ = parcel_tools(":memory:")
    async with ParcelMind() as mind:
        await mind.reply(first, emitted.append)
        [call] = emitted
        assert isinstance(call, ToolCall)
        result = await use(find, call.arguments)
        emitted.clear()
        continued = (*first.messages, Message("agent", "", call), Message("tool", result, call))
        await mind.reply(Prompt("", continued, TOOLS), emitted.append)
    text = "".join(piece.text for piece in emitted if isinstance(piece, TextDelta))
    assert text.startswith("Thanks. Order two nine three four zero: hiking boots.")


@pytest.mark.parametrize(("after_ms", "words_out"), [(0, 0), (19, 0), (21, 1), (33, 3)])
async def test_cancelling_stops_the_stream_at_once(
    autojump_clock: MockClock, after_ms: int, words_out: int
) -> None:
    """No word is emitted after the cancellation, wherever it falls."""
    emitted: list[TextDelta | ToolCall] = []
    async with ParcelMind() as mind:
        with trio.move_on_after(after_ms / 1000) as scope:
            await mind.reply(prompt("customer support"), emitted.append)
        await trio.sleep(1)
    assert scope.cancelled_caught
    assert len(emitted) == words_out


async def test_one_mind_serves_many_calls_at_once(autojump_clock: MockClock) -> None:
    """It holds no state: conversations interleave without touching one another."""
    texts: dict[str, str] = {}

    async def one_call(mind: LanguageModel, words: str) -> None:
        pieces: list[TextDelta | ToolCall] = []
        await mind.reply(prompt(words), pieces.append)
        texts[words] = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))

    async with ParcelMind() as mind, trio.open_nursery() as nursery:
        nursery.start_soon(one_call, mind, "customer support")
        nursery.start_soon(one_call, mind, "two nine three")
    assert texts == {
        "customer support": ASKS_FOR_NUMBER,
        "two nine three": "I have two nine three. What are the remaining two digits?",
    }


async def test_a_tool_that_is_not_offered_is_refused(autojump_clock: MockClock) -> None:
    """An agent set up without the tools is told so, rather than answered with an invention."""
    async with ParcelMind() as mind:
        with pytest.raises(ProviderRefused, match="offers no tool 'find_order'"):
            await mind.reply(Prompt("", (Message("caller", "29340"),)), lambda piece: None)
