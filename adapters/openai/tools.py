"""Tools as OpenAI is told of them.

A schema is strict where every object forbids other properties and requires its own, and where
nothing else is asked than strict mode can hold. A tool of :mod:`effects.toolkit` always is; what
its model asks beyond that (lengths, say) is checked when the tool is called. A schema written by
hand that is not strict is sent without ``strict``, which OpenAI would refuse.

Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionFunctionToolParam
    from openai.types.responses import FunctionToolParam
    from openai.types.shared_params import FunctionDefinition

    from effects.ports import ToolSpec

_HELD = frozenset(
    "type properties required additionalProperties items anyOf enum const description title "
    "pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems "
    "maxItems".split()
)
_FORMATS = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())


def chat_tool(spec: ToolSpec, ask_strict: bool) -> ChatCompletionFunctionToolParam:
    """A tool in a request for chat completions."""
    function: FunctionDefinition = {
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
    }
    if ask_strict and is_strict(spec.parameters):
        function["strict"] = True
    return {"type": "function", "function": function}


def responses_tool(spec: ToolSpec, ask_strict: bool) -> FunctionToolParam:
    """A tool in a request for responses, where ``strict`` is the default."""
    return {
        "type": "function",
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
        "strict": ask_strict and is_strict(spec.parameters),
    }


def is_strict(schema: Mapping[str, object]) -> bool:
    """Whether OpenAI takes the schema of a tool in strict mode."""
    return schema.get("type") == "object" and _is_held(schema)


def _is_held(schema: object) -> bool:
    if not isinstance(schema, Mapping) or not schema.keys() <= _HELD:
        return False
    if not schema.keys() & {"type", "anyOf", "enum", "const"}:
        return False
    if schema.get("format", "date") not in _FORMATS:
        return False
    kind = schema.get("type")
    properties = schema.get("properties", {})
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(properties):
            return False
    inside = [*properties.values(), *schema.get("anyOf", ())]
    if "items" in schema:
        inside.append(schema["items"])
    return all(_is_held(one) for one in inside)
