"""Turn records: what became of each of the caller's turns, and how long each stage took.

Derived from the journal alone, line by line, so that they are the same live and afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from engine.journal import AnyLine, End, Event, Note
from states import events, notes
from states.endpointing import Reason

Outcome = Literal["open", "completed", "interrupted", "retracted", "failed", "cut off"]
Port = Literal["recogniser", "mind", "voice"]


@dataclass(slots=True)
class Milestones:
    """When a reply reached each stage, in milliseconds of the call; None if it never did."""

    requested_ms: float | None = None
    first_token_ms: float | None = None
    first_clause_ms: float | None = None
    voice_requested_ms: float | None = None
    first_speech_ms: float | None = None
    first_clause_sent_ms: float | None = None
    first_clause_heard_ms: float | None = None
    chars_composed: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    mind: str = ""
    model: str = ""
    request_id: str = ""
    hedges: int = 0
    """Generations that were asked of another only because the first was late."""
    voice: str = ""
    """Who said it; empty where it was a fixed line that had been rendered before."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """A provider failed and another took its place for the rest of the call. ``failed`` is empty
    where a fixed line's voice is not known."""

    at_ms: float
    port: Port
    failed: str
    instead: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a turn's latency: who did it, when it was done (milliseconds after the caller's
    last sound), and what of that nothing before it accounts for."""

    name: str
    by: str
    done_ms: float
    took_ms: float


@dataclass(slots=True)
class TurnRecord:
    """One turn of the caller, from the end of their speech to the end of the answer.

    ``endpoint`` says why the turn was taken up. ``audio_started_ms`` is the first sound of
    any kind (an acknowledgement counts); the reply's own is ``reply.first_clause_sent_ms``.
    ``tokens_wasted`` were generated for drafts that were not used. ``takeovers`` are those since
    the turn before was over.
    """

    number: int
    words: str
    endpoint: Reason | None
    committed_ms: float
    voice_ended_ms: float
    transcript_final_ms: float | None
    outcome: Outcome = "open"
    reply_number: int | None = None
    reply: Milestones = field(default_factory=Milestones)
    audio_started_ms: float | None = None
    interrupted_ms: float | None = None
    ended_ms: float | None = None
    heard: str = ""
    drafts: int = 0
    tokens_wasted: int = 0
    recogniser: str = ""
    takeovers: list[Takeover] = field(default_factory=list)

    @property
    def latency_ms(self) -> float | None:
        """From the end of the caller's speech to the first sound of the agent."""
        if self.audio_started_ms is None:
            return None
        return self.audio_started_ms - self.voice_ended_ms

    @property
    def stages(self) -> dict[str, float]:
        """The latency along the critical path, in milliseconds.

        A stage counts only for the time that nothing before it accounts for, so the stages add
        up to the latency: what a draft had ready at the commit costs nothing.
        """
        return {
            name: round(step.took_ms, 1)
            for name, step in self._critical_path(
                ("endpoint", "", self.committed_ms),
                ("mind", "", self.reply.first_clause_ms),
                ("voice", "", self.reply.first_speech_ms),
                ("playout", "", self.audio_started_ms),
            ).items()
        }

    @property
    def waterfall(self) -> list[Step]:
        """The same in more steps, each with who took it: nothing where nothing was heard."""
        reply = self.reply
        return list(
            self._critical_path(
                ("transcript", self.recogniser, self.transcript_final_ms),
                ("endpoint", self.endpoint or "", self.committed_ms),
                ("first token", reply.mind, reply.first_token_ms),
                ("first clause", reply.mind, reply.first_clause_ms),
                ("voice", reply.voice, reply.first_speech_ms),
                ("playout", "", self.audio_started_ms),
            ).values()
        )

    def _critical_path(self, *steps: tuple[str, str, float | None]) -> dict[str, Step]:
        """The steps up to the first sound, which ends the last. One that never came took none."""
        if self.audio_started_ms is None:
            return {}
        path, reached_ms = {}, self.voice_ended_ms
        for name, by, at_ms in steps:
            until_ms = min(at_ms, self.audio_started_ms) if at_ms is not None else reached_ms
            took_ms, reached_ms = max(0.0, until_ms - reached_ms), max(reached_ms, until_ms)
            path[name] = Step(name, by, reached_ms - self.voice_ended_ms, took_ms)
        return path


_TAKES_OVER = frozenset({"another_recogniser", "another_mind", "another_voice"})
"""The guards by which the chart lets another provider go on."""


def takes_over(line: Event) -> bool:
    """Whether a provider failed here and another takes its place."""
    return any(held and guard in _TAKES_OVER for guard, held in line.guards)


class Turns:
    """Feed it a journal's lines; ``records`` holds the turns so far."""

    def __init__(self) -> None:
        self.records: list[TurnRecord] = []
        self._replies: dict[int, Milestones] = {}
        self._voice_ended_ms = 0.0
        self._final_ms: float | None = None
        self._drafts = 0
        self._tokens: dict[int, int] = {}
        """Of the replies that were not heard, or not yet."""
        self._audible_reply = 0
        self._broken: int | None = None
        self._speaking = False
        self._recogniser = ""
        self._takeovers: list[Takeover] = []

    @classmethod
    def of(cls, lines: Iterable[AnyLine]) -> Turns:
        """The turns of a whole journal."""
        turns = cls()
        for line in lines:
            turns.feed(line)
        return turns

    def feed(self, line: AnyLine) -> None:
        """Take in one line."""
        match line:
            case Note(note=note):
                self._note(note)
            case Event():
                self._event(line)
            case End():
                self._end(line)

    @property
    def _open(self) -> TurnRecord | None:
        last = self.records[-1] if self.records else None
        return last if last is not None and last.outcome == "open" else None

    # --- notes ---

    def _note(self, note: notes.Note) -> None:
        if isinstance(note, notes.RecogniserStarted):
            self._recogniser = note.provider
        reply = getattr(note, "reply", None)
        if reply is None:
            return
        stones = self._replies.setdefault(reply, Milestones())
        match note:
            case notes.ReplyRequested():
                self._requested(note, stones)
            case notes.FirstToken(at_ms=at_ms, provider=provider):
                stones.first_token_ms, stones.mind = at_ms, provider or stones.mind
            case notes.ClauseComposed(at_ms=at_ms, clause=clause, text=text):
                stones.first_clause_ms = at_ms if clause == 0 else stones.first_clause_ms
                stones.chars_composed += len(text)
            case notes.ReplyComposed():
                stones.tokens_in, stones.tokens_out = note.tokens_in, note.tokens_out
                stones.tokens_cached, stones.request_id = note.tokens_cached, note.request_id
                stones.mind, stones.model = note.provider, note.model or stones.model
                self._spent(reply, note.tokens_out)
            case notes.DraftDropped(tokens_out=tokens_out):
                self._spent(reply, tokens_out)
            case notes.VoiceRequested(at_ms=at_ms, provider=provider):
                stones.voice_requested_ms, stones.voice = at_ms, provider
            case notes.FirstSpeech(at_ms=at_ms):
                stones.first_speech_ms = at_ms
            case notes.ClauseSent(at_ms=at_ms, clause=0):
                stones.first_clause_sent_ms = at_ms
            case notes.MarkEchoed(at_ms=at_ms, clause=0):
                stones.first_clause_heard_ms = at_ms

    def _requested(self, note: notes.ReplyRequested, stones: Milestones) -> None:
        if note.hedge:  # who answers is said by the first token
            stones.hedges += 1
            return
        stones.mind, stones.model = note.provider, note.model
        if note.round == 1:
            stones.requested_ms = note.at_ms
            self._drafts += 1

    def _spent(self, reply: int, tokens: int) -> None:
        if reply > self._audible_reply:
            self._tokens[reply] = tokens

    # --- events ---

    def _event(self, line: Event) -> None:
        took = {event for _, event in line.took}
        taken_over = takes_over(line)
        if taken_over:
            self._taken_over(line.event)
        if "abandoned" in took:
            self._abandoned(line.event.at_ms)
        match line.event:
            case events.SpeechStarted():
                self._speaking = True
            case events.SpeechEnded(voice_at_ms=at_ms):
                self._speaking, self._voice_ended_ms = False, at_ms
            case events.Dtmf(at_ms=at_ms):
                self._voice_ended_ms = at_ms  # a dialled turn ends with its last key
            case events.Transcript(at_ms=at_ms, final=True):
                self._final_ms = at_ms
            case events.AudioStarted(at_ms=at_ms, reply=reply):
                self._audible(at_ms, reply)
            case events.OutputHeld(at_ms=at_ms, reply=reply, heard=heard):
                self._stopped(at_ms, reply, heard)
            case events.PlayedOut(at_ms=at_ms, reply=reply, heard=heard):
                self._played_out(at_ms, reply, heard)
            case events.ReplyFailed() | events.VoiceFailed() | events.ReplyLate() if not taken_over:
                self._failed(line.event, took)
            case events.Transferred(at_ms=at_ms):
                self._transferred(at_ms)
        if "committed" in took:
            self._committed(line)

    def _committed(self, line: Event) -> None:
        now_ms = line.event.at_ms
        if self._speaking:  # what still sounds is not the caller's words, or comes too late
            self._voice_ended_ms = getattr(line.event, "through_ms", now_ms)
        self.records.append(
            TurnRecord(
                number=len(self.records) + 1,
                words=line.words,
                endpoint=line.endpoint,
                committed_ms=now_ms,
                voice_ended_ms=self._voice_ended_ms or now_ms,
                transcript_final_ms=self._final_ms,
                drafts=self._drafts,
                recogniser=self._recogniser,
                takeovers=self._takeovers,
            )
        )
        self._final_ms = None
        self._drafts = 0
        self._takeovers = []

    def _taken_over(self, event: events.Event) -> None:
        match event:
            case events.SttFailed(at_ms=at_ms, reason=reason, instead=instead):
                takeover = Takeover(at_ms, "recogniser", self._recogniser, instead, reason)
            case events.ReplyFailed(at_ms=at_ms, reply=reply, reason=reason, instead=instead):
                failed = self._replies.setdefault(reply, Milestones()).mind
                takeover = Takeover(at_ms, "mind", failed, instead, reason)
            case events.VoiceFailed(at_ms=at_ms, reply=reply, reason=reason, instead=instead):
                failed = self._replies.setdefault(reply, Milestones()).voice
                takeover = Takeover(at_ms, "voice", failed, instead, reason)
            case _:
                return
        turn = self._open
        (self._takeovers if turn is None else turn.takeovers).append(takeover)

    def _audible(self, at_ms: float, reply: int) -> None:
        turn = self._open
        if turn is None or turn.audio_started_ms is not None:
            return
        turn.audio_started_ms = at_ms
        turn.reply_number = reply
        turn.reply = self._replies.setdefault(reply, Milestones())
        self._audible_reply = reply
        self._tokens.pop(reply, None)
        self._count_waste(turn)

    def _count_waste(self, turn: TurnRecord) -> None:
        turn.tokens_wasted += sum(self._tokens.values())
        self._tokens.clear()

    def _stopped(self, at_ms: float, reply: int, heard: str) -> None:
        turn = self.records[-1] if self.records else None
        if turn is not None and turn.reply_number == reply:
            turn.heard = heard
            turn.interrupted_ms = at_ms
            if turn.outcome == "interrupted":
                turn.ended_ms = at_ms

    def _abandoned(self, at_ms: float) -> None:
        turn = self._open
        if turn is not None:
            turn.outcome = "retracted" if turn.audio_started_ms is None else "interrupted"
            turn.ended_ms = at_ms

    def _played_out(self, at_ms: float, reply: int, heard: str) -> None:
        turn = self._open
        if turn is not None and turn.reply_number == reply:
            turn.outcome = "failed" if reply == self._broken else "completed"
            turn.heard, turn.ended_ms = heard, at_ms

    def _failed(self, event: events.Event, took: set[str]) -> None:
        turn = self._open
        if turn is not None and "say" in took:
            turn.outcome = "failed"
        elif turn is not None:
            self._broken = getattr(event, "reply", None)  # what there is of it is still played

    def _transferred(self, at_ms: float) -> None:
        turn = self._open
        if turn is not None:  # nothing had to be said
            turn.outcome, turn.ended_ms = "completed", at_ms

    def _end(self, line: End) -> None:
        if self.records:
            self._count_waste(self.records[-1])
        turn = self._open
        if turn is not None:
            turn.outcome, turn.ended_ms = "cut off", line.at_ms
            said = [said.text for said in line.history if said.reply == turn.reply_number]
            turn.heard = said[0] if said and turn.reply_number else ""
