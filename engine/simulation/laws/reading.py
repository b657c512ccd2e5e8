"""What the laws look at: a trace, put in order.

Everything here is read off the line and the journal. What was said is read off the sound, byte
by byte: each reply's sound is predicted from its text, and every frame that crossed the line is
looked for in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from effects.spoken import spoken, words_of
from engine import journal
from engine.simulation.line import Played
from engine.simulation.sound import spell
from engine.simulation.trace import Trace
from states import mulaw, notes
from states.events import Event, Transcript
from states.settings import Settings

VAD_WINDOW_MS = 32.0
EVER_MS = 1e9
ROUNDING_BYTES = 2 * mulaw.BYTES_PER_MS
"""Call time is kept in tenths of a millisecond."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that was broken, when (ms of the call), and how."""

    law: str
    at_ms: float
    says: str

    def __str__(self) -> str:
        return f"{self.law} at {self.at_ms / 1000:.3f} s: {self.says}"


@dataclass(slots=True)
class Piece:
    """Sound that was sent without a clear in between.

    ``starts`` is its place in the reply's sound (bytes), None if it is not of it. ``after`` is
    the number of journal lines before its first frame.
    """

    at_ms: float
    after: int
    audio: bytearray = field(default_factory=bytearray)
    last_after: int = 0
    starts: int | None = None
    played: list[Played] = field(default_factory=list)

    @property
    def heard(self) -> int:
        """How many bytes of it the caller heard."""
        return sum(len(stretch.audio) for stretch in self.played)

    def heard_by(self, at_ms: float) -> int:
        """How many bytes of it the caller had heard by a moment."""
        return sum(
            min(len(stretch.audio), max(0, round((at_ms - stretch.from_ms) * mulaw.BYTES_PER_MS)))
            for stretch in self.played
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the sound of a clause begins: in which piece, at which byte of it."""

    clause: int
    at_ms: float
    piece: Piece
    starts: int

    @property
    def fills(self) -> bool:
        """Whether it only fills a wait: an acknowledgement, or that the reply goes on."""
        return self.clause < 0


@dataclass(slots=True)
class Utterance:
    """One reply as it crossed the line: its clauses as written, in the order in which they were
    ``begun``, and the pieces in which it was sent. ``composed`` is false for fixed lines."""

    reply: int
    texts: list[str]
    begun: list[Begun]
    letter_ms: int
    pieces: list[Piece]
    composed: bool = False

    @property
    def sound(self) -> bytes:
        """All of it, as it should sound."""
        return b"".join(spell(spoken(text), self.letter_ms) for text in self.texts)

    @property
    def words(self) -> list[str]:
        """All of it, as written words."""
        return [word for text in self.texts for word in text.split()]

    def reached(self, at_ms: float = EVER_MS) -> int:
        """How far into it the caller had heard by a moment (bytes)."""
        places = [
            piece.starts + piece.heard_by(at_ms)
            for piece in self.pieces
            if piece.starts is not None and piece.heard_by(at_ms)
        ]
        return max(places, default=0)

    def words_by(self, place: int) -> tuple[int, int]:
        """How many written words end, and how many begin, before a place in the sound. Those
        that are said as one end and begin together."""
        size, start, ended, begun = self.letter_ms * mulaw.BYTES_PER_MS, 0, 0, 0
        for text in self.texts:
            at = 0
            for word in words_of(text):
                many = len(word.written.split())
                begun += many * (start + at * size < place)
                at += len(word.spoken)
                # A letter of which half was played was heard.
                ended += many * (start + at * size - size // 2 <= place)
                at += 1
            start += len(spoken(text)) * size
        return ended, begun


@dataclass(frozen=True, slots=True)
class Voice:
    """The caller's voice without a break, as it reached the line."""

    from_ms: float
    to_ms: float


class Reading:
    """A trace, put in order. ``tolerance_ms`` is how exactly the ears can time a sound: one
    window of the voice detector, a frame that has to be whole before it is sent, one in which
    the sound begins, and the way there and back."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        head = trace.lines[0]
        assert isinstance(head, journal.Head)
        self.head = head
        self.settings: Settings = head.settings
        wire = trace.scenario.wire
        self.round_trip_ms = 2000 * wire.lag
        self.tolerance_ms = (
            VAD_WINDOW_MS + 2 * wire.frame_ms + self.round_trip_ms + 1000 * wire.jitter
        )
        self.events = [
            (index, line)
            for index, line in enumerate(trace.lines)
            if isinstance(line, journal.Event)
        ]
        self._event_indexes = [index for index, _ in self.events]
        self.notes = [
            (index, line.note)
            for index, line in enumerate(trace.lines)
            if isinstance(line, journal.Note)
        ]
        self.utterances = list(_utterances(self))
        self.voices = _voices(trace)
        self.ended_ms = self._ended_ms()

    def _ended_ms(self) -> float:
        """When the call was over for the caller or the chart, whichever came first."""
        times = [line.event.at_ms for _, line in self.events if "ended" in line.states]
        times += [
            crossed.at_ms for crossed in self.trace.crossed if crossed.kind in ("stop", "hang_up")
        ]
        return min([*times, self.trace.closed_ms])

    def event_before(self, after: int) -> journal.Event | None:
        """The last event that was written among the first ``after`` lines."""
        place = bisect_left(self._event_indexes, after)
        return self.events[place - 1][1] if place else None

    def is_over(self, after: int) -> bool:
        """Whether the call was closing already when the journal had so many lines."""
        line = self.event_before(after)
        if line is not None and "ended" in line.states:
            return True
        stopped = self.trace.outcome is None or not self.trace.outcome.completed
        return stopped and not any(event.took for index, event in self.events if index >= after)

    def raised(self, *names: str) -> Iterator[tuple[int, str, journal.Event]]:
        """Where events of these names took a transition, in order."""
        for index, line in self.events:
            for _, event in line.took:
                if event in names:
                    yield index, event, line

    def taken(self, line: journal.Event, action: str) -> bool:
        """Whether an event took a transition with this action."""
        transitions = self.trace.chart.transitions
        return any(
            number < len(transitions) and action in transitions[number].on
            for number, _ in line.took
        )

    def taken_at(self, action: str) -> list[float]:
        """When transitions with this action were taken (ms)."""
        return [line.event.at_ms for _, line in self.events if self.taken(line, action)]

    def transcripts(self) -> Iterator[tuple[int, Transcript]]:
        """What speech-to-text said, in order."""
        for index, line in self.events:
            if isinstance(line.event, Transcript):
                yield index, line.event

    def stretches(self) -> list[Played]:
        """What the caller heard, in order."""
        return self.trace.played


def reading_of(trace: Trace) -> Reading:
    """The trace put in order; once, so a trace must not be changed after a law has seen it."""
    if "reading" not in trace.memo:
        trace.memo["reading"] = Reading(trace)
    reading: Reading = trace.memo["reading"]
    return reading


def is_committed(reading: Reading, before: int) -> bool:
    """Whether the turn was committed when the journal had so many lines."""
    last = ""
    for index, event, _ in reading.raised("committed", "abandoned"):
        if index >= before:
            break
        last = event
    return last == "committed"


def event_of(line: journal.Event) -> Event:
    """The event of a journal line."""
    event: Event = line.event
    return event


# --- the agent's sound ----------------------------------------------------------------------


def _utterances(reading: Reading) -> Iterator[Utterance]:
    """The replies that made a sound, in the order in which they began."""
    trace = reading.trace
    letter_ms = trace.scenario.voice.letter_ms
    composed = {
        (note.reply, note.clause): note.text
        for _, note in reading.notes
        if isinstance(note, notes.ClauseComposed)
    }
    pieces, begun = _sent(trace)
    for reply in pieces:
        clauses = begun.get(reply, [])
        lines = [
            [text] if (text := composed.get((reply, one.clause))) else _fixed_lines(reading, one)
            for one in clauses
        ]
        readings = [
            Utterance(reply, list(texts), clauses, letter_ms, pieces[reply])
            for texts in product(*lines)
        ]
        # Sound that was soon cut off may begin as several lines do: the rest of it tells.
        best = next((one for one in readings if _locate(one)), readings[0])
        _locate(best)
        best.composed = any((reply, one.clause) in composed or one.fills for one in clauses)
        yield best


def _sent(trace: Trace) -> tuple[dict[int, list[Piece]], dict[int, list[Begun]]]:
    """The sound that was sent and the clauses that began in it, by reply. The journal notes each
    clause right after its first frame; a frame without such a note goes on with the reply
    before."""
    last_after = {one.after: n for n, one in enumerate(trace.crossed) if one.kind == "media"}
    pieces: dict[int, list[Piece]] = {}
    begun: dict[int, list[Begun]] = {}
    piece_of: dict[int, Piece] = {}
    reply, piece = 0, None
    for number, crossed in enumerate(trace.crossed):
        if crossed.kind == "clear":
            piece = None
        if crossed.kind != "media":
            continue
        sent = _note_at(trace, crossed.after) if last_after[crossed.after] == number else None
        if isinstance(sent, notes.ClauseSent):
            if sent.reply != reply:
                piece = None
            reply = sent.reply
        if piece is None:
            piece = Piece(crossed.at_ms, crossed.after)
            pieces.setdefault(reply, []).append(piece)
        if isinstance(sent, notes.ClauseSent):
            clause = Begun(sent.clause, crossed.at_ms, piece, len(piece.audio))
            begun.setdefault(reply, []).append(clause)
        piece.audio += crossed.audio
        piece.last_after = crossed.after
        piece_of[number] = piece
    for stretch in trace.played:
        if stretch.media in piece_of:
            piece_of[stretch.media].played.append(stretch)
    return pieces, begun


def _note_at(trace: Trace, index: int) -> notes.Note | None:
    line = trace.lines[index] if index < len(trace.lines) else None
    return line.note if isinstance(line, journal.Note) else None


def _fixed_lines(reading: Reading, begun: Begun) -> list[str]:
    """The agent's fixed lines that begin as this clause does, the longest first; one that is
    empty if none does."""
    found, sent = [], begun.piece.audio[begun.starts :]
    for text in sorted(fixed_texts(reading), key=len, reverse=True):
        sound = spell(spoken(text), reading.trace.scenario.voice.letter_ms)
        size = min(len(sound), len(sent))
        if size and sound[:size] == sent[:size]:
            found.append(text)
    return found or [""]


def fixed_texts(reading: Reading) -> set[str]:
    """All that can be said without a language model."""
    holding = (tool.holding for tool in reading.trace.scenario.tools if tool.holding)
    return {*reading.head.agent.phrases, *holding}


def _locate(utterance: Utterance) -> bool:
    """Find each piece in the sound of its reply: at the start, or not after where the caller
    had heard it to, as near to it as can be. Returns whether all are found."""
    sound, reached = utterance.sound, 0
    for piece in utterance.pieces:
        latest = reached + ROUNDING_BYTES + len(piece.audio)
        place = sound.rfind(piece.audio, 0, latest)
        if place < 0:
            place = sound.find(piece.audio)
        piece.starts = place if place >= 0 else None
        if piece.starts is not None:
            reached = max(reached, piece.starts + piece.heard)
    return all(piece.starts is not None for piece in utterance.pieces)


# --- the caller's sound ---------------------------------------------------------------------


def _voices(trace: Trace) -> list[Voice]:
    """The caller's voice; sounds that touch are one, and what was lost on the way is not."""
    voices: list[Voice] = []
    for sound in trace.voiced:
        if voices and sound.from_ms <= voices[-1].to_ms + 1:
            last = voices.pop()
            voices.append(Voice(last.from_ms, max(last.to_ms, sound.to_ms)))
        else:
            voices.append(Voice(sound.from_ms, sound.to_ms))
    for act in trace.scenario.caller:
        if act.lose:
            lost = (act.at * 1000, (act.at + act.lose) * 1000)
            voices = [part for voice in voices for part in _without(voice, *lost)]
    over_ms = trace.closed_ms
    return [Voice(v.from_ms, min(v.to_ms, over_ms)) for v in voices if v.from_ms < over_ms]


def _without(voice: Voice, from_ms: float, to_ms: float) -> Iterator[Voice]:
    before = Voice(voice.from_ms, min(voice.to_ms, from_ms))
    after = Voice(max(voice.from_ms, to_ms), voice.to_ms)
    yield from (part for part in (before, after) if part.to_ms > part.from_ms)
