"""What the agent said, read off the sound that crossed the line, byte by byte: each reply's sound
is predicted from its text, and every frame is looked for in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, product

from effects.ports import Word
from effects.spoken import spoken, words_of
from engine import journal
from engine.simulation.line import Played
from engine.simulation.sound import spell
from engine.simulation.trace import Trace
from states import mulaw, notes

EVER_MS = 1e9
ROUNDING_BYTES = 2 * mulaw.BYTES_PER_MS
"""Call time is kept in tenths of a millisecond."""


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
        if not self.played or at_ms <= self.played[0].from_ms:
            return 0
        if at_ms >= self.played[-1].to_ms:
            return self.heard
        heard = 0
        for stretch in self.played:
            if stretch.from_ms >= at_ms:
                break
            bytes_since = round((at_ms - stretch.from_ms) * mulaw.BYTES_PER_MS)
            heard += min(len(stretch.audio), bytes_since)
        return heard

    def overlaps(self, from_ms: float, until_ms: float) -> bool:
        """Whether the caller heard any of it in an interval."""
        played = self.played
        return bool(played) and played[0].from_ms < until_ms and from_ms < played[-1].to_ms


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
    ``begun``, and the pieces in which it was sent. ``composed`` is false for fixed lines. Of a
    clause that a voice broke off, and another said again, so many bytes were sent as ``cuts`` says
    by its number."""

    reply: int
    texts: list[str]
    begun: list[Begun]
    letter_ms: int
    pieces: list[Piece]
    composed: bool = False
    cuts: dict[int, int] = field(default_factory=dict)

    @property
    def sound(self) -> bytes:
        """All of it, as it should sound."""
        return b"".join(
            spell(spoken(text), self.letter_ms)[: self.cuts.get(number)]
            for number, text in enumerate(self.texts)
        )

    @property
    def whole_texts(self) -> list[str]:
        """Its clauses without those that were broken off and said again."""
        return [text for number, text in enumerate(self.texts) if number not in self.cuts]

    @property
    def words(self) -> list[str]:
        """All of it, as written words."""
        return [
            word
            for number, text in enumerate(self.texts)
            for said in self._said(number, text)
            for word in said.written.split()
        ]

    def _said(self, number: int, text: str) -> Sequence[Word]:
        """The words of a clause; of one that was broken off, those that were sent to their end."""
        words, size, at = words_of(text), self.letter_ms * mulaw.BYTES_PER_MS, 0
        if number not in self.cuts:
            return words
        for place, word in enumerate(words):
            at += len(word.spoken)
            if at * size > self.cuts[number]:
                return words[:place]
            at += 1
        return words

    def reached(self, at_ms: float = EVER_MS) -> int:
        """How far into it the caller had heard by a moment (bytes)."""
        places = [
            piece.starts + heard
            for piece in self.pieces
            if piece.starts is not None and (heard := piece.heard_by(at_ms))
        ]
        return max(places, default=0)

    def words_by(self, place: int) -> tuple[int, int]:
        """How many written words end, and how many begin, before a place in the sound. Those
        that are said as one end and begin together."""
        size, start, ended, begun = self.letter_ms * mulaw.BYTES_PER_MS, 0, 0, 0
        for number, text in enumerate(self.texts):
            at, length = 0, self.cuts.get(number, len(spoken(text)) * size)
            reached = min(place - start, length)
            for word in self._said(number, text):
                many = len(word.written.split())
                begun += many * (at * size < reached)
                at += len(word.spoken)
                # A letter of which half was played was heard.
                ended += many * (at * size - size // 2 <= reached)
                at += 1
            start += length
        return ended, begun


def utterances_of(trace: Trace) -> Iterator[Utterance]:
    """The replies that made a sound, in the order in which they began."""
    letter_ms = trace.scenario.voice.letter_ms
    composed = {
        (note.reply, note.clause): note.text
        for note in trace.notes()
        if isinstance(note, notes.ClauseComposed)
    }
    pieces, begun = _sent(trace)
    for reply in pieces:
        clauses = begun.get(reply, [])
        sounds = {
            number: spell(spoken(composed[reply, one.clause]), letter_ms)
            for number, one in enumerate(clauses)
            if (reply, one.clause) in composed
        }
        cuts = _broken_off(clauses, sounds)
        lines = [
            [text]
            if (text := composed.get((reply, one.clause)))
            else _fixed_lines(trace, one, cuts.get(number))
            for number, one in enumerate(clauses)
        ]
        readings = [
            Utterance(reply, list(texts), clauses, letter_ms, pieces[reply], cuts=cuts)
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


def _broken_off(clauses: list[Begun], sounds: Mapping[int, bytes]) -> dict[int, int]:
    """The clauses, by their number in the reply, after which an earlier one or the same begins: a
    voice broke them off. With how much of their sound was sent."""
    return {
        number: _sent_of(one, after, sounds.get(number, b""))
        for number, (one, after) in enumerate(pairwise(clauses))
        if 0 <= after.clause <= one.clause
    }


def _sent_of(one: Begun, after: Begun, sound: bytes) -> int:
    """How much of a clause was sent before another was. One that was cleared and went on ends with
    what came then right before the other."""
    if after.piece is one.piece:
        return after.starts - one.starts
    before = bytes(after.piece.audio[: after.starts])
    ends = (size for size in range(len(sound), 0, -1) if before.endswith(sound[:size]))
    return next(ends, len(one.piece.audio) - one.starts)


def _note_at(trace: Trace, index: int) -> notes.Note | None:
    line = trace.lines[index] if index < len(trace.lines) else None
    return line.note if isinstance(line, journal.Note) else None


def _fixed_lines(trace: Trace, begun: Begun, cut: int | None) -> list[str]:
    """The agent's fixed lines that begin as this clause does, as far as it was sent, the longest
    first; one that is empty if none does."""
    sent = bytes(begun.piece.audio[begun.starts :][:cut])
    found = [
        text
        for text, sound in _fixed_sounds(_fixed_texts(trace), trace.scenario.voice.letter_ms)
        if sent and sound and (sound.startswith(sent) or sent.startswith(sound))
    ]
    return found or [""]


def _fixed_texts(trace: Trace) -> frozenset[str]:
    """All that can be said without a language model."""
    head = trace.lines[0]
    assert isinstance(head, journal.Head)
    holding = (tool.holding for tool in trace.scenario.tools if tool.holding)
    return frozenset((*head.agent.phrases, *holding))


@cache
def _fixed_sounds(texts: frozenset[str], letter_ms: int) -> list[tuple[str, bytes]]:
    """Fixed lines with their sound, the longest first. The calls of a campaign have the same."""
    longest_first = sorted(sorted(texts), key=len, reverse=True)
    return [(text, spell(spoken(text), letter_ms)) for text in longest_first]


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
