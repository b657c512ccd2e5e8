"""When a turn ends: three layers of evidence become one number, the pause to wait for.

What the words say (a turn detector's score), how the voice ended (pitch and lengthening) and how
this caller pauses decide how long the caller may be quiet before the turn counts as over: short
after a complete thought, long after a fragment, and longer for somebody who thinks while talking.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from states.settings import Settings

Contour = Literal["falling", "level", "rising", "unknown"]
"""How the voice ended. A fall ends a statement; a level end holds the floor."""

Reason = Literal["silence", "semantic", "stability", "stt_endpoint", "watchdog", "keys", "limit"]
"""Why a turn was taken up: the caller was quiet for long enough; the words were a complete
thought; the same, although speech-to-text had not finished (its partials agreed); speech-to-text
itself said so; speech-to-text went quiet and was not waited for any longer; the caller dialled;
the turn was too long."""

CONTOUR_WEIGHT: dict[Contour, float] = {
    "falling": 0.15,
    "level": -0.3,
    "rising": -0.1,
    "unknown": 0.0,
}
"""What the contour adds to the turn detector's score. A level voice takes so much that even
words that sound complete do not count as a complete thought."""

PAUSES_KEPT = 8
PAUSES_NEEDED = 3
"""So many pauses must be known before the caller's own measure replaces the setting."""

CUT_OFFS_COUNTED = 3
"""More patience than after so many cut-offs would make every answer late."""

ROOM = 1.5
"""A caller's next pause may be so many times as long as the long ones before."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known when the caller pauses: ``completeness`` (0..1) of the words, and how the
    voice ended."""

    completeness: float
    contour: Contour = "unknown"

    @property
    def likelihood(self) -> float:
        """How likely (0..1) the turn is over, by words and voice."""
        return min(1.0, max(0.0, self.completeness + CONTOUR_WEIGHT[self.contour]))


@dataclass(slots=True)
class Habits:
    """How this caller talks: the pauses they went on after, and how often they went on after
    their turn had been taken up."""

    pauses_ms: list[float] = field(default_factory=list)
    cut_off: float = 0.0

    def paused(self, pause_ms: float) -> None:
        """The caller went on after a pause."""
        self.pauses_ms = [*self.pauses_ms[-PAUSES_KEPT + 1 :], pause_ms]

    def was_cut_off(self) -> None:
        """The caller went on after their turn had been taken up."""
        self.cut_off = min(self.cut_off + 1, CUT_OFFS_COUNTED)

    def was_heard_out(self) -> None:
        """A turn of theirs was answered, and they had nothing to add: patience wears off."""
        self.cut_off = max(0.0, self.cut_off - 0.5)


def is_complete(judgement: Judgement, settings: Settings) -> bool:
    """Whether the turn counts as a complete thought."""
    return judgement.likelihood >= settings.complete_threshold


def pause_ms(judgement: Judgement, habits: Habits, settings: Settings) -> float:
    """How long the caller must be quiet, from their last sound, for the turn to be over.

    ``complete_silence_ms`` for a complete thought, the caller's fragment pause for a fragment,
    and in between in proportion. A caller who was cut off is given longer.
    """
    short_ms = settings.complete_silence_ms + settings.cut_off_ms * habits.cut_off
    long_ms = max(short_ms, fragment_pause_ms(habits, settings))
    short_ms = min(short_ms, settings.silence_ms)
    if is_complete(judgement, settings):
        return short_ms
    return long_ms - (long_ms - short_ms) * judgement.likelihood / settings.complete_threshold


def fragment_pause_ms(habits: Habits, settings: Settings) -> float:
    """How long this caller may be quiet after a fragment: the setting, until their own pauses
    are known."""
    if len(habits.pauses_ms) < PAUSES_NEEDED:
        return settings.silence_ms
    long_ones = sorted(habits.pauses_ms)[-max(1, len(habits.pauses_ms) // 4) :]
    own_ms = ROOM * sum(long_ones) / len(long_ones)
    return min(max(own_ms, settings.silence_least_ms), settings.silence_most_ms)
