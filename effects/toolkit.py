"""Write a tool: a pydantic model for what it is given, and an async function that does it.

    class FindOrder(BaseModel):
        "Look an order up by its number."

        order_number: str = Field(pattern=r"^[0-9]{5}$", description="five digits")

    @tool(FindOrder, timeout_ms=3000)
    async def find_order(arguments: FindOrder, context: ToolContext) -> Found: ...

The tool's name (``find_order``), its description and its JSON schema come from the model. The
function is given arguments that are valid, and returns what the language model is to know: a
pydantic model, a msgspec struct, a dataclass, or anything else that is JSON. It raises
:class:`~effects.ports.ProviderError` where something outside failed; any other exception is a
bug and ends the call. It may be cancelled at any await, unless it changes something or survives.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from effects.ports import ToolContext, ToolMisused, ToolSpec
from states.events import event_name

Arguments = TypeVar("Arguments", bound=BaseModel)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PROBLEMS_TOLD = 4
_PLACE_CHARS, _PROBLEM_CHARS = 60, 160


def tool(
    arguments: type[Arguments],
    *,
    changes: bool = False,
    survives: bool | None = None,
    timeout_ms: int = 5000,
    holding: str = "",
) -> Callable[[Callable[[Arguments, ToolContext], Awaitable[object]]], DeclaredTool[Arguments]]:
    """Make a tool of an async function.

    ``changes`` says that it has a side effect: it then runs only after the caller's turn is
    taken up, at most once for one intent, and to its end. ``survives`` says whether its run
    goes on when the caller interrupts; by default what changes something survives (and must),
    and what only reads does not. ``timeout_ms`` bounds one run. ``holding`` is said to the
    caller while it runs, if the line would be silent otherwise.

    Raises TypeError for a declaration that cannot work, with the reason.
    """
    if changes and survives is False:
        raise TypeError(f"{arguments.__name__}: what has a side effect is not stopped half-way")

    def declare(
        function: Callable[[Arguments, ToolContext], Awaitable[object]],
    ) -> DeclaredTool[Arguments]:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{arguments.__name__}: a tool is an async function")
        spec = ToolSpec(
            _name_of(arguments),
            _description_of(arguments),
            strict_schema(arguments),
            changes=changes,
            timeout_ms=timeout_ms,
            survives=changes if survives is None else survives,
            holding=holding,
        )
        return DeclaredTool(spec, arguments, function)

    return declare


class DeclaredTool(Generic[Arguments]):
    """An :class:`effects.ports.Tool` made by :func:`tool`. Called, it is the function."""

    def __init__(
        self,
        spec: ToolSpec,
        arguments: type[Arguments],
        function: Callable[[Arguments, ToolContext], Awaitable[object]],
    ) -> None:
        self.spec = spec
        self._arguments, self._function = arguments, function

    async def __call__(self, arguments: Arguments, context: ToolContext) -> object:
        return await self._function(arguments, context)

    def prepare(self, arguments: str, context: ToolContext) -> Callable[[], Awaitable[str]]:
        """Check the arguments, a JSON object as text, against the model. Raises
        :class:`ToolMisused`."""
        try:
            given = self._arguments.model_validate_json(arguments or "{}", extra="forbid")
        except ValidationError as error:
            raise ToolMisused(f"{self.spec.name} was not run: {_problems(error)}") from None

        async def run() -> str:
            return _as_json(await self._function(given, context))

        return run


def _name_of(arguments: type[BaseModel]) -> str:
    name = event_name(arguments.__name__)
    if not _NAME.fullmatch(name):
        raise TypeError(f"{arguments.__name__}: no name for a tool; use letters and digits")
    return name


def _description_of(arguments: type[BaseModel]) -> str:
    if not arguments.__doc__:
        raise TypeError(f"{arguments.__name__}: say in its docstring what the tool does and when")
    return inspect.cleandoc(arguments.__doc__)


def _problems(error: ValidationError) -> str:
    """Which arguments are wrong and what about them, without their values."""
    told = []
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for problem in problems[:_PROBLEMS_TOLD]:
        place = ".".join(str(part) for part in problem["loc"])[:_PLACE_CHARS]
        what = problem["msg"][:_PROBLEM_CHARS]
        told.append(f"{place}: {what}" if place else what)
    return "; ".join(told)


def _as_json(result: object) -> str:
    if isinstance(result, BaseModel):
        return result.model_dump_json()
    return msgspec.json.encode(result, enc_hook=_plain).decode()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"a tool returned a {type(value).__name__}, which is not JSON")


# --- the schema -----------------------------------------------------------------------------

_KEPT = frozenset(
    "type description enum const pattern minimum maximum exclusiveMinimum exclusiveMaximum "
    "multipleOf minItems maxItems".split()
)
"""What a strict schema may say."""

_LEFT_OUT = frozenset(
    "title default examples deprecated discriminator minLength maxLength uniqueItems $defs".split()
)
"""What it may not, and need not: the model checks the arguments all the same."""

_FORMATS = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())


def strict_schema(arguments: type[BaseModel]) -> dict[str, object]:
    """The JSON schema of a model as language models take it for strict tool calls: no other
    properties, all of them required (one with a default is given as null, or as the default),
    nothing by reference. Raises TypeError for what cannot be said so: free keys, recursion."""
    schema = arguments.model_json_schema()
    strict = _Strict(arguments.__name__, schema.get("$defs", {})).of(schema, ())
    strict.pop("description", None)  # it is the tool's
    return strict


class _Strict:
    def __init__(self, name: str, definitions: dict[str, Any]) -> None:
        self._name, self._definitions = name, definitions

    def of(self, schema: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
        """One schema made strict; ``inside`` are the definitions that it is part of."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in inside:
                raise self._error(f"{name} is part of itself")
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self.of({**self._definitions[name], **rest}, (*inside, name))
        if not schema.keys() & {"type", "anyOf", "oneOf", "enum", "const"}:
            raise self._error("a field of any type")
        if schema.get("type") == "object" and "properties" not in schema:
            if schema.get("additionalProperties", True) is not False:
                raise self._error("an object with free keys")
            schema = {**schema, "properties": {}}
        strict: dict[str, Any] = {}
        for keyword, value in schema.items():
            strict.update(self._keyword(keyword, value, inside))
        return strict

    def _keyword(self, keyword: str, value: Any, inside: tuple[str, ...]) -> dict[str, Any]:
        match keyword:
            case "properties":
                return {
                    "properties": {name: self.of(one, inside) for name, one in value.items()},
                    "required": list(value),
                    "additionalProperties": False,
                }
            case "items":
                return {"items": self.of(value, inside)}
            case "anyOf" | "oneOf":
                return {"anyOf": [self.of(one, inside) for one in value]}
            case "format":
                return {"format": value} if value in _FORMATS else {}
            case "required" | "additionalProperties":
                return {}
        if keyword in _KEPT:
            return {keyword: value}
        if keyword in _LEFT_OUT:
            return {}
        raise self._error(f"'{keyword}'")

    def _error(self, what: str) -> TypeError:
        return TypeError(f"{self._name}: a strict schema cannot hold {what}")
