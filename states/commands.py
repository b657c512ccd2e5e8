"""What an action asks of the world, as data.

An action changes the call's data and returns the commands it wants carried out; the engine
does so after the transition, in order.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Raise:
    """Raise an event on the chart itself, within the same step."""

    event: str


@dataclass(frozen=True, slots=True)
class HoldOutput:
    """Fall silent at once, keeping what is not yet heard."""


@dataclass(frozen=True, slots=True)
class ReleaseOutput:
    """Go on where the output was held."""


@dataclass(frozen=True, slots=True)
class DiscardOutput:
    """Fall silent at once and throw the rest away."""


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """The draft is committed: what it asks for may have side effects now."""


@dataclass(frozen=True, slots=True)
class ChangeVoice:
    """Another voice goes on with the draft, from the sentence that was not finished."""


Command = Raise | HoldOutput | ReleaseOutput | DiscardOutput | ReleaseDraft | ChangeVoice
