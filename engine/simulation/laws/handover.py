"""Providers that take over from others: the caller hears one agent. A part of the law L1."""

from __future__ import annotations

import re
from collections.abc import Iterator

from effects.stage import SENTENCE_ENDS
from engine.simulation.laws.reading import Reading, Violation
from engine.simulation.scenario import Answer
from states import events, notes
from states.words import normalized

TAG = re.compile(r"</?\w+>")


def one_agent(reading: Reading) -> Iterator[Violation]:
    """A call changes its voice only where one fails; the next begins with a sentence, and skips
    none. A reply is one language model's, however many were asked."""
    yield from _voices(reading)
    yield from _sentences(reading)
    yield from _overtaken(reading)
    yield from _minds(reading)


def _voices(reading: Reading) -> Iterator[Violation]:
    named = {
        index: line.event.instead
        for index, line in reading.events
        if isinstance(line.event, events.VoiceFailed) and reading.taken(line, "change_voice")
    }
    before, since = "", 0
    for index, note in reading.notes:
        if not isinstance(note, notes.VoiceRequested):
            continue
        wanted = [name for place, name in named.items() if since <= place < index]
        if before and note.provider != before and note.provider not in wanted:
            says = f"the voice {before} becomes {note.provider} for nothing"
            yield Violation("L1", note.at_ms, says)
        before, since = note.provider, index


def _sentences(reading: Reading) -> Iterator[Violation]:
    composed = {
        (note.reply, note.clause): note.text
        for _, note in reading.notes
        if isinstance(note, notes.ClauseComposed)
    }
    sent = [
        (index, note)
        for index, note in reading.notes
        if isinstance(note, notes.ClauseSent) and note.clause >= 0
    ]
    for index, line in reading.events:
        event = line.event
        if not (isinstance(event, events.VoiceFailed) and reading.taken(line, "change_voice")):
            continue
        of_reply = [(place, note) for place, note in sent if note.reply == event.reply]
        last = max((note.clause for place, note in of_reply if place < index), default=-1)
        first = next((note for place, note in of_reply if place > index), None)
        if first is None:
            continue
        said = composed.get((event.reply, first.clause - 1), "")
        if first.clause > last + 1:
            yield Violation("L1", first.at_ms, "the voice that takes over leaves a clause out")
        elif said and not said.endswith(SENTENCE_ENDS):
            yield Violation("L1", first.at_ms, f"the voice changes in mid-sentence, after {said!r}")


def _overtaken(reading: Reading) -> Iterator[Violation]:
    """What a voice had ahead of a clause when it failed is not sent before the next says that
    clause; clauses before it are."""
    frames = [one for one in reading.trace.crossed if one.kind == "media"]
    sent = [(index, note) for index, note in reading.notes if isinstance(note, notes.ClauseSent)]
    for index, line in reading.events:
        event = line.event
        if not (isinstance(event, events.VoiceFailed) and reading.taken(line, "change_voice")):
            continue
        of_reply = [(place, note) for place, note in sent if note.reply == event.reply]
        before = [note.clause for place, note in of_reply if place < index]
        goes_on = next((note for place, note in of_reply if place > index), None)
        if goes_on is None or goes_on.clause > max(before, default=-1):
            continue
        late = [one for one in frames if event.at_ms < one.at_ms < goes_on.at_ms]
        if late:
            yield Violation("L1", late[0].at_ms, "a voice that failed is still heard")


def _minds(reading: Reading) -> Iterator[Violation]:
    hedged = {
        note.reply: note.at_ms
        for _, note in reading.notes
        if isinstance(note, notes.ReplyRequested) and note.hedge
    }
    known = _known(reading) if hedged else set()
    for reply, at_ms in hedged.items():
        clauses = [
            _words(note.text)
            for _, note in reading.notes
            if isinstance(note, notes.ClauseComposed) and note.reply == reply
        ]
        # What is owed of the reply before may be said besides.
        said = [" ".join(clauses)] if not any(TAG.search(text) for text in known) else clauses
        for words in said:
            if not any(words in _words(text) for text in known):
                yield Violation("L1", at_ms, f"no language model has said {words!r}")


def _known(reading: Reading) -> set[str]:
    """All that the language models may say in a reply: the words before a tool are of one, those
    after it perhaps of another."""
    scenario = reading.trace.scenario
    answers = [*scenario.answers, *(scenario.spare.answers or ()), Answer()]
    first, second = ({one.before for one in answers}, {one.says for one in answers})
    return {f"{before} {says}" for before in {"", *first} for says in {"", *second}}


def _words(text: str) -> str:
    return " ".join(normalized(TAG.sub(" ", text)))
