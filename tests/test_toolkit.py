"""Tools declared with pydantic: what the language model is told, what it may ask, what it gets."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel, Field

from effects.ports import CallInfo, ToolContext, ToolMisused
from effects.toolkit import strict_schema, tool
from tests.doubles import use


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    """One thing of an order."""

    name: str = Field(min_length=2, max_length=20)
    count: int = Field(default=1, ge=1, le=9)


class PlaceOrder(BaseModel):
    """Order things.

    Only after the caller agreed.
    """

    items: list[Item] = Field(min_length=1, description="what is ordered")
    colour: Colour = Field(description="the same for all")
    when: Literal["today", "tomorrow"] | None = None


@tool(PlaceOrder, changes=True, timeout_ms=700, holding="I am placing your order.")
async def place_order(arguments: PlaceOrder, context: ToolContext) -> dict[str, object]:
    """Say what was ordered, by whom."""
    return {"ordered": sum(item.count for item in arguments.items), "for": context.caller}


CALL = ToolContext(CallInfo("CA1", "MZ1", {"from": "+15550100"}), "use-1")


class TestWhatTheModelIsTold:
    def test_name_and_description_come_from_the_model(self) -> None:
        """In the case of tools; the docstring without its indentation."""
        assert place_order.spec.name == "place_order"
        assert place_order.spec.description == "Order things.\n\nOnly after the caller agreed."

    def test_how_it_runs_is_as_declared(self) -> None:
        """Side effect, time limit, and what is said meanwhile."""
        spec = place_order.spec
        assert (spec.changes, spec.timeout_ms, spec.holding) == (
            True,
            700,
            "I am placing your order.",
        )

    def test_the_schema_is_strict(self) -> None:
        """Nothing by reference, no other properties, all required; what strict schemas do not
        know is left to the check of the arguments."""
        assert place_order.spec.parameters == {
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "description": "what is ordered",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "description": "One thing of an order.",
                        "properties": {
                            "name": {"type": "string"},
                            "count": {"type": "integer", "minimum": 1, "maximum": 9},
                        },
                        "required": ["name", "count"],
                        "additionalProperties": False,
                    },
                },
                "colour": {
                    "type": "string",
                    "enum": ["red", "blue"],
                    "description": "the same for all",
                },
                "when": {
                    "anyOf": [{"enum": ["today", "tomorrow"], "type": "string"}, {"type": "null"}]
                },
            },
            "required": ["items", "colour", "when"],
            "additionalProperties": False,
        }

    def test_a_tool_may_need_nothing(self) -> None:
        """An object without properties."""

        class TellTime(BaseModel):
            """What time is it?"""

        assert strict_schema(TellTime) == {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        }

    @pytest.mark.parametrize(
        ("changes", "survives", "told"),
        [(False, None, False), (True, None, True), (False, True, True), (True, True, True)],
    )
    def test_what_changes_survives(self, changes: bool, survives: bool | None, told: bool) -> None:
        """Unless told otherwise, a read does not."""

        @tool(Item, changes=changes, survives=survives)
        async def count(arguments: Item, context: ToolContext) -> int:
            return arguments.count

        assert count.spec.survives is told


class Tree(BaseModel):
    """A part of itself."""

    branches: list[Tree]


class Anything(BaseModel):
    """Any type at all."""

    value: Any


class FreeKeys(BaseModel):
    """Keys that nobody named."""

    value: dict[str, int]


class Pair(BaseModel):
    """A type for each place."""

    value: tuple[int, str]


class Mute(BaseModel):
    value: int


class TestDeclarationsThatCannotWork:
    """They are refused when the program starts, not in a call."""

    @pytest.mark.parametrize(
        ("model", "named"),
        [
            (Tree, "Tree is part of itself"),
            (Anything, "any type"),
            (FreeKeys, "free keys"),
            (Pair, "prefixItems"),
            (Mute, "docstring"),
        ],
    )
    def test_arguments_that_no_strict_schema_can_say(
        self, model: type[BaseModel], named: str
    ) -> None:
        """The error names the model and what it holds."""
        with pytest.raises(TypeError, match=f"{model.__name__}: .*{named}"):

            @tool(model)
            async def do(arguments: BaseModel, context: ToolContext) -> None:
                return None

    def test_a_function_that_is_not_async(self) -> None:
        """It would block every call of the process."""
        with pytest.raises(TypeError, match="async"):
            tool(Item)(lambda arguments, context: None)  # type: ignore[arg-type, return-value]

    def test_a_side_effect_that_is_stopped_half_way(self) -> None:
        """Nobody would know what was done."""
        with pytest.raises(TypeError, match="half-way"):
            tool(Item, changes=True, survives=False)


class TestArguments:
    async def test_what_is_valid_arrives_as_the_model(self) -> None:
        """Defaults filled in, types converted, and the call known."""
        result = await use(
            place_order,
            '{"items": [{"name": "mug"}, {"name": "cup", "count": 3}], "colour": "red"}',
            CALL,
        )
        assert json.loads(result) == {"ordered": 4, "for": "+15550100"}

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ("", "items: Field required; colour: Field required"),
            ("{", "Invalid JSON"),
            ("[]", "Input should be an object"),
            ('{"items": [], "colour": "red"}', "items: List should have at least 1 item"),
            ('{"items": [{"name": "x"}], "colour": "red"}', "items.0.name: String should have at"),
            ('{"items": [{"name": "mug", "size": 3}], "colour": "red"}', "items.0.size: Extra"),
            ('{"items": [{"name": "mug"}], "colour": "pink"}', "colour: Input should be 'red' or"),
            ('{"items": [{"name": "mug"}], "colour": "red", "x": 1}', "x: Extra inputs"),
        ],
    )
    def test_what_is_not_is_told_field_by_field(self, arguments: str, told: str) -> None:
        """So that the language model can mend it. Nothing is run."""
        with pytest.raises(ToolMisused) as misused:
            place_order.prepare(arguments, CALL)
        assert str(misused.value).startswith("place_order was not run: ")
        assert told in str(misused.value)

    def test_what_was_said_wrongly_is_not_repeated_at_length(self) -> None:
        """Neither values, nor names of fields, nor a hundred mistakes."""
        secret = "s3cret" * 100
        wrong = {"items": [{"name": secret, secret: 1}] * 50, "colour": secret}
        with pytest.raises(ToolMisused) as misused:
            place_order.prepare(json.dumps(wrong), CALL)
        assert len(str(misused.value)) < 1000
        assert secret not in str(misused.value)
        assert misused.value.__suppress_context__

    async def test_a_tool_is_still_its_function(self) -> None:
        """It can be tried without a call."""
        order = PlaceOrder(items=[Item(name="mug")], colour=Colour.RED)
        assert await place_order(order, CALL) == {"ordered": 1, "for": "+15550100"}


class Struct(msgspec.Struct):
    at: str


@dataclass
class Data:
    inside: Item


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (Item(name="mug", count=2), {"name": "mug", "count": 2}),
        (Struct("Memphis"), {"at": "Memphis"}),
        (Data(Item(name="mug")), {"inside": {"name": "mug", "count": 1}}),
        ([{"a": 1}, None, "x"], [{"a": 1}, None, "x"]),
        (None, None),
    ],
)
async def test_results_are_told_as_json(returned: object, told: object) -> None:
    """A pydantic model, a struct, a dataclass with models in it, plain values."""

    @tool(Item)
    async def give(arguments: Item, context: ToolContext) -> object:
        return returned

    assert json.loads(await use(give, '{"name": "mug"}')) == told


async def test_a_result_that_is_not_json_is_a_bug() -> None:
    """The error says what was returned."""

    @tool(Item)
    async def give(arguments: Item, context: ToolContext) -> object:
        return object()

    with pytest.raises(TypeError, match="returned a object, which is not JSON"):
        await use(give, '{"name": "mug"}')
