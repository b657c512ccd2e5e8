"""Tools: what the language model can have done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from effects.ports.carrier import CallInfo


class ToolMisused(Exception):
    """The language model asked for a tool wrongly. ``str()`` tells it which argument is wrong and
    what about it, without repeating it at length."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a language model is told of a tool, and how it is run.

    ``parameters`` is a strict JSON schema: an object all of whose properties are required.
    ``changes`` marks a side effect: such a tool runs only after the caller's turn is committed,
    at most once per intent, and is never stopped half-way. ``survives`` says that a tool that
    only reads is not stopped either when the caller interrupts. ``timeout_ms`` bounds one run;
    ``holding`` is what to say to the caller meanwhile (empty: nothing of its own).
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    changes: bool = False
    timeout_ms: int = 5000
    survives: bool = False
    holding: str = ""


def _ignore(*_: str) -> None:
    """For a tool that is tried without a call."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call in which a tool is used, and what a tool may ask of it.

    ``info`` says who is calling; ``use_id`` names this use of the tool within the call. A tool
    with side effects may ask with ``end_call(reason)`` or ``transfer_call(to, reason)`` that the
    call ends, or is passed on to one of the agent's transfers or any number or address, when the
    reply that uses the tool has been heard. A caller who goes on talking has the call to stay.
    """

    info: CallInfo
    use_id: str = ""
    end_call: Callable[[str], None] = _ignore
    transfer_call: Callable[[str, str], None] = _ignore

    @property
    def call_id(self) -> str:
        """The carrier's name for the call."""
        return self.info.call_id

    @property
    def caller(self) -> str:
        """The number that calls; empty unless the webhook passes it on as ``from``."""
        return self.info.parameters.get("from", "")


class Tool(Protocol):
    """Something the agent can do besides talking (see :mod:`effects.toolkit` to write one)."""

    spec: ToolSpec

    def prepare(self, arguments: str, context: ToolContext) -> Callable[[], Awaitable[str]]:
        """Check a call and return what runs it; ``arguments`` is a JSON object as text.

        Does nothing yet. Raises :class:`ToolMisused`. What is returned is awaited at most once,
        gives a JSON text for the language model, and may raise :class:`ProviderError`.
        """
        ...
