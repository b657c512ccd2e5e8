"""The voice: clauses in, speech out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import trio

from effects.ports.provider import Provider

Weight = Literal["plain", "key", "must"]
"""What it means that a clause is not heard: nothing; that the reply failed its purpose (``key``);
or that it has to be said all the same (``must``)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A written word, and what the voice says for it: "4711" is "four seven one one". Words that
    can only be said together are one: "$5 million"."""

    written: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the reply that is spoken in one breath. ``index`` counts from 0.

    ``text`` is as it was written and as history keeps it. A voice says :attr:`spoken`, which
    holds neither digits nor symbols. ``words`` are the two side by side; without them the text
    is said as it stands.
    """

    index: int
    text: str
    words: tuple[Word, ...] = ()
    weight: Weight = "plain"

    @property
    def spoken(self) -> str:
        """What the voice says: words and the punctuation that it breathes at."""
        return " ".join(word.spoken for word in self.words) if self.words else self.text


@dataclass(frozen=True, slots=True)
class Timing:
    """``until_ms`` of a clause's audio say the first so many ``letters`` of :attr:`Clause.spoken`
    (spaces and punctuation count)."""

    letters: int
    until_ms: float


@dataclass(frozen=True, slots=True)
class Speech:
    """Synthesized audio of one clause: µ-law at 8 kHz, any length.

    ``ends_clause`` is true on the last piece of a clause (which may then be empty). ``timings``
    are what the voice knows of when it says what, in order; without them the letters are taken to
    be spread evenly.
    """

    clause: int
    mulaw: bytes
    ends_clause: bool
    timings: tuple[Timing, ...] = ()


class TextToSpeech(Provider, Protocol):
    """Gives the agent a voice.

    ``name`` is what configurations and journals call it.

    ``identity`` names the provider, the voice and its version: two voices of one identity say a
    text in the same way, so that what one has rendered will do for the other.
    """

    name: str
    identity: str

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Synthesize clauses in order, as they come, into ``speech``; return after the last.

        Awaiting ``speech`` is the back-pressure. Raises :class:`ProviderError`. Cancelling
        stops synthesis; audio already handed over is the playout's to discard.
        """
        ...
