"""Endpointing over recorded audio: what each layer makes of a caller's pauses, without a call.

The audio is played through the ears and the embedded speech-to-text as a call would, but in its
own time: nothing waits, and computing takes none, so the same file always gives the same. First
:func:`listen` finds the stretches of speech and what is known at the end of each; then
:func:`decide` follows the turns through the pauses between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import trio

from adapters.embedded.moonshine import Hypothesis
from adapters.embedded.turn_detector import completeness
from adapters.recognition.local import Model
from adapters.recognition.transcription import Transcription
from effects.ears import Ears
from effects.ports import Frame, Heard, Offset, Onset, Sound, VadStream
from effects.prosody import Ending, ending
from states import mulaw
from states.endpointing import (
    Habits,
    Judgement,
    Reason,
    fragment_pause_ms,
    is_complete,
    pause_ms,
)
from states.settings import Settings

FRAME_MS = 20
FRAME_BYTES = FRAME_MS * mulaw.BYTES_PER_MS
PROSODY_MS = 1000
"""How much of the caller's audio, up to their last sound, tells how it ended."""
REPLY_MS = 500.0
"""A reply is heard about so long after its turn was taken up. A caller who goes on sooner gets
their turn back; later, they interrupt."""

Wait = Callable[[Judgement, Habits], float]
"""How long (ms) a caller must be quiet for the turn to be over."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech between an Onset and an Offset, and what was made of it. In milliseconds of the
    audio: when it began and when the ears said so, its last sound and when they said so."""

    onset_ms: float
    onset_known_ms: float
    voice_ended_ms: float
    offset_known_ms: float
    text: str
    ending: Ending


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause of the caller's, what each layer said of it, and what came of it.

    ``pause_ms`` is how long it lasted (None: the audio ends with it), ``words`` the turn so far.
    ``fragment_pause_ms`` and ``cut_offs`` are what was known of the caller's habits, ``wait_ms``
    the pause that resulted from all. ``over``: the turn was taken up, ``delay_ms`` after the last
    sound, because of ``reason``. ``cut_off``: the same, but the caller went on before a reply
    could be heard. ``went_on``: the caller did. ``no_words``: nothing was understood yet.
    """

    at_ms: float
    pause_ms: float | None
    words: str
    completeness: float
    ending: Ending
    fragment_pause_ms: float
    cut_offs: float
    wait_ms: float
    outcome: Literal["over", "cut_off", "went_on", "no_words"]
    reason: Reason | None = None
    delay_ms: float | None = None


async def listen(
    audio: bytes, vad: VadStream, model: Model[Hypothesis], settings: Settings | None = None
) -> list[Stretch]:
    """The stretches of speech in µ-law audio. Speech that the audio cuts off ends with it: for
    its last pause to be heard it needs a second of silence at its end."""
    settings = settings or Settings()
    ears = Ears(vad, settings)
    sounds: list[Sound] = []
    edges: list[tuple[Onset | Offset, float]] = []
    with ears.listen(gated=True) as receive:
        for at in range(0, len(audio) - FRAME_BYTES + 1, FRAME_BYTES):
            at_ms = at / mulaw.BYTES_PER_MS
            frame = Frame(audio[at : at + FRAME_BYTES], at_ms)
            edges.extend((edge, at_ms + FRAME_MS) for edge in ears.frame(frame))
            sounds.extend(_taken(receive))
        cut_off_ms = mulaw.duration_ms(audio)
        if edge := ears.frames_lost(cut_off_ms):
            edges.append((edge, cut_off_ms))
            sounds.extend(_taken(receive))
    texts = await _transcribe(sounds, model)
    return [
        Stretch(
            onset_ms=onset.at_ms,
            onset_known_ms=onset_known_ms,
            voice_ended_ms=offset.at_ms,
            offset_known_ms=offset_known_ms,
            text=_between(texts, onset_known_ms, offset_known_ms),
            ending=_ending(audio, offset.at_ms),
        )
        for (onset, onset_known_ms), (offset, offset_known_ms) in zip(
            edges[::2], edges[1::2], strict=True
        )
    ]


def _between(texts: Sequence[Heard], from_ms: float, to_ms: float) -> str:
    return " ".join(heard.text for heard in texts if from_ms < heard.through_ms <= to_ms).strip()


def _ending(audio: bytes, voice_ended_ms: float) -> Ending:
    end = round(voice_ended_ms * mulaw.BYTES_PER_MS)
    begin = max(0, end - PROSODY_MS * mulaw.BYTES_PER_MS)
    return ending(mulaw.to_float(audio[begin:end]))


def decide(
    stretches: Sequence[Stretch],
    *,
    asked: str = "",
    habits: Habits | None = None,
    settings: Settings | None = None,
    wait: Wait | None = None,
) -> list[Pause]:
    """What comes of the pause after each stretch. ``asked`` is what the agent asked last.
    ``habits`` are this caller's, and change. ``wait`` is how long to wait instead of
    :func:`states.endpointing.pause_ms`."""
    settings = settings or Settings()
    habits = Habits() if habits is None else habits
    pauses: list[Pause] = []
    words: list[str] = []
    for stretch, after in zip(stretches, [*stretches[1:], None], strict=False):
        words += [stretch.text] if stretch.text else []
        pause = _judge(" ".join(words), stretch, after, asked, habits, settings, wait)
        pauses.append(pause)
        if pause.outcome == "over":
            words = []
            habits.was_heard_out()
        elif pause.outcome == "cut_off":
            habits.was_cut_off()
        if pause.outcome in ("went_on", "cut_off") and pause.pause_ms:
            habits.paused(pause.pause_ms)
    return pauses


def _judge(
    words: str,
    stretch: Stretch,
    after: Stretch | None,
    asked: str,
    habits: Habits,
    settings: Settings,
    wait: Wait | None,
) -> Pause:
    score = completeness(words, asked)
    judgement = Judgement(score, stretch.ending.contour)
    wait_ms = wait(judgement, habits) if wait else pause_ms(judgement, habits, settings)
    # It is not known to be a pause before the ears say so.
    over_ms = max(stretch.voice_ended_ms + wait_ms, stretch.offset_known_ms)
    goes_on_ms = after.onset_known_ms if after else float("inf")
    outcome: Literal["over", "cut_off", "went_on", "no_words"] = "over"
    if not words:
        outcome = "no_words"
    elif goes_on_ms <= over_ms:
        outcome = "went_on"
    elif goes_on_ms <= over_ms + REPLY_MS:
        outcome = "cut_off"
    is_over = outcome in ("over", "cut_off")
    reason: Reason = "semantic" if is_complete(judgement, settings) else "silence"
    return Pause(
        at_ms=stretch.voice_ended_ms,
        pause_ms=after.onset_ms - stretch.voice_ended_ms if after else None,
        words=words,
        completeness=score,
        ending=stretch.ending,
        fragment_pause_ms=fragment_pause_ms(habits, settings),
        cut_offs=habits.cut_off,
        wait_ms=wait_ms,
        outcome=outcome,
        reason=reason if is_over else None,
        delay_ms=over_ms - stretch.voice_ended_ms if is_over else None,
    )


# --- speech-to-text in the audio's own time -------------------------------------------------


class _Inline:
    """A :class:`~adapters.recognition.transcription.Decoder` that decodes at once, and only what is
    final: a pause is judged by final words, and decodes on the way to them would only be drafts."""

    def __init__(self, model: Model[Hypothesis]) -> None:
        self._model = model

    def idle(self) -> bool:
        return False

    async def decode(self, mulaw: bytes, before: Hypothesis | None) -> Hypothesis:
        await trio.lowlevel.checkpoint()
        return self._model.decode(mulaw, before)


async def _transcribe(sounds: Sequence[Sound], model: Model[Hypothesis]) -> list[Heard]:
    """The final texts, in the order of their segments."""
    texts: list[Heard] = []
    send, receive = trio.open_memory_channel[Sound](len(sounds))
    with send:
        for sound in sounds:
            send.send_nowait(sound)
    await Transcription(_Inline(model), texts.append).run(receive)
    return sorted(texts, key=lambda heard: heard.segment)


def _taken(receive: trio.MemoryReceiveChannel[Sound]) -> list[Sound]:
    """What is waiting in the channel: it holds ten seconds and no more."""
    taken: list[Sound] = []
    try:
        while True:
            taken.append(receive.receive_nowait())
    except trio.WouldBlock:
        return taken
