"""Words of the caller that led to nothing. A part of the law L5."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from engine.simulation.laws.reading import Reading, Violation
from engine.simulation.laws.utterances import EVER_MS
from states import events
from states.words import is_backchannel, is_courtesy, normalized

Said = list[tuple[int, tuple[str, ...]]]
"""What speech-to-text made of a segment, one after the other: the journal's line, and the words."""

Written = dict[int, tuple[str, ...]]
"""The words of the history's line of a turn, by the turn's index."""


@dataclass(slots=True)
class Turn:
    """A turn of the caller, from its commit. ``fate`` is what became of it first."""

    index: int
    at_ms: float
    words: str
    fate: str = "open"
    fate_ms: float = 0.0


def words_lost(reading: Reading, turns: Sequence[Turn]) -> Iterator[Violation]:
    """Each word of a final transcript was taken up, or did not have to be."""
    limit_ms = _taking_up_ms(reading)
    heard: dict[int, Said] = {}
    first_ms: dict[int, float] = {}
    written = _written(reading, turns)
    cut = {turn.index for turn in turns if _speaks(reading, turn.index)}
    machine_ms = min(reading.taken_at("note_machine"), default=EVER_MS)
    for index, event in reading.transcripts():
        if event.at_ms >= machine_ms:
            return
        since_ms = first_ms.setdefault(event.segment, event.at_ms)
        said = heard.setdefault(event.segment, [])
        said.append((index, normalized(event.text)))
        if not (event.final and normalized(event.text)):
            continue
        since = [turn for turn in turns if turn.at_ms >= since_ms]
        left = _left_over(event, said, since, cut, written)
        nodded = is_backchannel(left) and (
            _over_agent(reading, since_ms, event.at_ms) or _on_hold(reading, event.at_ms)
        )
        nodded |= event.echo >= reading.settings.echo_words
        nodded |= is_courtesy(left) and _takes_leave(reading, since_ms, event.at_ms)
        left_ms = reading.ended_ms - reading.last_sound_ms(event.at_ms)
        if left and not nodded and left_ms > limit_ms:
            yield Violation("L5", event.at_ms, f"{left!r} was said, and led to nothing")


def _written(reading: Reading, turns: Sequence[Turn]) -> Written:
    """The history's line of each turn that was not taken back, by the turn's index."""
    end = reading.trace.end
    lines = [normalized(line.text) for line in end.history if line.role == "caller"] if end else []
    kept = [turn.index for turn in turns if turn.fate != "retracted"]
    return dict(zip(kept, lines, strict=True)) if len(kept) == len(lines) else {}


def _speaks(reading: Reading, before: int) -> bool:
    """Whether voice activity was on when the journal had so many lines."""
    edges = [
        line.event
        for index, line in reading.events
        if index < before and isinstance(line.event, events.SpeechStarted | events.SpeechEnded)
    ]
    return bool(edges) and isinstance(edges[-1], events.SpeechStarted)


def _left_over(
    final: events.Transcript,
    said: Said,
    turns: Sequence[Turn],
    cut: Collection[int],
    written: Written,
) -> str:
    """Which of the words of a final transcript are in no turn.

    A turn that was committed when all of this had been said may have understood it late: then it
    is in the history. One that was committed while the caller spoke on (``cut``) has as many of
    the words as speech-to-text had ``said`` by then; the rest is for the turns after it.
    """
    words, place = normalized(final.text), 0
    for turn in turns:
        left, had = words[place:], normalized(turn.words)
        was_said = turn.at_ms >= final.through_ms
        if _contains(had, left) or (was_said and _contains(written.get(turn.index, ()), left)):
            return ""
        if turn.index in cut and turn.fate != "retracted":
            known = [one for index, one in said if index <= turn.index]
            place = next(
                (len(one) for one in reversed(known) if _contains(had, one[place:])), place
            )
    return " ".join(words[place:])


def _contains(longer: Sequence[str], shorter: Sequence[str]) -> bool:
    """Whether all words of one text are in another, in order."""
    rest = iter(longer)
    return all(word in rest for word in shorter)


def _taking_up_ms(reading: Reading) -> float:
    """How long after the last sound a turn is taken up at the latest; slack: one second."""
    settings = reading.settings
    pause_ms = max(settings.silence_ms, settings.silence_most_ms) + settings.stt_overdue_ms
    noticed_ms = settings.offset_ms + settings.frames_lost_ms + reading.tolerance_ms
    others_ms = settings.greeting_protected_ms + settings.floor_ms + settings.false_alarm_ms
    return pause_ms + noticed_ms + others_ms + settings.digit_ms + 1000


def _on_hold(reading: Reading, at_ms: float) -> bool:
    """Whether the agent had been asked to wait by then."""
    return any(
        reading.runs("hold_timer", line.states) and line.event.at_ms <= at_ms
        for _, line in reading.events
    )


def _takes_leave(reading: Reading, since_ms: float, until_ms: float) -> bool:
    """Whether this was said over an agent that had decided to end the call, to pass it on, or to
    wait."""
    decided = any(
        isinstance(line.event, events.EndAsked | events.TransferAsked)
        or reading.taken(line, "grant_hold")
        for _, line in reading.events
        if line.event.at_ms <= until_ms
    )
    return decided and _over_agent(reading, since_ms, until_ms)


def _over_agent(reading: Reading, since_ms: float, until_ms: float) -> bool:
    """Whether the agent could be heard while this was said, was waiting for the rest of its reply,
    or had just been heard: a carrier that loses marks leaves it open for ``mark_grace_ms`` whether
    the agent is done."""
    spoken_ms = max(
        (voice.from_ms for voice in reading.voices if voice.from_ms <= since_ms), default=since_ms
    )
    lost_marks = reading.trace.scenario.wire.loses_marks
    open_ms = reading.settings.mark_grace_ms if lost_marks else 0
    heard = reading.trace.agent_speaks(spoken_ms - open_ms, until_ms) > 0
    return heard or _in_mid_reply(reading, spoken_ms)


def _in_mid_reply(reading: Reading, at_ms: float) -> bool:
    begun = False
    for _, line in reading.events:
        if line.event.at_ms > at_ms:
            break
        if isinstance(line.event, events.AudioStarted):
            begun = True
        elif isinstance(line.event, events.PlayedOut) or any(
            raised in ("abandoned", "say") for _, raised in line.took
        ):
            begun = False
    return begun
