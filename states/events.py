"""Everything that can happen to a call, as typed values.

An event's name on the chart is its class name in snake case: ``SpeechStarted`` is
``speech_started``. ``at_ms`` is when it happened, in milliseconds since the call was answered;
guards and actions know no other clock. Anything a decision needs is in the event or in the
call's data, so a journal of events is enough to replay a call.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from states.endpointing import Contour


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


class Answered(Event, frozen=True):
    """The carrier's stream is up: the call begins. ``outbound`` says that we called, ``machine``
    that the carrier found an answering machine at the other end."""

    outbound: bool = False
    machine: bool = False


class HungUp(Event, frozen=True):
    """The call is over at the carrier's end, or its connection is lost."""

    reason: str


class TimeShort(Event, frozen=True):
    """``call_warning_ms`` are left until ``call_limit_ms``: time to say so."""


class CallTooLong(Event, frozen=True):
    """``call_limit_ms`` has passed: time to say goodbye."""


class CallOver(Event, frozen=True):
    """``goodbye_ms`` more have passed: the call ends now."""


class Dtmf(Event, frozen=True):
    """The caller pressed a key."""

    digit: str


# --- the caller's side ----------------------------------------------------------------------


class SpeechStarted(Event, frozen=True):
    """Voice activity began."""


class SpeechEnded(Event, frozen=True):
    """Voice activity ended; the last voiced sound was at ``voice_at_ms``."""

    voice_at_ms: float


class Transcript(Event, frozen=True):
    """What speech-to-text makes of one segment so far (see ``effects.ports.Heard``).

    ``echo`` is the share (0..1) of its words that the agent has just said.
    """

    segment: int
    text: str
    final: bool
    through_ms: float
    endpoint: bool = False
    eager: bool = False
    echo: float = 0.0


class WordsChanged(Event, frozen=True):
    """Raised when a transcript changed the words of the open turn."""


class WordsSettled(Event, frozen=True):
    """Raised when the words of the open turn look as if they will stay: a final transcript, a
    pause, or a speech-to-text that thinks the turn may be over."""


class TurnForeseen(Event, frozen=True):
    """The turn detector's score for the words so far, while the caller may still be speaking."""

    completeness: float


class TurnJudged(Event, frozen=True):
    """The turn detector's score for the words so far, and how the voice ended."""

    completeness: float
    contour: Contour = "unknown"


class PauseOver(Event, frozen=True):
    """The caller has been quiet for as long as what they said asks for."""


class SttOverdue(Event, frozen=True):
    """The final transcript of a turn that is over has not come in ``stt_overdue_ms``."""


class SilenceOver(Event, frozen=True):
    """``silence_ms`` have passed since the caller's last sound."""


class TurnTooLong(Event, frozen=True):
    """The caller has been speaking for ``turn_limit_ms``."""


class DigitsOver(Event, frozen=True):
    """No further key for ``digit_ms``."""


class HoldOver(Event, frozen=True):
    """The caller asked for a moment, ``hold_ms`` ago."""


class BeepOver(Event, frozen=True):
    """The answering machine has been quiet for ``beep_ms``: it records."""


class CallerIdle(Event, frozen=True):
    """Nobody has said anything for ``idle_ms``."""


class OverlapHeld(Event, frozen=True):
    """The caller has spoken for ``barge_in_ms`` while the agent had the floor."""


class BackchannelHeld(Event, frozen=True):
    """The caller has spoken for ``backchannel_ms`` while the agent had the floor."""


class FloorTaken(Event, frozen=True):
    """The caller has spoken for ``floor_ms`` more since the agent fell silent."""


class FalseAlarm(Event, frozen=True):
    """Quiet for ``false_alarm_ms``: what interrupted the agent was nothing."""


class NoiseOver(Event, frozen=True):
    """Quiet for ``noise_ms``: the reply may begin after all."""


class SttFailed(Event, frozen=True):
    """Speech-to-text gave up. ``instead`` names the recogniser that can take over; empty if there
    is none."""

    reason: str
    retryable: bool
    instead: str = ""


class SttRetry(Event, frozen=True):
    """Time to try speech-to-text again."""


# --- the agent's side -----------------------------------------------------------------------


class Committed(Event, frozen=True):
    """Raised when the caller's turn is taken up."""


class Say(Event, frozen=True):
    """Raised when the agent is to speak a fixed line."""


class Abandoned(Event, frozen=True):
    """Raised when the reply is no longer wanted."""


class MindChanged(Event, frozen=True):
    """Another language model takes over, and composes the reply anew."""


class ReplyFailed(Event, frozen=True):
    """The language model or a tool gave up, or said nothing. ``instead`` names the model that can
    take over; empty if there is none, or if the caller hears some of the reply already."""

    reply: int
    reason: str
    instead: str = ""


class ToolSettled(Event, frozen=True):
    """A tool that a reply asked for is settled: ``done``, ``failed``, or ``unknown`` where it
    could not be waited for. ``changes`` marks a side effect; ``survives`` that the result is
    wanted whatever became of the reply."""

    reply: int
    call_id: str
    tool: str
    arguments: str
    result: str
    outcome: Literal["done", "failed", "unknown"]
    changes: bool
    survives: bool = False


class ReplyLate(Event, frozen=True):
    """The reply is not audible after ``reply_ms``."""


class VoiceFailed(Event, frozen=True):
    """The voice gave up, or gave no sound. ``instead`` names the voice that can take over; empty if
    there is none."""

    reply: int
    reason: str
    instead: str = ""


class ProtectionOver(Event, frozen=True):
    """The greeting has been heard for ``greeting_protected_ms``: it may be interrupted."""


class EndAsked(Event, frozen=True):
    """The agent decided to end the call: what it is about to say is the goodbye."""

    reason: str


class TransferAsked(Event, frozen=True):
    """The agent decided to put the caller through to ``to``, after what it is about to say."""

    to: str
    reason: str


class Transferred(Event, frozen=True):
    """The carrier has put the caller through."""


class TransferFailed(Event, frozen=True):
    """The carrier could not put the caller through."""

    reason: str


class AudioStarted(Event, frozen=True):
    """The first sound of a reply has gone out."""

    reply: int


class OutputHeld(Event, frozen=True):
    """Output was stopped at once; ``heard`` is what the caller heard of the reply.

    ``unheard`` is the rest as far as it was composed, and ``weight`` what it matters: ``key``
    if information in it was the point of the reply, ``must`` if it has to be said all the same.
    """

    reply: int
    heard: str
    audible: bool
    unheard: str = ""
    weight: Literal["plain", "key", "must"] = "plain"


class PlayedOut(Event, frozen=True):
    """The reply has been played to its end; ``heard`` is all of it."""

    reply: int
    heard: str


EventUnion = (
    Answered
    | HungUp
    | TimeShort
    | CallTooLong
    | CallOver
    | Dtmf
    | SpeechStarted
    | SpeechEnded
    | Transcript
    | WordsChanged
    | WordsSettled
    | TurnForeseen
    | TurnJudged
    | PauseOver
    | SttOverdue
    | SilenceOver
    | TurnTooLong
    | DigitsOver
    | HoldOver
    | BeepOver
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
    | MindChanged
    | ReplyFailed
    | ToolSettled
    | ReplyLate
    | VoiceFailed
    | ProtectionOver
    | EndAsked
    | TransferAsked
    | Transferred
    | TransferFailed
    | AudioStarted
    | OutputHeld
    | PlayedOut
)

EVENTS: dict[str, type[Event]] = {event_name(cls.__name__): cls for cls in Event.__subclasses__()}
"""Every event by its name on the chart."""

RAISED: frozenset[str] = frozenset(
    {"words_changed", "words_settled", "committed", "say", "abandoned", "mind_changed"}
)
"""The events that actions raise; all others come from effects."""
