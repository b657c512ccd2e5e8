"""What the agent owes: words that have to be said, an answer to the words of the turn, an apology,
the end that was asked for. Parts of the laws L3, L5 and L7."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from effects.spoken import spoken
from engine import journal
from engine.simulation.laws.reading import Reading, Violation, event_of, is_committed
from engine.simulation.laws.utterances import Utterance
from engine.simulation.scenario import Answer
from states import events, mulaw, notes
from states.words import normalized

MARKED = re.compile(r"<must>(.*?)(?:</must>|$)", re.DOTALL)


# --- L3: what must be said ------------------------------------------------------------------


@dataclass(slots=True)
class Owed:
    """What must be said and was interrupted: surely, and perhaps (it ended as it was cut)."""

    surely: list[str] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)


def must_be_said(reading: Reading) -> Iterator[Violation]:
    """What must be said and was interrupted is in the next composed reply that is heard to its
    end; what was heard whole is said again only by the language model itself."""
    answers = _answers(reading)
    marked = [text for answer in answers for text in MARKED.findall(answer.says)]
    if not marked:
        return
    played_out = {e.event.reply for _, e in reading.events if isinstance(e.event, events.PlayedOut)}
    owed = Owed()
    for utterance in reading.utterances:
        if not utterance.composed:
            continue
        reply, at_ms, said = (
            utterance.reply,
            utterance.pieces[-1].at_ms,
            " ".join(utterance.whole_texts),
        )
        own = _says_itself(reading, reply)
        for text in _that_must(utterance.whole_texts, marked):
            if said.count(text) > max(1, *(one.count(text) for one in own), 0):
                yield Violation("L3", at_ms, f"{text!r} is said twice in one reply")
            elif not any(text in one for one in (*own, *owed.perhaps)):
                yield Violation("L3", at_ms, f"{text!r} had been heard, and is said again")
        if _broke(reading, reply):
            owed = Owed([], [*owed.perhaps, *_that_must(_composed(reading, reply), marked)])
        elif reply in played_out:
            for text in owed.surely:
                if text not in said:
                    yield Violation("L3", at_ms, f"{text!r} had to be said, and was not")
            owed = Owed()
        else:
            _interrupted(reading, utterance, marked, owed)


def _answers(reading: Reading) -> list[Answer]:
    """What the language models know to say."""
    scenario = reading.trace.scenario
    return [*scenario.answers, *(scenario.spare.answers or ())]


def _interrupted(reading: Reading, utterance: Utterance, marked: Sequence[str], owed: Owed) -> None:
    slack = round((reading.round_trip_ms + 2 * utterance.letter_ms) * mulaw.BYTES_PER_MS)
    for text in _that_must(_composed(reading, utterance.reply), marked):
        ends = _end_of(utterance, text)
        if ends is None or utterance.reached() + slack < ends:
            owed.surely.append(text)
        if ends is None or utterance.reached() - slack < ends:
            owed.perhaps.append(text)


def _end_of(utterance: Utterance, text: str) -> int | None:
    """Where a clause ends in the sound of a reply; None if it was not begun."""
    at = 0
    for number, clause in enumerate(utterance.texts):
        whole = len(spoken(clause)) * utterance.letter_ms * mulaw.BYTES_PER_MS
        at += utterance.cuts.get(number, whole)
        if clause == text and number not in utterance.cuts:
            return at
    return None


def _that_must(clauses: Sequence[str], marked: Sequence[str]) -> list[str]:
    found = (clause for clause in clauses if any(clause in text for text in marked))
    return list(dict.fromkeys(found))


def _composed(reading: Reading, reply: int) -> list[str]:
    """The clauses of a reply that were composed before it was given up."""
    begun = next(
        (
            index
            for index, line in reading.events
            if isinstance(line.event, events.AudioStarted) and line.event.reply == reply
        ),
        0,
    )
    given_up = (index for index, _, _ in reading.raised("abandoned", "say") if index > begun)
    over = next(given_up, len(reading.trace.lines))
    return [
        note.text
        for index, note in reading.notes
        if isinstance(note, notes.ClauseComposed) and note.reply == reply and index < over
    ]


def _broke(reading: Reading, reply: int) -> bool:
    return any(
        isinstance(line.event, events.ReplyFailed | events.VoiceFailed)
        and line.event.reply == reply
        for _, line in reading.events
    )


def _says_itself(reading: Reading, reply: int) -> list[str]:
    """What the language model may say in a reply by itself."""
    asked = " ".join(normalized(_asked(reading).get(reply, "")))
    return [
        MARKED.sub(r"\1", answer.says)
        for answer in _answers(reading)
        if " ".join(normalized(answer.to)) in asked
    ]


def _asked(reading: Reading) -> dict[int, str]:
    """What the caller said last, as the language model was told, by reply."""
    requests = [note for _, note in reading.notes if isinstance(note, notes.ReplyRequested)]
    asked: dict[int, str] = {}
    for request, (_, prompt) in zip(requests, reading.trace.prompts, strict=False):
        texts = [message.text for message in prompt.messages if message.role == "caller"]
        asked.setdefault(request.reply, texts[-1] if texts else "")
    return asked


# --- L5: an answer to the words of the turn -------------------------------------------------


def answers_the_turn(reading: Reading) -> Iterator[Violation]:
    """The reply that is heard was asked for with the words of the turn that was taken up, which
    are final if that is why it was."""
    asked = _asked(reading)
    final: set[int] = set()
    latest: events.Transcript | None = None
    words: str | None = None
    for _, line in reading.events:
        event = line.event
        if isinstance(event, events.Transcript) and normalized(event.text):
            final |= {event.segment} if event.final else set()
            latest = event if event.echo < reading.settings.echo_words else latest
        if any(raised == "committed" for _, raised in line.took):
            words = line.words
            unsure = latest is not None and latest.segment not in final
            if line.endpoint == "semantic" and latest and unsure and words.endswith(latest.text):
                says = f"{words!r} is taken for final, and speech-to-text was not done"
                yield Violation("L5", event.at_ms, says)
        if isinstance(event, events.AudioStarted) and words is not None and event.reply in asked:
            if normalized(asked[event.reply]) != normalized(words):
                says = f"{words!r} is answered as if it were {asked[event.reply]!r}"
                yield Violation("L5", event.at_ms, says)
            words = None


def taken_up_once(reading: Reading, turns: Sequence[str]) -> Iterator[Violation]:
    """No word is in more turns than it was said."""
    most: dict[int, Counter[str]] = {}
    for _, event in reading.transcripts():
        most[event.segment] = most.get(event.segment, Counter()) | Counter(normalized(event.text))
    said = sum(most.values(), Counter[str]())
    if any(isinstance(line.event, events.SttFailed) for _, line in reading.events):
        said = _really_said(reading, said)  # what is heard again was said once
    taken = Counter(word for words in turns for word in normalized(words))
    again = [word for word, times in taken.items() if word.isalpha() and times > said[word]]
    if again:
        says = f"{again[0]!r} was said {said[again[0]]} times, and taken up {taken[again[0]]} times"
        yield Violation("L5", reading.ended_ms, says)


def _really_said(reading: Reading, understood: Counter[str]) -> Counter[str]:
    """What the caller said, as far as speech-to-text has understood it; the agent's own voice that
    came back was understood only."""
    scenario = reading.trace.scenario
    if scenario.wire.echo:
        return understood
    texts = [one.what for one in scenario.injections if one.does == "say"]
    said = Counter(word for text in texts for word in normalized(text))
    for act in scenario.caller:
        said += Counter(normalized(act.say)) | Counter(normalized(act.final))
    return Counter({word: min(times, said[word]) for word, times in understood.items()})


# --- L5: what a reply leads to --------------------------------------------------------------


def keeps_its_word(reading: Reading) -> Iterator[Violation]:
    """The end of the call, or of the agent's part in it, follows the reply that asked for it, or
    the line in its place; an apology or a goodbye follows one that failed."""
    asked, audible, failed = False, 0, 0
    for index, line in reading.events:
        event, raised = line.event, {name for _, name in line.took}
        if isinstance(event, events.EndAsked | events.TransferAsked):
            asked = True
        elif "abandoned" in raised or isinstance(event, events.TransferFailed):
            asked = False
        if isinstance(event, events.AudioStarted):
            audible = event.reply
        if isinstance(event, events.VoiceFailed) or (
            isinstance(event, events.ReplyFailed) and is_committed(reading, event.reply, index)
        ):
            failed = 0 if _taken_over(reading, line, index) else event.reply
        leaves = reading.has_ended(line) or reading.runs("transfer", line.states)
        if raised & {"say", "abandoned"} or leaves:
            failed = 0
        is_over = isinstance(event, events.PlayedOut)
        if failed and (failed != audible or is_over):
            yield Violation("L5", event.at_ms, f"reply {failed} failed, and the caller is not told")
            failed = 0
        if is_over and asked and not leaves:
            yield Violation("L5", event.at_ms, "the agent asked for the end, and the call goes on")


def _taken_over(reading: Reading, line: journal.Event, index: int) -> bool:
    """Whether the provider that can take over is the next that is asked after the failure, if
    anybody is: the call may be over before that."""
    event = event_of(line)
    assert isinstance(event, events.VoiceFailed | events.ReplyFailed)
    is_voice = isinstance(event, events.VoiceFailed)
    asked = notes.VoiceRequested if is_voice else notes.ReplyRequested
    ways = ("change_voice",) if is_voice else ("change_mind", "keep_waiting")
    changed = any(reading.taken(line, action) for action in ways)
    after = (note for later, note in reading.notes if later > index and isinstance(note, asked))
    next_asked = next(after, None)
    return changed and (next_asked is None or next_asked.provider == event.instead)


# --- L7: given up for a reason --------------------------------------------------------------


def given_up_for_nothing(reading: Reading) -> Iterator[Violation]:
    """A reply that can be heard is given up only for words, a key, or speech that lasts."""
    reasons = (events.Transcript, events.Dtmf, events.FloorTaken, events.ProtectionOver)
    audible = False
    for _, line in reading.events:
        event = line.event
        given_up = any(raised == "abandoned" for _, raised in line.took)
        if given_up and audible and not isinstance(event, reasons):
            yield Violation("L7", event.at_ms, f"{event.name} cost the rest of the reply")
        if isinstance(event, events.AudioStarted):
            audible = True
        elif line.took and (given_up or isinstance(event, events.PlayedOut) or _says(line)):
            audible = False


def _says(line: journal.Event) -> bool:
    return any(raised == "say" for _, raised in line.took)
