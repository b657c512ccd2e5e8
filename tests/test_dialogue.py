"""Whole conversations with the parcel desk, told line by line in ``parcel_conversations.txt``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.embedded.dialogue import answer
from adapters.embedded.order_store import SEED, OrderRow
from adapters.embedded.parcel import PARCEL, parcel_tools
from adapters.embedded.spoken_numbers import spell
from effects.ports import Message, ToolCall
from tests.doubles import use

STATUS_AND_OFFER = (
    "Thanks. Order two nine three four zero: hiking boots. The parcel left the Memphis depot this "
    "morning, and is due on Thursday before noon. I can change the delivery day, or hold the "
    "parcel at the depot for you to pick up. Which would you like?"
)


def conversations() -> dict[str, list[str]]:
    """The lines of each conversation in ``parcel_conversations.txt``, by name."""
    text = Path(__file__).with_name("parcel_conversations.txt").read_text(encoding="utf-8")
    told: dict[str, list[str]] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line.startswith("["):
            told[line.strip("[]")] = lines = []
        elif not line.startswith("#"):
            lines.append(line)
    return told


CONVERSATIONS = conversations()


class Desk:
    """One conversation: checks each answer of the policy and makes it history."""

    def __init__(self) -> None:
        self.tools = {tool.spec.name: tool for tool in parcel_tools(":memory:")}
        self.messages = [Message("agent", PARCEL.greeting)]

    async def tell(self, line: str) -> None:
        told = re.fullmatch(r"(\w*[<>]) ?(.*)", line)
        assert told, f"cannot read {line!r}"
        kind, text = told.groups()
        if kind == "<":
            self.messages.append(Message("caller", text))
        elif kind == "engine>":
            self.messages.append(Message("agent", text))
        elif kind == "heard>":
            self.messages.pop()
            if text:
                self.messages.append(Message("agent", text))
        elif kind == "result>":
            self.messages.pop()
            if text:
                self.messages.append(Message("tool", text, self.messages[-1].call))
        else:
            await self._answer(text)

    async def _answer(self, expected: str) -> None:
        reply = answer(self.messages)
        assert answer(tuple(self.messages)) == reply, "the same messages, the same answer"
        if isinstance(reply, str):
            ending = expected.startswith("...")
            fits = reply.endswith(expected[4:]) if ending else reply.startswith(expected)
            assert fits, f"said {reply!r}, not {expected!r}"
            self.messages.append(Message("agent", reply))
            return
        arguments = json.loads(reply.arguments)
        call = " ".join([reply.name, *(f"{name}={value}" for name, value in arguments.items())])
        assert f"({call})" == expected
        self.messages.append(Message("agent", "", reply))
        result = await use(self.tools[reply.name], reply.arguments)
        self.messages.append(Message("tool", result, reply))


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_conversation(name: str) -> None:
    """The desk answers each line as told."""
    desk = Desk()
    for line in CONVERSATIONS[name]:
        await desk.tell(line)


@pytest.mark.parametrize(
    "number", ["29340", "29340.", "2-9-3-4-0", "2, 9, 3, 4, 0.", "Two nine three four oh"]
)
def test_the_demonstration_survives_any_recogniser(number: str) -> None:
    """The number of the demonstration call may arrive in any of these shapes."""
    messages = [
        Message("agent", PARCEL.greeting),
        Message("caller", "I'D LIKE TO SPEAK TO CUSTOMER SUPPORT"),
        Message("agent", "This is parcel support. What is your five digit order number?"),
        Message("caller", number),
    ]
    reply = answer(messages)
    assert isinstance(reply, ToolCall)
    assert (reply.name, json.loads(reply.arguments)) == ("find_order", {"order_number": "29340"})


def test_the_demonstration_reply_is_long_enough_to_interrupt() -> None:
    """About ten seconds of speech, ending with a question."""
    assert len(STATUS_AND_OFFER.split()) >= 30
    assert STATUS_AND_OFFER.endswith("?")


def test_without_a_caller_the_desk_introduces_itself() -> None:
    """An empty conversation has an answer too."""
    opening = answer([])
    assert isinstance(opening, str)
    assert opening.endswith("What is your five digit order number?")


def test_each_tool_call_of_a_conversation_has_its_own_id() -> None:
    """Ids count the calls in history, so they are the same wherever they are worked out."""
    first = answer([Message("caller", "29340")])
    assert isinstance(first, ToolCall)
    history = (Message("caller", "29340"), Message("agent", "", first))
    second = answer((*history, Message("caller", "42173")))
    assert isinstance(second, ToolCall)
    assert (first.call_id, second.call_id) == ("call_1", "call_2")


@pytest.mark.parametrize("row", SEED, ids=lambda row: row.order_number)
async def test_what_is_said_of_an_order_comes_from_the_tool(row: OrderRow) -> None:
    """Every built-in order can be told, and its digits are spoken as words."""
    number = row.order_number
    desk = Desk()
    await desk.tell(f"< {number}")
    await desk.tell(f"> (find_order order_number={number})")
    reply = answer(desk.messages)
    assert isinstance(reply, str)
    assert row.last_event in reply
    assert not any(character.isdigit() for character in reply)
    assert len(reply.split()) <= 50


CALLER_LINES = st.sampled_from(
    [
        *("29340", "four two one", "seven three", "no, nine not five", "60371", "two nine"),
        *("today", "tomorrow at five", "hold it", "change the day", "friday instead", "sunday"),
        *("yes", "yes today", "no", "yeah no", "yes but tomorrow", "okay thanks", "sure"),
        *("what?", "hold on", "hello", "where is it", "wrong number", "mhmpf", "bye"),
    ]
)
DIGITS_IN = {
    **{"29340": "29340", "60371": "60371", "four two one": "421", "seven three": "73"},
    **{"nine not five": "9", "two nine": "29"},
}
HEARD_SHARES = st.sampled_from([0.0, 0.3, 0.6, 0.8, 1.0, 1.0, 1.0])
RESULTS = st.sampled_from(["", "", "", "", "", '{"error": "lost"}', "cancelled", "never came"])


@given(st.lists(st.tuples(CALLER_LINES, HEARD_SHARES, RESULTS), max_size=12))
@settings(max_examples=300, deadline=None, database=None, derandomize=True)
def test_nothing_is_changed_that_the_caller_did_not_hear_named(
    turns: list[tuple[str, float, str]],
) -> None:
    """Whatever callers say and however replies are cut: an order is only changed after a yes to
    a sentence that was heard to name order and day, and only digits that were said are looked up.
    """
    trio.run(_hold_conversation, turns)


async def _hold_conversation(turns: list[tuple[str, float, str]]) -> None:
    desk = Desk()
    for words, heard, result in [("29340", 1.0, ""), *turns]:
        desk.messages.append(Message("caller", words))
        reply = answer(desk.messages)
        while isinstance(reply, ToolCall):
            _check_call(reply, desk.messages)
            desk.messages.append(Message("agent", "", reply))
            if result == "never came":
                break
            real = await use(desk.tools[reply.name], reply.arguments)
            desk.messages.append(Message("tool", result or real, reply))
            reply = answer(desk.messages)
        else:
            said = reply.split()
            if text := " ".join(said[: round(heard * len(said))]):
                desk.messages.append(Message("agent", text))


def _check_call(call: ToolCall, messages: list[Message]) -> None:
    arguments = json.loads(call.arguments)
    lines = [message for message in messages if message.call is None]
    if call.name == "find_order":
        said = " ".join(line.text for line in lines if line.role == "caller")
        digits = {digit for text in DIGITS_IN if text in said for digit in DIGITS_IN[text]}
        assert set(arguments["order_number"]) <= digits
        return
    assert lines[-1].text in ("yes", "yes today", "okay thanks", "sure")
    heard = [line.text for line in lines if line.role == "agent"][-1]
    if "try again" in heard:
        before = [message.call for message in messages if message.role == "agent" and message.call]
        assert (call.name, call.arguments) in {(old.name, old.arguments) for old in before}
    else:
        assert spell(arguments["order_number"]) in heard
        assert arguments.get("day", "depot") in heard


@given(st.lists(st.one_of(st.text(max_size=20), CALLER_LINES), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None, database=None, derandomize=True)
def test_there_is_an_answer_to_anything(lines: list[str]) -> None:
    """Whatever a recogniser writes, in any script: no exception, and never nothing."""
    assert answer([Message("caller", line) for line in lines])
