"""What a call knows: the open turn, the reply, the history. Plain data.

Only actions change it (:mod:`states.actions`), only on events, so that the same events always
lead to the same data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from states.agent import Agent
from states.endpointing import Habits, Judgement, Reason
from states.settings import Settings
from states.words import normalized

NOT_JUDGED = Judgement(completeness=0.0)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a turn was taken up in mid-speech: the first ``words`` (normalised) of a segment
    belong to it, the rest to the turn after."""

    segment: int = -1
    words: int = 0

    def apart(self, segment: int, text: str) -> tuple[str, str]:
        """What a transcript of a segment says before the cut and after it.

        Words are counted, so that a correction before the cut moves nothing across it.
        """
        if segment != self.segment:
            return ("", text) if segment > self.segment else (text, "")
        written = text.split()
        for at in range(len(written) + 1):
            before = " ".join(written[:at])
            if len(normalized(before)) >= self.words:
                return before, " ".join(written[at:])
        return text, ""


@dataclass(slots=True)
class Turn:
    """What the caller is saying, until it has been answered.

    ``segments`` holds the text of each speech-to-text segment; ``finals`` says which of them
    will not change again. A committed turn stays open, and can grow, until the reply to it is
    audible. ``voiced_ms`` counts the sound of it, words or not, that ended, and began
    at ``voiced_since_ms``; ``agreeing`` the transcripts in
    a row that said the same. ``judgement`` is what was made of the latest pause, and ``reason``
    why the turn was taken up. ``went_on_after_ms`` is the pause after which a turn that had been
    taken up was opened again, until words say that the caller did go on. ``mid_speech`` says
    that the caller was still speaking when it was taken up; ``begins`` and ``ends`` are where it
    is cut off from the turns around it for that.
    """

    segments: dict[int, str] = field(default_factory=dict)
    finals: set[int] = field(default_factory=set)
    digits: str = ""
    through_ms: float = 0.0
    voice_ended_ms: float = 0.0
    voiced_ms: float = 0.0
    voiced_since_ms: float | None = None
    agreeing: int = 0
    went_on_after_ms: float | None = None
    judgement: Judgement = NOT_JUDGED
    drafts: int = 0
    committed: bool = False
    reason: Reason | None = None
    mid_speech: bool = False
    begins: Cut = Cut()
    ends: Cut | None = None

    def part(self, segment: int, text: str) -> str:
        """What of a transcript belongs to this turn."""
        if self.ends:
            text, _ = self.ends.apart(segment, text)
        _, text = self.begins.apart(segment, text)
        return text

    @property
    def words(self) -> str:
        """All that was said in this turn so far."""
        spoken = [text for _, text in sorted(self.segments.items()) if text]
        return " ".join([*spoken, self.digits] if self.digits else spoken)

    @property
    def is_heard_out(self) -> bool:
        """Whether the transcript reaches the last voiced sound."""
        return self.through_ms >= self.voice_ended_ms

    @property
    def is_final(self) -> bool:
        """Whether the transcript reaches the last voiced sound and will not change again."""
        settled = all(segment in self.finals for segment in self.segments)
        return settled and self.is_heard_out


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that was used, and what came of it (both JSON texts)."""

    call_id: str
    tool: str
    arguments: str
    result: str
    changes: bool
    survives: bool = False


@dataclass(slots=True)
class Reply:
    """What the agent is about to say or saying. ``number`` counts the replies of the call.

    ``line`` is the text of a fixed line; ``to_words`` is what a composed reply answers, ``owed``
    what it has to say besides, and ``route`` the kind of model that composes it.
    """

    number: int
    to_words: str = ""
    line: str | None = None
    owed: str = ""
    route: str = ""
    audible: bool = False
    over: bool = False
    """It was heard to its end."""

    given_up: bool = False
    """The caller went on: what it still asks for is void."""

    broke: bool = False
    tools: list[ToolUse] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation: what the caller said, what was heard of the agent, or a
    tool that was used (``text`` is its result then)."""

    role: Literal["caller", "agent", "tool"]
    text: str
    reply: int = 0
    interrupted: bool = False
    use: ToolUse | None = None


@dataclass(slots=True)
class Call:
    """Everything the guards and actions of one call know."""

    settings: Settings
    agent: Agent
    history: list[Line] = field(default_factory=list)
    turn: Turn = field(default_factory=Turn)
    reply: Reply = field(default_factory=lambda: Reply(number=0))
    answered_turn: Turn = field(default_factory=Turn)
    segments_closed: set[int] = field(default_factory=set)
    """What was heard of these belongs to turns that are over, or was dismissed. One of which
    nothing had been heard stays open: its words may come after those of the next."""

    speaking_since_ms: float | None = None
    line: str = ""
    """The fixed line to say next."""

    farewell: bool = False
    """What is being said is the goodbye."""

    time_is_up: bool = False
    deaf: bool = False
    time_short: bool = False
    warned: bool = False
    outbound: bool = False
    machine: bool = False
    """An answering machine took the call."""

    holding: bool = False
    """The caller asked for a moment."""

    transfer_to: str = ""
    """Where the caller is put through to after this reply."""

    unheard: str = ""
    """What the caller did not hear of the last reply although it mattered."""

    owed: str = ""
    """What has to be said although the caller interrupted it."""

    recogniser: str = ""
    mind: str = ""
    voice: str = ""
    """Who took over for this call from a provider that failed; empty where none has."""

    habits: Habits = field(default_factory=Habits)
    prompts: int = 0
    failures: int = 0
    stt_failures: int = 0

    def spoken_history(self) -> Iterator[Line]:
        """The history without lines of which nothing was heard."""
        return (line for line in self.history if line.text)

    @property
    def asked(self) -> str:
        """What the agent said last; empty if nothing."""
        lines = [line.text for line in self.history if line.role == "agent" and line.text]
        return lines[-1] if lines else ""

    @property
    def turns_taken(self) -> int:
        """How many turns of the caller are in the history."""
        return sum(line.role == "caller" for line in self.history)

    def is_open(self, segment: int) -> bool:
        """Whether a transcript segment can still belong to the open turn."""
        return segment not in self.segments_closed

    def changes_words(self, segment: int, text: str) -> bool:
        """Whether this transcript would change what the open turn says."""
        segments = {**self.turn.segments, segment: self.turn.part(segment, text)}
        after = " ".join(text for _, text in sorted(segments.items()))
        before = " ".join(text for _, text in sorted(self.turn.segments.items()))
        return normalized(after) != normalized(before)

    def keep_what_was_done(self) -> None:
        """Move the side effects of a reply that was not heard into the history: what was done
        stays done, and the next reply has to know of it. So does what was read to be kept, once
        the turn was committed."""
        for use in self.reply.tools:
            if use.changes or (use.survives and self.turn.committed):
                self.history.append(Line("tool", use.result, use=use))
        self.reply.tools = []

    def hear(self, reply: int, text: str) -> None:
        """Set what was heard of a reply in the history."""
        for index, line in enumerate(self.history):
            if line.role == "agent" and line.reply == reply:
                self.history[index] = replace(line, text=text)
