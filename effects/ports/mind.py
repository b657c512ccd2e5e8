"""The language model: what it is given, and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from effects.ports.provider import Provider
from effects.ports.tools import ToolSpec


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The language model asks for a tool. ``arguments`` is a JSON object as text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation as a language model reads it.

    A ``note`` is what the engine tells the model: what the caller did not hear, for instance.
    A ``caller`` or ``agent`` line is what was said and heard. A ``tool`` line is the result
    of ``call``; it follows the ``agent`` line that asked for it (``call`` set, no text).
    """

    role: Literal["caller", "agent", "tool", "note"]
    text: str
    call: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a language model is given for one reply. ``model`` names the one that the agent
    wants for this kind of reply; empty for the usual one."""

    instructions: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply's text, as it is generated."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one generation cost, in tokens (words, where a model has no tokens).

    ``tokens_cached`` of ``tokens_in`` were in the provider's prompt cache. ``model`` is the one
    that answered, ``request_id`` the provider's name for the request, to ask its support about;
    empty where there is none.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    model: str = ""
    request_id: str = ""


class LanguageModel(Provider, Protocol):
    """Composes what the agent says. ``name`` is what configurations and journals call it."""

    name: str

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """Stream one generation into ``emit`` and return when it is complete.

        A generation that ends with tool calls is continued by calling again with their
        results in the prompt. Raises :class:`ProviderError`. Safe to cancel anywhere.
        """
        ...
