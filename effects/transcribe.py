"""Transcribe: turn what the ears pass on into words."""

from __future__ import annotations

from itertools import pairwise

from effects.echo import REACH_MS
from effects.ports import Heard, ProviderError
from effects.stage import Emit, Stage
from states import notes
from states.events import SttFailed, Transcript
from states.words import echoes, normalized


async def transcribe(stage: Stage, emit: Emit) -> None:
    """Run one speech-to-text session until it fails or is cancelled.

    Segments are numbered on from those of the session before, so that words of a session that
    broke are never taken for words of the next, but for those that it hears again. A partial that
    comes too late is dropped, and counted.
    """
    choice = stage.ports.speech_to_text
    recogniser = choice.pick(stage.call.recogniser)
    first = _first_segment(stage)
    known: dict[int, Heard] = {}

    def heard(words: Heard) -> None:
        if _is_outdated(words, known.get(words.segment)):
            stage.note(
                notes.EventDropped(at_ms=stage.now_ms(), event="transcript", effect="transcribe")
            )
            return
        if not known:
            choice.succeeded(recogniser.name)
        known[words.segment] = words
        if words.final:
            stage.ears.understood_ms = max(stage.ears.understood_ms, words.through_ms)
        segment = first + words.segment
        stage.ears.next_segment = max(stage.ears.next_segment, segment + 1)
        # What the agent has said since the speech began: who repeats it later means it. Words that
        # end when no echo can be on the line any more are not one, however soon they began.
        since_ms = min(stage.ears.onset_ms, words.through_ms - REACH_MS)
        spoken = stage.playout.spoken_since(since_ms)
        emit(
            Transcript(
                at_ms=stage.now_ms(),
                segment=segment,
                text=words.text,
                final=words.final,
                through_ms=words.through_ms,
                endpoint=words.endpoint,
                eager=words.eager,
                echo=_echo(words, spoken),
            )
        )

    if not (stage.call.turn.voiced_ms or stage.ears.speaking):
        stage.ears.understood_ms = stage.now_ms()  # what was missed was asked for again
    stage.note(notes.RecogniserStarted(at_ms=stage.now_ms(), provider=recogniser.name))
    reason, retryable = "speech-to-text ended by itself", True
    try:
        with choice.watched(recogniser.name), stage.ears.listen(gated=recogniser.gated) as sound:
            await recogniser.transcribe(sound, heard)
    except ProviderError as error:
        reason, retryable = str(error), error.retryable
    instead = choice.instead_of(recogniser.name)
    emit(SttFailed(at_ms=stage.now_ms(), reason=reason, retryable=retryable, instead=instead))


def _first_segment(stage: Stage) -> int:
    """The number of a session's first segment. A session that comes after one that failed hears
    the speech again that was not understood to its end: what had been made of it is replaced."""
    turn, ears = stage.call.turn, stage.ears
    unfinished = [segment for segment in turn.segments if segment not in turn.finals]
    if unfinished and ears.covers_what_is_not_understood():
        return min(unfinished)
    return ears.next_segment


def _is_outdated(words: Heard, known: Heard | None) -> bool:
    """Whether a partial transcript comes after its final one, or after one that reaches further:
    on the network they may overtake each other."""
    if known is None or words.final:
        return False
    return known.final or words.through_ms < known.through_ms


def _echo(words: Heard, spoken: str) -> float:
    """The share of the words that the agent has just said. Two words prove nothing, but when they
    are its own and more may follow, it is worth waiting for what follows."""
    share = echoes(words.text, spoken)
    said, agent = normalized(words.text), normalized(spoken)
    if not words.final and len(said) == 2 and said in pairwise(agent):
        share = 1.0
    return round(share, 2)
