"""Transcribe: turn what the ears pass on into words."""

from __future__ import annotations

from effects.echo import REACH_MS, echoes
from effects.ports import Heard, ProviderError
from effects.stage import Emit, Stage
from states.events import SttFailed, Transcript


async def transcribe(stage: Stage, emit: Emit) -> None:
    """Run one speech-to-text session until it fails or is cancelled.

    Segments are numbered on from those of the session before, so that words of a session that
    broke are never taken for words of the next.
    """
    recogniser = stage.ports.speech_to_text
    first = stage.ears.next_segment

    def heard(words: Heard) -> None:
        segment = first + words.segment
        stage.ears.next_segment = max(stage.ears.next_segment, segment + 1)
        # What the agent has said since the speech began: who repeats it later means it.
        spoken = stage.playout.spoken_since(stage.ears.onset_ms - REACH_MS)
        emit(
            Transcript(
                at_ms=stage.now_ms(),
                segment=segment,
                text=words.text,
                final=words.final,
                through_ms=words.through_ms,
                endpoint=words.endpoint,
                echo=round(echoes(words.text, spoken), 2),
            )
        )

    reason, retryable = "speech-to-text ended by itself", True
    try:
        with stage.ears.listen(gated=recogniser.gated) as sound:
            await recogniser.transcribe(sound, heard)
    except ProviderError as error:
        reason, retryable = str(error), error.retryable
    emit(SttFailed(at_ms=stage.now_ms(), reason=reason, retryable=retryable))
