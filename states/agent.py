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
    caller could not be heard; when a reply is late, ``acknowledgements``, ``stalls`` if it is to
    a question, ``holds`` if a tool is slow; ``hold_reply`` to a caller who asks for a moment,
    ``warning`` shortly before ``too_long_goodbye``, ``voicemail`` to an answering machine.

    ``transfers`` names where callers can be put through to; ``models`` says which model
    composes which kind of reply (see :mod:`states.router`), by name.
    """

    name: str
    instructions: str
    greeting: str
    prompts: tuple[str, ...] = ("Are you still there?", "I can't hear you. Are you there?")
    apology: str = "Sorry, something went wrong. Could you say that again?"
    missed: str = "Sorry, I didn't catch that."
    goodbye: str = "Goodbye."
    too_long_goodbye: str = "I'm sorry, our time is up. Goodbye."
    acknowledgements: tuple[str, ...] = ("Mm-hm.", "Okay.")
    stalls: tuple[str, ...] = ("One moment.", "Let me see.")
    holds: tuple[str, ...] = ("Let me look that up.", "I'm still looking.")
    hold_reply: str = "Of course, take your time."
    warning: str = "We have about a minute left."
    transfer_failed: str = "I'm sorry, I can't put you through right now."
    voicemail: str = "Hello, I was trying to reach you. I will try again later. Goodbye."
    transfers: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Every fixed line, most needed first."""
        return (
            self.greeting,
            *self.acknowledgements,
            *self.stalls,
            *self.holds,
            self.hold_reply,
            self.apology,
            self.missed,
            *self.prompts,
            self.goodbye,
            self.warning,
            self.too_long_goodbye,
            self.transfer_failed,
            self.voicemail,
        )
