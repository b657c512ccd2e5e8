"""An agent of your own, complete: a corner shop that tells callers when it is open.

Run it in this directory:

    antiphon serve --agent corner_shop:AGENT

It has one tool and a mind of a few lines, so that it needs no keys; any
:class:`effects.ports.LanguageModel` can take the mind's place, and is told of the tool in the
same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import BaseModel, Field

from effects.ports import Prompt, TextDelta, Tool, ToolCall, ToolContext, Usage
from effects.toolkit import tool
from engine.agents import AgentKit
from states.agent import Agent

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class OpeningHours(BaseModel):
    """Look up when the shop is open on a day of the week."""

    day: Day = Field(description="the day the caller asks about")


class Hours(BaseModel):
    """What the tool returns: words that can be spoken."""

    day: Day
    hours: str


@tool(OpeningHours, timeout_ms=1000, holding="Let me look at the door.")
async def opening_hours(arguments: OpeningHours, context: ToolContext) -> Hours:
    """The shop closes at noon on Saturday and stays closed on Sunday."""
    hours = {"saturday": "from nine to noon", "sunday": "not at all"}
    return Hours(day=arguments.day, hours=hours.get(arguments.day, "from nine to six"))


class ShopMind:
    """Finds a day in what the caller said, asks the tool, and says what it returned."""

    name = "shop"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """Emit one tool call, or one sentence."""
        last = prompt.messages[-1]
        if last.role == "tool":
            found = Hours.model_validate_json(last.text)
            emit(TextDelta(f"On {found.day} we are open {found.hours}."))
            return Usage()
        words = last.text.lower()
        day = next((day for day in get_args(Day) if day in words), None)
        if day is None:
            emit(TextDelta("I can tell you when we are open. Which day do you mean?"))
        else:
            call_id = f"hours-{len(prompt.messages)}"
            emit(ToolCall(call_id, opening_hours.spec.name, json.dumps({"day": day})))
        return Usage()


def tools(data: Path) -> tuple[Tool, ...]:
    """The tools that come with the agent; ``data`` is where it could keep files."""
    return (opening_hours,)


AGENT = AgentKit(
    agent=Agent(
        name="corner shop",
        instructions="You tell callers when the shop is open. Be brief.",
        greeting="Corner shop, hello. Which day would you like to come?",
        prompts=("Are you still there?",),
        apology="Sorry, say that again?",
        missed="Sorry, I did not hear that.",
        goodbye="Goodbye.",
        too_long_goodbye="Sorry, I have to go. Goodbye.",
        acknowledgements=("Mm-hm.", "Okay."),
    ),
    mind=ShopMind,
    tools=tools,
)
