"""Everything that can happen to a call, as typed values.

An event's name on the chart is its class name in snake case: ``SpeechStarted`` is
``speech_started``. ``at_ms`` is when it happened, in milliseconds since the call was answered;
guards and actions know no other clock. Anything a decision needs is in the event or in the
call's data, so a journal of events is enough to replay a call.
"""

from __future__ import annotations

import re

import msgspec


def event_name(cls_name: str) -> str:
    """``SpeechStarted`` -> ``speech_started``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls_name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=event_name, tag_field="event"):
    """What all events share."""

    at_ms: float

    @property
    def name(self) -> str:
        """The event's name on the chart."""
        return str(self.__struct_config__.tag)


# --- the call -------------------------------------------------------------------------------


class Answered(Event):
    """The carrier's stream is up: the call begins."""


class HungUp(Event):
    """The call is over at the carrier's end, or its connection is lost."""

    reason: str


class CallTooLong(Event):
    """``call_limit_ms`` has passed: time to say goodbye."""


class CallOver(Event):
    """``goodbye_ms`` more have passed: the call ends now."""


class Dtmf(Event):
    """The caller pressed a key."""

    digit: str


# --- the caller's side ----------------------------------------------------------------------


class SpeechStarted(Event):
    """Voice activity began."""


class SpeechEnded(Event):
    """Voice activity ended; the last voiced sound was at ``voice_at_ms``."""

    voice_at_ms: float


class Transcript(Event):
    """What speech-to-text makes of one segment so far (see ``effects.ports.Heard``)."""

    segment: int
    text: str
    final: bool
    through_ms: float
    endpoint: bool = False


class WordsChanged(Event):
    """Raised when a transcript changed the words of the open turn."""


class TurnJudged(Event):
    """The turn detector's score for the words so far."""

    completeness: float


class SilenceOver(Event):
    """``silence_ms`` have passed since the caller's last sound."""


class TurnTooLong(Event):
    """The caller has been speaking for ``turn_limit_ms``."""


class DigitsOver(Event):
    """No further key for ``digit_ms``."""


class CallerIdle(Event):
    """Nobody has said anything for ``idle_ms``."""


class OverlapHeld(Event):
    """The caller has spoken for ``barge_in_ms`` while the agent had the floor."""


class BackchannelHeld(Event):
    """The caller has spoken for ``backchannel_ms`` while the agent had the floor."""


class FloorTaken(Event):
    """The caller has spoken for ``floor_ms`` more since the agent fell silent."""


class FalseAlarm(Event):
    """Quiet for ``false_alarm_ms``: what interrupted the agent was nothing."""


class NoiseOver(Event):
    """Quiet for ``noise_ms``: the reply may begin after all."""


class SttFailed(Event):
    """Speech-to-text gave up."""

    reason: str
    retryable: bool


class SttRetry(Event):
    """Time to try speech-to-text again."""


# --- the agent's side -----------------------------------------------------------------------


class Committed(Event):
    """Raised when the caller's turn is taken up."""


class Say(Event):
    """Raised when the agent is to speak a fixed line."""


class Abandoned(Event):
    """Raised when the reply is no longer wanted."""


class ReplyFailed(Event):
    """The language model or a tool gave up, or said nothing."""

    reply: int
    reason: str


class ReplyLate(Event):
    """The reply is not audible after ``reply_ms``."""


class VoiceFailed(Event):
    """The voice gave up, or gave no sound."""

    reply: int
    reason: str


class AudioStarted(Event):
    """The first sound of a reply has gone out."""

    reply: int


class OutputHeld(Event):
    """Output was stopped at once; ``heard`` is what the caller heard of the reply."""

    reply: int
    heard: str
    audible: bool


class PlayedOut(Event):
    """The reply has been played to its end; ``heard`` is all of it."""

    reply: int
    heard: str


EventUnion = (
    Answered
    | HungUp
    | CallTooLong
    | CallOver
    | Dtmf
    | SpeechStarted
    | SpeechEnded
    | Transcript
    | WordsChanged
    | TurnJudged
    | SilenceOver
    | TurnTooLong
    | DigitsOver
    | CallerIdle
    | OverlapHeld
    | BackchannelHeld
    | FloorTaken
    | FalseAlarm
    | NoiseOver
    | SttFailed
    | SttRetry
    | Committed
    | Say
    | Abandoned
    | ReplyFailed
    | ReplyLate
    | VoiceFailed
    | AudioStarted
    | OutputHeld
    | PlayedOut
)

EVENTS: dict[str, type[Event]] = {event_name(cls.__name__): cls for cls in Event.__subclasses__()}
"""Every event by its name on the chart."""

RAISED: frozenset[str] = frozenset({"words_changed", "committed", "say", "abandoned"})
"""The events that actions raise; all others come from effects."""
