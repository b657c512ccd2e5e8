"""What happens beside the chart and is worth remembering, as typed values.

Notes never decide anything. They go to the journal, and from there into turn records,
metrics and pictures. Text that somebody said or heard is in fields named ``text``, so that it
can be left out where it must not be kept.
"""

from __future__ import annotations

import msgspec

from states.events import event_name


class Note(msgspec.Struct, frozen=True, kw_only=True, tag=event_name, tag_field="note"):
    """What all notes share: the time in milliseconds of the call."""

    at_ms: float


class ReplyRequested(Note, frozen=True):
    """A generation was asked of the language model (``round`` > 1: after tools). ``model`` is what
    was asked for; empty for the provider's usual one. ``hedge`` is one that is asked only because
    another is late."""

    reply: int
    round: int
    model: str
    provider: str = ""
    hedge: bool = False


class FirstToken(Note, frozen=True):
    """The language model's first text of a reply arrived, from this provider."""

    reply: int
    provider: str = ""


class ClauseComposed(Note, frozen=True):
    """A clause of the reply is complete and goes to the voice."""

    reply: int
    clause: int
    text: str


class ToolStarted(Note, frozen=True):
    """A tool begins to run."""

    reply: int
    tool: str


class ReplyComposed(Note, frozen=True):
    """A reply is complete. The tokens are those of all its generations, the rest is the last's."""

    reply: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0
    provider: str = ""
    model: str = ""
    request_id: str = ""


class DraftDropped(Note, frozen=True):
    """A reply was given up before it was complete; ``tokens_out`` are lost."""

    reply: int
    tokens_out: int


class VoiceRequested(Note, frozen=True):
    """The first clause of a reply was handed to the voice; again where another takes over."""

    reply: int
    provider: str = ""


class FirstSpeech(Note, frozen=True):
    """The voice's first audio of a reply arrived."""

    reply: int


class ClauseSent(Note, frozen=True):
    """The first audio of a clause went to the carrier (clause -1: an acknowledgement)."""

    reply: int
    clause: int


class MarkEchoed(Note, frozen=True):
    """The carrier has played a clause to its end; ``lag_ms`` is how late that was."""

    reply: int
    clause: int
    lag_ms: float


class Cleared(Note, frozen=True):
    """The carrier was told to throw away its buffer."""

    reply: int


class RecogniserStarted(Note, frozen=True):
    """A speech-to-text session begins."""

    provider: str


class FramesDropped(Note, frozen=True):
    """Caller audio was dropped, oldest first, because speech-to-text did not keep up."""

    count: int


class EventDropped(Note, frozen=True):
    """An effect that was already cancelled emitted something; it was dropped."""

    event: str
    effect: str


NoteUnion = (
    ReplyRequested
    | FirstToken
    | ClauseComposed
    | ToolStarted
    | ReplyComposed
    | DraftDropped
    | VoiceRequested
    | FirstSpeech
    | ClauseSent
    | MarkEchoed
    | Cleared
    | RecogniserStarted
    | FramesDropped
    | EventDropped
)
