"""Transcribe: turn what the ears pass on into words."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import trio
from msgspec.structs import replace

from effects.echo import REACH_MS
from effects.ports import Heard, Offset, Onset, ProviderError, ProviderLost, ProviderTimeout
from effects.stage import Emit, Stage
from states import notes
from states.events import SttFailed, Transcript
from states.words import echoes, normalized


async def transcribe(stage: Stage, emit: Emit) -> None:
    """Run one speech-to-text session until it fails or is cancelled.

    Segments are numbered on from those of the session before, so that words of a session that
    broke are never taken for words of the next, but for those that it hears again. A partial that
    comes too late is dropped, and counted. A recogniser that says nothing of what it was given is
    given up, after ``recogniser_switch_ms`` where another can take over.
    """
    choice = stage.ports.speech_to_text
    recogniser = choice.pick(stage.call.recogniser)
    patience = _Patience(stage, recogniser.name)
    session = _Session(stage, emit, patience)
    stage.note(notes.RecogniserStarted(at_ms=stage.now_ms(), provider=recogniser.name))
    try:
        with (
            choice.watched(recogniser.name),
            stage.ears.listen(gated=recogniser.gated, edge=patience.edge) as sound,
        ):
            with patience.scope:
                await recogniser.transcribe(sound, session.heard)
            patience.check()
            raise ProviderLost("speech-to-text ended by itself")
    except ProviderError as error:
        failure = error
    except trio.Cancelled:
        if session.has_words:  # the call is over: all was well
            choice.succeeded(recogniser.name)
        raise
    emit(
        SttFailed(
            at_ms=stage.now_ms(),
            reason=str(failure),
            retryable=failure.retryable,
            instead=choice.instead_of(recogniser.name, took_over=bool(stage.call.recogniser)),
        )
    )


class _Patience:
    """Cancels ``scope`` when a session is mute: when it has said nothing, not even that there was
    nothing to understand, since speech began that is over for so long.

    Sound shorter than ``missed_ms`` may be a cough, but adds up. Words that came while the caller
    spoke are enough: a recogniser may know before us that they are done, and then say no more.
    """

    def __init__(self, stage: Stage, name: str) -> None:
        self._settings, self._choice = stage.call.settings, stage.ports.speech_to_text
        self._name, self._took_over = name, bool(stage.call.recogniser)
        self._limit_ms = 0
        self._onset_ms = 0.0
        self._answered = True
        """Something was said since the last onset."""
        self._unanswered_ms = 0.0
        """The sound of which nothing was said."""
        self.scope = trio.CancelScope()

    def edge(self, edge: Onset | Offset) -> None:
        """The recogniser is told that the caller begins or stops."""
        if isinstance(edge, Onset):
            self._onset_ms, self._answered = edge.at_ms, False
            return
        if self._answered:
            return
        self._unanswered_ms += edge.at_ms - self._onset_ms
        if self._unanswered_ms >= self._settings.missed_ms and self.scope.deadline == inf:
            others = self._choice.instead_of(self._name, took_over=self._took_over)
            settings = self._settings
            self._limit_ms = settings.recogniser_switch_ms if others else settings.first_words_ms
            self.scope.deadline = trio.current_time() + self._limit_ms / 1000

    def answered(self) -> bool:
        """The recogniser says something; returns whether it is not given up yet."""
        self._answered, self._unanswered_ms = True, 0.0
        if self.scope.cancel_called:
            return False
        self.scope.deadline = inf
        return True

    def check(self) -> None:
        """Raises :class:`ProviderTimeout` if it was given up."""
        if self.scope.cancelled_caught:
            raise ProviderTimeout(f"speech-to-text was silent for {self._limit_ms} ms")


class _Session:
    """Numbers what one session says.

    A session that comes after one that failed hears the speech again that was not understood to
    its end. What had been made of it is replaced when the session has come as far as that:
    ``_behind_ms`` is where, ``_again`` are the segments.
    """

    def __init__(self, stage: Stage, emit: Emit, patience: _Patience) -> None:
        self._stage, self._emit, self._patience = stage, emit, patience
        self._known: dict[int, Heard] = {}
        self._again: set[int] = set()
        self._behind_ms = 0.0
        call, ears = stage.call, stage.ears
        since_ms = call.turn.voiced_since_ms
        if since_ms is None:
            since_ms = call.speaking_since_ms
        # What was said before that was answered, dismissed, or asked for again.
        over_ms = call.settings.offset_ms
        ears.forget(stage.now_ms() if since_ms is None else since_ms - over_ms)
        unfinished = {n: one for n, one in ears.unfinished.items() if call.is_open(n)}
        ears.unfinished = dict(unfinished)  # the session after this one may have to know, too
        self._first = ears.next_segment
        if unfinished and ears.can_repeat:
            self._first, self._again = min(unfinished), set(unfinished)
            self._behind_ms = ears.reached_ms
        elif unfinished:  # it stays as it was understood, and what came after it is heard again
            ears.understood_ms = max(ears.understood_ms, ears.worded_ms)
            for one in unfinished.values():
                through_ms = min(one.through_ms, ears.understood_ms)
                self._put(
                    replace(one, final=True, through_ms=through_ms, endpoint=False, eager=False)
                )

    @property
    def has_words(self) -> bool:
        """Whether it has said anything."""
        return bool(self._known)

    def heard(self, words: Heard) -> None:
        """The session says something."""
        stage, ears = self._stage, self._stage.ears
        if not self._patience.answered():
            return
        if self._is_outdated(words):
            stage.note(
                notes.EventDropped(at_ms=stage.now_ms(), event="transcript", effect="transcribe")
            )
            return
        self._known[words.segment] = words
        segment = self._first + words.segment
        # What the agent has said since the speech began: who repeats it later means it. Words that
        # end when no echo can be on the line any more are not one, however soon they began.
        since_ms = min(ears.onset_ms, words.through_ms - REACH_MS)
        spoken = stage.playout.spoken_since(since_ms)
        self._put(
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
        self._again.discard(segment)
        if self._again and words.through_ms >= self._behind_ms:
            self._withdraw(words.segment)

    def _put(self, transcript: Transcript) -> None:
        ears = self._stage.ears
        ears.next_segment = max(ears.next_segment, transcript.segment + 1)
        ears.reached_ms = max(ears.reached_ms, transcript.through_ms)
        before = ears.unfinished.get(transcript.segment)
        if before is None or before.text != transcript.text:
            ears.worded_ms = transcript.through_ms
        if transcript.final:
            ears.understood_ms = max(ears.understood_ms, transcript.through_ms)
            ears.unfinished.pop(transcript.segment, None)
        else:
            ears.unfinished[transcript.segment] = transcript
        self._emit(replace(transcript, at_ms=self._stage.now_ms()))

    def _withdraw(self, segment: int) -> None:
        """All was heard again, and there are fewer segments of it now."""
        for number in sorted(self._again):
            self._put(
                Transcript(
                    at_ms=self._stage.now_ms(),
                    segment=number,
                    text="",
                    final=True,
                    through_ms=self._behind_ms,
                )
            )
        self._again.clear()
        self._first = self._stage.ears.next_segment - segment - 1

    def _is_outdated(self, words: Heard) -> bool:
        """Whether a partial transcript comes after its final one, or after one that reaches
        further, of this session (on the network they may overtake each other) or the one before."""
        if words.final:
            return False
        known = self._known.get(words.segment)
        overtaken = known is not None and (known.final or words.through_ms < known.through_ms)
        return overtaken or words.through_ms < self._behind_ms


def _echo(words: Heard, spoken: str) -> float:
    """The share of the words that the agent has just said. Two words prove nothing, but when they
    are its own and more may follow, it is worth waiting for what follows."""
    share = echoes(words.text, spoken)
    said, agent = normalized(words.text), normalized(spoken)
    if not words.final and len(said) == 2 and said in pairwise(agent):
        share = 1.0
    return round(share, 2)
