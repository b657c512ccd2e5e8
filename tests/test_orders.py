"""The orders file and its tools."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest
import trio

from adapters.embedded.order_store import SEED, OrderRow, Orders
from adapters.embedded.orders import Day, order_tools
from adapters.embedded.parcel import PARCEL, parcel_tools
from effects.ports import ProviderError, Tool, ToolMisused
from tests.doubles import use


@pytest.fixture(params=["memory", "disk"])
def orders(request: pytest.FixtureRequest, tmp_path: Path) -> Orders:
    """The same orders either way."""
    return Orders(":memory:" if request.param == "memory" else tmp_path / "orders.db")


async def run(tool: Tool, **arguments: object) -> dict[str, Any]:
    result = json.loads(await use(tool, json.dumps(arguments)))
    assert isinstance(result, dict)
    return result


def find_order(orders: Orders) -> Tool:
    return order_tools(orders)[0]


def change_delivery(orders: Orders) -> Tool:
    return order_tools(orders)[1]


def hold_parcel(orders: Orders) -> Tool:
    return order_tools(orders)[2]


async def test_an_order_is_found_with_all_its_facts(orders: Orders) -> None:
    """What the demonstration call tells is in the result."""
    assert await run(find_order(orders), order_number="29340") == {
        "found": True,
        "order_number": "29340",
        "item": "hiking boots",
        "status": "on its way",
        "last_event": "left the Memphis depot this morning",
        "depot": "Memphis",
        "delivery_day": "Thursday",
        "delivery_time": "before noon",
        "can_change_delivery": True,
        "can_hold": True,
    }


async def test_an_unknown_order_is_not_an_error(orders: Orders) -> None:
    """The model is told that there is none, with the number to read back."""
    result = await run(find_order(orders), order_number="11111")
    assert result == {"found": False, "order_number": "11111"}


async def test_the_seed_covers_every_status() -> None:
    """Eight orders, each with its own number, in all seven statuses."""
    assert len({row.order_number for row in SEED}) == 8
    assert len({row.status for row in SEED}) == 7


async def test_a_change_shows_in_the_next_lookup(orders: Orders) -> None:
    """Day and time are stored; a later change without a time drops the time."""
    change, find = change_delivery(orders), find_order(orders)
    changed = await run(change, order_number="29340", day="today", time="14:30")
    assert changed["done"] is True
    assert (changed["delivery_day"], changed["delivery_time"]) == ("today", "14:30")
    await run(change, order_number="29340", day="Friday", time=None)
    found = await run(find, order_number="29340")
    assert (found["delivery_day"], found["delivery_time"]) == ("Friday", None)


@pytest.mark.parametrize("number", [row.order_number for row in SEED])
async def test_doing_the_same_twice_is_harmless(orders: Orders, number: str) -> None:
    """The second of two equal changes gives the same result and leaves the same order."""
    change, hold, find = change_delivery(orders), hold_parcel(orders), find_order(orders)
    first = await run(change, order_number=number, day="today")
    assert await run(change, order_number=number, day="today") == first
    held = await run(hold, order_number=number)
    assert await run(hold, order_number=number) == held
    found = await run(find, order_number=number)
    assert held["done"] is False or (found["status"], found["delivery_day"]) == ("held", None)


@pytest.mark.parametrize("number", [row.order_number for row in SEED])
async def test_the_tools_keep_what_the_lookup_promises(number: str) -> None:
    """``can_change_delivery`` and ``can_hold`` say beforehand what will be done or refused."""
    for make, promise in ((change_delivery, "can_change_delivery"), (hold_parcel, "can_hold")):
        orders = Orders(":memory:")
        found = await run(find_order(orders), order_number=number)
        day = {"day": "today"} if make is change_delivery else {}
        result = await run(make(orders), order_number=number, **day)
        already_held = found["status"] == "held" and make is hold_parcel
        assert result["done"] is (found[promise] or already_held)
        assert result["done"] or result["reason"]


async def test_a_held_parcel_goes_out_again(orders: Orders) -> None:
    """Delivery can be asked for after a hold, and the last event no longer says it is held."""
    await run(hold_parcel(orders), order_number="29340")
    held = await run(find_order(orders), order_number="29340")
    assert held["last_event"] == "is being held at the Memphis depot"
    changed = await run(change_delivery(orders), order_number="29340", day="tomorrow")
    assert (changed["done"], changed["can_hold"]) == (True, True)
    assert "held" not in changed["last_event"]


async def test_refusals_say_why_and_change_nothing(orders: Orders) -> None:
    """No Sundays, no delivered parcels, no unknown orders."""
    change, find = change_delivery(orders), find_order(orders)
    before = await run(find, order_number="29340")
    sunday = await run(change, order_number="29340", day="Sunday")
    assert sunday == {"done": False, "reason": "there are no deliveries on Sunday"}
    assert await run(find, order_number="29340") == before
    delivered = await run(change, order_number="60371", day="today")
    assert delivered["reason"] == "the parcel was left at the front door yesterday"
    unknown = await run(hold_parcel(orders), order_number="11111")
    assert unknown == {"done": False, "reason": "there is no order with this number"}


@pytest.mark.parametrize(
    ("number", "arguments", "told"),
    [
        (0, {}, "find_order was not run: order_number: Field required"),
        (0, {"order_number": None}, "order_number: Input should be a valid string"),
        (0, {"order_number": 29340}, "order_number: Input should be a valid string"),
        (0, {"order_number": "2934"}, "order_number: String should match pattern"),
        (0, {"order_number": "2934x"}, "order_number: String should match pattern"),
        (0, {"order_number": "29340\n"}, "order_number: String should match pattern"),
        (0, {"order_number": ["29340"]}, "order_number: Input should be a valid string"),
        (0, {"order_number": "29340", "day": "today"}, "day: Extra inputs are not permitted"),
        (1, {"order_number": "29340"}, "day: Field required"),
        (1, {}, "order_number: Field required; day: Field required"),
        (1, {"order_number": "29340", "day": "someday"}, "day: Input should be 'today'"),
        (1, {"order_number": "29340", "day": "today", "time": "25:00"}, "time: String should"),
        (2, {"order_number": {"1": 2}}, "order_number: Input should be a valid string"),
    ],
)
async def test_bad_arguments_are_told_to_the_model(
    number: int, arguments: dict[str, object], told: str
) -> None:
    """The model reads which argument is wrong and can mend it; nothing is done."""
    with pytest.raises(ToolMisused) as misused:
        await run(parcel_tools(":memory:")[number], **arguments)
    assert told in str(misused.value)


@pytest.mark.parametrize("day", get_args(Day))
async def test_every_day_of_the_schema_is_taken(day: str) -> None:
    """The schema promises nothing that the tool does not know."""
    result = await run(change_delivery(Orders(":memory:")), order_number="29340", day=day)
    assert "error" not in result


async def test_the_file_is_made_on_first_use_and_kept(tmp_path: Path) -> None:
    """Nothing is written before it is needed; what was changed is there for the next process."""
    path = tmp_path / "orders.db"
    find, change, _ = parcel_tools(path)
    assert not path.exists()
    assert (await run(find, order_number="29340"))["found"]
    await run(change, order_number="29340", day="today")
    with closing(sqlite3.connect(path)) as connection:
        count = connection.execute("SELECT count(*) FROM orders").fetchone()
    assert count == (len(SEED),)
    again, _, _ = parcel_tools(str(path))
    assert (await run(again, order_number="29340"))["delivery_day"] == "today"


async def test_calls_may_share_one_file(tmp_path: Path) -> None:
    """Many calls at once, all of them the first to use the file: every change is kept."""
    path = tmp_path / "orders.db"

    async def one_call(row: OrderRow) -> None:
        find, change, _ = parcel_tools(path)
        await run(change, order_number=row.order_number, day="Monday")
        found = await run(find, order_number=row.order_number)
        assert not found["can_change_delivery"] or found["delivery_day"] == "Monday"

    async with trio.open_nursery() as nursery:
        for row in SEED:
            nursery.start_soon(one_call, row)


async def test_a_broken_file_is_a_provider_error(tmp_path: Path) -> None:
    """The message names the file and says what to check; the call goes on."""
    path = tmp_path / "orders.db"
    path.write_bytes(b"this is not a database, it is only some text that is long enough")
    with pytest.raises(ProviderError, match=r"orders\.db.*check that the file") as raised:
        await run(find_order(Orders(path)), order_number="29340")
    assert raised.value.retryable


async def test_a_cancelled_change_does_not_happen(orders: Orders) -> None:
    """Cancelled before it began, a change leaves the order as it was."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await run(change_delivery(orders), order_number="29340", day="today")
    assert scope.cancelled_caught
    found = await run(find_order(orders), order_number="29340")
    assert found["delivery_day"] == "Thursday"


async def test_orders_in_memory_are_not_shared() -> None:
    """Each set of tools has its own, so simulated calls do not see one another's changes."""
    _, change, _ = parcel_tools(":memory:")
    find, _, _ = parcel_tools(":memory:")
    await run(change, order_number="29340", day="today")
    assert (await run(find, order_number="29340"))["delivery_day"] == "Thursday"


async def test_the_tools_say_which_of_them_change_things() -> None:
    """Side effects are marked, names and schemas are what a language model expects."""
    specs = [tool.spec for tool in parcel_tools(":memory:")]
    assert {spec.name: spec.changes for spec in specs} == {
        "find_order": False,
        "change_delivery": True,
        "hold_parcel": True,
    }
    for spec in specs:
        assert json.loads(json.dumps(spec.parameters))["type"] == "object"
        assert spec.name in PARCEL.instructions


async def test_the_agents_lines_can_be_spoken() -> None:
    """No fixed line is empty, long, or holds digits or markup."""
    for line in PARCEL.phrases:
        assert line
        assert len(line.split()) <= 20
        assert not set(line) & set("0123456789*_#<>{}")
