"""Who answers: what an agent is told to be, and the lines it says without a language model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as data.

    ``instructions`` go to the language model. The other texts are fixed lines, spoken from
    pre-rendered audio: ``prompts`` when the caller says nothing (the first, the second, …;
    after the last comes ``goodbye``), ``apology`` when a reply failed, ``missed`` when the
    caller could not be heard, ``acknowledgements`` when a reply is late.

    ``transfers`` names where callers can be put through to: a name for each number or address.
    """

    name: str
    instructions: str
    greeting: str
    prompts: tuple[str, ...]
    apology: str
    missed: str
    goodbye: str
    too_long_goodbye: str
    acknowledgements: tuple[str, ...]
    transfers: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Every fixed line, most needed first."""
        return (
            self.greeting,
            *self.acknowledgements,
            self.apology,
            self.missed,
            *self.prompts,
            self.goodbye,
            self.too_long_goodbye,
        )
