"""What OpenAI refuses in a request, and what its errors look like.

Source: https://platform.openai.com/docs/guides/error-codes and the messages as reported in public.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from effects.ports import ToolSpec

Json = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STRICT_FORMATS = "date-time time date duration email hostname ipv4 ipv6 uuid".split()
_STRICT_KEYWORDS = {
    "string": {"pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}
_STRICT_KEYWORDS["integer"] = _STRICT_KEYWORDS["number"]
_STRICT_ANYWHERE = {"type", "description", "title", "enum", "const", "anyOf", "$ref", "$defs"}


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, message: str, code: str | None = None, param: str | None = None
    ) -> None:
        self.status = status
        self.error = {
            "message": message,
            "type": "invalid_request_error"
            if status in (400, 401, 404)
            else code or "server_error",
            "param": param,
            "code": code,
        }
        super().__init__(message)

    @property
    def body(self) -> bytes:
        """The error as it is sent."""
        return json.dumps({"error": self.error}).encode()


def bad(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that OpenAI does not take."""
    return ApiError(400, message, code, param)


USUAL = {
    400: bad("Invalid request."),
    401: ApiError(401, "Incorrect API key provided: twin-key.", "invalid_api_key"),
    403: ApiError(403, "Country not supported.", "unsupported_country_region_territory"),
    404: ApiError(404, "The model `nobody` does not exist.", "model_not_found", "model"),
    429: ApiError(429, "Rate limit reached for requests.", "rate_limit_exceeded"),
    500: ApiError(500, "The server had an error while processing your request."),
    503: ApiError(503, "The engine is currently overloaded, please try again later."),
}
"""What is said with a status."""

QUOTA = ApiError(
    429,
    "You exceeded your current quota, please check your plan and billing details.",
    "insufficient_quota",
)


def parsed(body: bytes) -> Json:
    """The JSON object of a request."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad("We could not parse the JSON body of your request.")
    return value


def check_model(body: Mapping[str, Any], models: Collection[str]) -> str:
    """The model asked for, if there is one of that name."""
    model = body.get("model")
    if not isinstance(model, str):
        raise bad("you must provide a model parameter", "model")
    if model not in models:
        raise ApiError(
            404,
            f"The model `{model}` does not exist or you do not have access to it.",
            "model_not_found",
            "model",
        )
    return model


def reasons(model: str) -> bool:
    """Whether a model can be told to reason."""
    return model.startswith("gpt-5")


def one_of(value: object, allowed: Collection[str], param: str) -> str:
    """A value, if it is one of those."""
    if isinstance(value, str) and value in allowed:
        return value
    known = ", ".join(f"'{one}'" for one in allowed)
    raise bad(f"Invalid value: '{value}'. Supported values are: {known}.", param, "invalid_value")


def text(value: object, param: str) -> str:
    """A text of a message."""
    if not isinstance(value, str):
        kind = "null" if value is None else type(value).__name__
        raise bad(f"Invalid type for '{param}': expected a string, got {kind}.", param)
    return value


def tool_spec(function: Json, param: str) -> ToolSpec:
    """A tool as a request describes it."""
    name = text(function.get("name"), f"{param}.name")
    if not _NAME.fullmatch(name):
        raise bad(f"Invalid '{param}.name': string does not match pattern.", f"{param}.name")
    schema = function.get("parameters") or {}
    if function.get("strict"):
        _check_strict(schema, name, (), f"{param}.parameters")
        if schema.get("type") != "object":
            raise _bad_schema(name, (), "schema must be of type 'object'", param)
    return ToolSpec(name, function.get("description") or "", schema)


def _check_strict(schema: Json, name: str, place: tuple[str, ...], param: str) -> None:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    allowed = _STRICT_ANYWHERE.union(*(_STRICT_KEYWORDS.get(kind, set()) for kind in kinds))
    for keyword in schema:
        if keyword not in allowed:
            raise _bad_schema(name, place, f"'{keyword}' is not permitted", param)
    if not kinds and not schema.keys() & {"anyOf", "enum", "const", "$ref"}:
        raise _bad_schema(name, place, "schema must have a 'type' key", param)
    if schema.get("format", "date") not in _STRICT_FORMATS:
        raise _bad_schema(name, place, f"'{schema['format']}' is not a valid format", param)
    if "object" in kinds:
        if schema.get("additionalProperties") is not False:
            why = "'additionalProperties' is required to be supplied and to be false"
            raise _bad_schema(name, place, why, param)
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            why = (
                "'required' is required to be supplied and to be an array including every key "
                "in properties"
            )
            raise _bad_schema(name, place, why, param)
    for key, inside in schema.get("properties", {}).items():
        _check_strict(inside, name, (*place, "properties", key), param)
    for index, inside in enumerate(schema.get("anyOf", [])):
        _check_strict(inside, name, (*place, "anyOf", str(index)), param)
    if "items" in schema:
        _check_strict(schema["items"], name, (*place, "items"), param)


def _bad_schema(name: str, place: tuple[str, ...], why: str, param: str) -> ApiError:
    return bad(
        f"Invalid schema for function '{name}': In context={place}, {why}.",
        param,
        "invalid_function_parameters",
    )
