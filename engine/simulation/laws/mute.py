"""A caller whom speech-to-text does not hear any more. A part of the law L5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine import journal
from engine.simulation.laws.reading import Reading, Violation
from engine.simulation.laws.utterances import EVER_MS
from states import events, notes

SLACK_MS = 1.0


@dataclass(slots=True)
class _Wait:
    """What a session of speech-to-text has not said anything of: so much sound, and since when the
    caller speaks; by ``due_ms`` it has to, or is given up."""

    sound_ms: float = 0.0
    since_ms: float | None = None
    due_ms: float = EVER_MS


def left_with_the_mute(reading: Reading) -> Iterator[Violation]:
    """Speech-to-text that says nothing of ``missed_ms`` of sound is given up in time; one that does
    not stop when it is told to is given that much longer."""
    settings, scenario = reading.settings, reading.trace.scenario
    scripts = [one for one in (scenario.recognition, scenario.spare.recognition) if one]
    lingers_ms = max(1000 * one.ignores_cancel for one in scripts)
    given_ms = max(settings.first_words_ms, settings.recogniser_switch_ms)
    wait_ms = given_ms + lingers_ms + SLACK_MS
    listens, speaking = False, False
    wait = _Wait()
    for line in reading.trace.lines:
        at_ms = _at_ms(line)
        if min(at_ms, reading.ended_ms) > wait.due_ms:
            says = f"speech-to-text says nothing of {wait.sound_ms:.0f} ms of speech, and is kept"
            yield Violation("L5", wait.due_ms, says)
            return
        match line:
            case journal.Note(note=notes.RecogniserStarted()):
                listens, wait = True, _Wait(since_ms=at_ms if speaking else None)
            case journal.Event(event=events.SttFailed()):
                listens, wait = False, _Wait()
            case journal.Event(event=events.Transcript()) | journal.Note(note=notes.EventDropped()):
                wait = _Wait()
            case journal.Event(event=events.SpeechStarted()):
                speaking, wait.since_ms = True, at_ms
            case journal.Event(event=events.SpeechEnded(voice_at_ms=voice_at_ms)):
                speaking = False
                if listens and wait.since_ms is not None:
                    wait.sound_ms += max(0.0, voice_at_ms - wait.since_ms)
                    if wait.sound_ms >= settings.missed_ms:
                        wait.due_ms = min(wait.due_ms, at_ms + wait_ms)
                wait.since_ms = None
            case _:
                pass


def _at_ms(line: journal.AnyLine) -> float:
    match line:
        case journal.Head():
            return 0.0
        case journal.Event():
            return line.event.at_ms
        case journal.Note():
            return line.note.at_ms
        case _:
            return line.at_ms
