"""What either side of a call said, and when it could be heard: from the journal, line by line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.inspector.summary import floor_of
from engine.journal import AnyLine, End, Event, Head, Note
from states import events, notes

LOOK_BACK = 16
"""So many sounds of a side can have begun before words of the caller are understood."""


@dataclass(slots=True)
class Stretch:
    """Sound without a break. ``until_ms`` is None while it lasts; ``over`` says that the other
    side could be heard as it began, ``worded`` that words were made of it."""

    since_ms: float
    until_ms: float | None = None
    over: bool = False
    worded: bool = False

    def ends_before(self, at_ms: float) -> bool:
        """Whether it is over by then."""
        return self.until_ms is not None and self.until_ms <= at_ms


@dataclass(slots=True)
class Utterance:
    """What speech-to-text made of one segment. ``over`` says that the agent could be heard as it
    began, and ``echo`` that the words are the agent's own, come back."""

    since_ms: float
    said: str = ""
    over: bool = False
    echo: bool = False


@dataclass(slots=True)
class Hold:
    """The agent fell silent, ``after_ms`` after the caller's sound had begun, if it was for that;
    ``cause`` names the event. ``heard`` is what was heard of the reply by then. Without
    ``until_ms`` it did not go on."""

    at_ms: float
    heard: str
    cause: str
    after_ms: float | None
    until_ms: float | None = None


@dataclass(slots=True)
class Reply:
    """A reply that could be heard. ``heard`` is what was, ``unheard`` the rest as far as it was
    composed; ``over`` says that the caller could be heard as it began, ``aired`` that it is not
    at its end yet."""

    number: int
    since_ms: float
    heard: str = ""
    unheard: str = ""
    over: bool = False
    aired: bool = True
    holds: list[Hold] = field(default_factory=list)


class Sides:
    """Feed it a journal's lines, or use :meth:`of`."""

    def __init__(self) -> None:
        self.utterances: list[Utterance] = []
        self.replies: list[Reply] = []
        self.caller_sounds: list[Stretch] = []
        self.agent_sounds: list[Stretch] = []
        self._phrases: tuple[str, ...] = ()
        self._echo_words = 1.0
        self._segments: dict[int, Utterance] = {}
        self._clauses: dict[int, list[str]] = {}
        self._in_air: set[int] = set()
        self._cause: Event | None = None
        self._floor = ""

    @classmethod
    def of(cls, lines: Iterable[AnyLine]) -> Sides:
        """Those of a whole journal."""
        sides = cls()
        for line in lines:
            sides.feed(line)
        sides.utterances = [one for one in sides.utterances if one.said]
        return sides

    def feed(self, line: AnyLine) -> None:
        """Take in one line."""
        match line:
            case Head(agent=agent, settings=settings):
                self._phrases, self._echo_words = agent.phrases, settings.echo_words
            case Note(note=note):
                self._note(note)
            case Event():
                self._event(line)
            case End():
                self._end(line)

    def _event(self, line: Event) -> None:
        floor = floor_of(line.states) or self._floor
        if (self._floor, floor) == ("interrupted", "speaking"):
            self._went_on(line.event.at_ms)
        self._floor = floor
        match line.event:
            case events.SpeechStarted(at_ms=at_ms):
                self.caller_sounds.append(Stretch(at_ms, over=self.agent_sounds_at(at_ms)))
            case events.SpeechEnded(voice_at_ms=at_ms) if self.caller_sounds:
                sound = self.caller_sounds[-1]
                sound.until_ms = max(at_ms, sound.since_ms)
            case events.Transcript():
                self._transcript(line.event)
            case events.AudioStarted(at_ms=at_ms, reply=number):
                over = bool(self.caller_sounds) and not self.caller_sounds[-1].ends_before(at_ms)
                self.replies.append(Reply(number, at_ms, over=over))
                self._sounds(at_ms)
            case events.OutputHeld():
                self._held(line.event)
            case events.PlayedOut(at_ms=at_ms, reply=number, heard=heard):
                self._played_out(at_ms, number, heard)
        if line.took and not isinstance(line.event, events.OutputHeld):
            self._cause = line

    # --- the caller ---

    def _transcript(self, event: events.Transcript) -> None:
        utterance = self._segments.get(event.segment)
        if utterance is None:
            if not event.text:
                return
            since_ms = self._begin_of(event)
            utterance = Utterance(since_ms, over=self.agent_sounds_at(since_ms))
            self._segments[event.segment] = utterance
            self.utterances.append(utterance)
        utterance.said = event.text
        utterance.echo = event.echo >= self._echo_words
        for sound in self.caller_sounds[-LOOK_BACK:]:
            sound.worded |= utterance.since_ms <= sound.since_ms <= event.through_ms

    def _begin_of(self, event: events.Transcript) -> float:
        """That of the sound that it is about; where another segment has that already, now."""
        recent = self.caller_sounds[-LOOK_BACK:]
        about = [sound for sound in recent if sound.since_ms <= event.through_ms]
        return about[-1].since_ms if about and not about[-1].worded else event.at_ms

    # --- the agent ---

    def _note(self, note: notes.Note) -> None:
        match note:
            case notes.ClauseComposed(reply=number, text=text):
                self._clauses.setdefault(number, []).append(text)
            case notes.ClauseSent(at_ms=at_ms, clause=clause):
                self._in_air.add(clause)
                self._sounds(at_ms)
            case notes.MarkEchoed(at_ms=at_ms, clause=clause):
                self._in_air.discard(clause)
                if not self._in_air:
                    self._falls_silent(at_ms)

    def _sounds(self, at_ms: float) -> None:
        if not self.agent_sounds or self.agent_sounds[-1].until_ms is not None:
            self.agent_sounds.append(Stretch(at_ms))

    def _falls_silent(self, at_ms: float) -> None:
        self._in_air.clear()
        if self.agent_sounds and self.agent_sounds[-1].until_ms is None:
            self.agent_sounds[-1].until_ms = at_ms

    def _last(self, number: int) -> Reply | None:
        last = self.replies[-1] if self.replies else None
        return last if last is not None and last.number == number else None

    def _held(self, event: events.OutputHeld) -> None:
        reply, cause = self._last(event.reply), self._cause
        self._falls_silent(event.at_ms)
        if reply is None:
            return
        reply.heard, reply.unheard = event.heard, event.unheard
        if reply.holds and reply.holds[-1].until_ms is None:
            return  # it was silent already, and is now dropped
        sound = self.caller_sounds[-1] if self.caller_sounds else None
        for_sound = sound is not None and not sound.ends_before(event.at_ms)
        reply.holds.append(
            Hold(
                at_ms=event.at_ms,
                heard=event.heard,
                cause=cause.event.name if cause is not None else "",
                after_ms=event.at_ms - sound.since_ms if sound is not None and for_sound else None,
            )
        )

    def _went_on(self, at_ms: float) -> None:
        reply = self.replies[-1] if self.replies else None
        if reply is not None and reply.holds and reply.holds[-1].until_ms is None:
            reply.holds[-1].until_ms = at_ms
            self._sounds(at_ms)

    def _played_out(self, at_ms: float, number: int, heard: str) -> None:
        reply = self._last(number)
        self._falls_silent(at_ms)
        if reply is not None:
            reply.heard, reply.unheard, reply.aired = heard, "", False
            if reply.holds and reply.holds[-1].until_ms is None:
                reply.holds[-1].until_ms = at_ms  # on a chart whose states are not ours

    def agent_sounds_at(self, at_ms: float) -> bool:
        """Whether the agent could be heard at a time, that lies not far back."""
        return any(
            sound.since_ms < at_ms and not sound.ends_before(at_ms)
            for sound in self.agent_sounds[-LOOK_BACK:]
        )

    # --- the end ---

    def _end(self, line: End) -> None:
        """The history has the last word on what was heard."""
        for sounds in (self.caller_sounds, self.agent_sounds):
            if sounds and sounds[-1].until_ms is None:
                sounds[-1].until_ms = line.at_ms
        heard = {said.reply: said.text for said in line.history if said.role == "agent"}
        for reply in self.replies:
            reply.heard = heard.get(reply.number, reply.heard)

    def rest_of(self, reply: Reply) -> str:
        """What of a reply was not heard, as far as it is known: of a fixed line, too."""
        if reply.unheard or not reply.aired:
            return reply.unheard
        composed = " ".join(self._clauses.get(reply.number, ()))
        texts = (composed, *self._phrases) if reply.heard else (composed,)
        begun = (text for text in texts if text.startswith(reply.heard))
        return next((text[len(reply.heard) :].strip() for text in begun), "")
