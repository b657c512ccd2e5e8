"""What the shop's agent can do: tell when the shop is open."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from effects.ports import ToolContext
from effects.toolkit import tool

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class OpeningHours(BaseModel):
    """Look up when the shop is open on a day of the week."""

    day: Day = Field(description="the day the caller asks about")


class Hours(BaseModel):
    """Words that can be spoken."""

    hours: str


@tool(OpeningHours, timeout_ms=1000, holding="Let me look at the door.")
async def opening_hours(arguments: OpeningHours, context: ToolContext) -> Hours:
    """The shop closes at noon on Saturday and stays closed on Sunday."""
    hours = {"saturday": "from nine to noon", "sunday": "not at all"}
    return Hours(hours=hours.get(arguments.day, "from nine to six"))


TOOLS = (opening_hours,)
