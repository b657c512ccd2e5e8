"""A language model stand-in for the parcel desk: no weights, no network, no invention.

It keeps the language model's contract to the letter (stateless, streams word by word, asks for
tools, may be cancelled anywhere), so a real model can take its place with the same agent and
tools. What it says is decided by :mod:`adapters.embedded.dialogue`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import trio

from adapters.embedded.dialogue import answer
from effects.ports import Prompt, ProviderRefused, TextDelta, ToolCall, Usage


class ParcelMind:
    """Answers as the parcel desk, behind the ``LanguageModel`` port.

    ``first_token_delay_ms`` and ``word_delay_ms`` pace the stream on trio's clock, as a quick
    model would. Instances hold no state: one serves any number of calls.
    """

    name = "embedded"

    def __init__(self, *, first_token_delay_ms: float = 20.0, word_delay_ms: float = 5.0) -> None:
        self._first_token_delay_s = first_token_delay_ms / 1000
        self._word_delay_s = word_delay_ms / 1000

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """Stream the next reply, or one tool call, into ``emit``; return the words counted.

        A word goes out with the space before it, so that the pieces join to the text. Raises
        :class:`ProviderRefused` where the prompt does not offer a tool that is needed. Safe to
        cancel anywhere: nothing is emitted after the cancellation.
        """
        await trio.sleep(self._first_token_delay_s)
        words_in = len(prompt.instructions.split())
        words_in += sum(len(message.text.split()) for message in prompt.messages)
        reply = answer(prompt.messages)
        if isinstance(reply, ToolCall):
            if reply.name not in {tool.name for tool in prompt.tools}:
                raise ProviderRefused(
                    f"embedded mind: the prompt offers no tool {reply.name!r}; "
                    "give the agent the tools of parcel_tools()"
                )
            emit(reply)
            return Usage(words_in, len(reply.arguments.split()))
        words = reply.split()
        for index, word in enumerate(words):
            if index > 0:
                await trio.sleep(self._word_delay_s)
            emit(TextDelta(f" {word}" if index > 0 else word))
        return Usage(words_in, len(words))
