"""The laws of the floor, as far as a journal alone can tell.

In a simulation the laws are judged by what crossed the line (:mod:`engine.simulation.laws`). Of a
call that was really held there is only the journal, which is the engine's own word: it shows that
a law was broken, never that it was kept.

Judged, coarsely where times matter, so that what is reported is real:

    L1   a clause of a reply goes out after a later reply, or after its own was given up
    L2   the caller is heard over the agent for more than twice ``backchannel_ms`` and a second
    L5   a turn is taken up, and nothing becomes of it before the next
    L6   nobody is heard for longer than settings and tools explain
    L7   a reply that is audible is given up for something else than words, a key or lasting speech
    L8   a bug ends the call, or an effect has no end
    L9   a side effect is done twice in a turn, is not settled, or is missing in the history
    L10  the replay of the journal takes other transitions

Not judged, because it takes the sound, the providers, or other calls: L3, L4, L11, L12. That
something was dropped breaks no law; the page shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from engine.chart import Chart
from engine.journal import AnyLine, Effect, End, Event, Head, Note
from engine.replay import replay
from engine.turns import Turns
from states import events, notes
from states.settings import Settings

JUDGED = ("L1", "L2", "L5", "L6", "L7", "L8", "L9", "L10")
_SLACK_MS = 1000.0


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A law that was broken, how, and when (milliseconds of the call)."""

    law: str
    text: str
    at_ms: float


def laws_of(lines: Sequence[AnyLine], chart: Chart | None) -> list[Violation]:
    """All violations that the lines of a call show, by time.

    ``chart`` is the one that the call was held on; without it (another version, or lines are
    missing) L10 is not judged. A replay costs as much as the chart did in the call: not for a
    thread that has calls to serve.
    """
    found = [
        *_one_voice(lines),
        *_yields(lines),
        *_answered(lines),
        *_no_dead_air(lines),
        *_given_up_for_nothing(lines),
        *_clean_exits(lines),
        *_once(lines),
    ]
    difference = replay(lines, chart).difference if chart is not None else None
    if difference is not None:
        found.append(Violation(law="L10", text=str(difference), at_ms=difference.at_ms))
    return sorted(found, key=lambda violation: violation.at_ms)


def _raised(line: Event) -> set[str]:
    return {name for _, name in line.took}


def _one_voice(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    latest, over = 0, 0
    for line in lines:
        if isinstance(line, Event) and _raised(line) & {"abandoned", "say"}:
            over = latest
        if not (isinstance(line, Note) and isinstance(line.note, notes.ClauseSent)):
            continue
        reply, at_ms = line.note.reply, line.note.at_ms
        if reply < latest:
            text = f"a clause of reply {reply} goes out after reply {latest} began"
            yield Violation(law="L1", text=text, at_ms=at_ms)
        elif reply <= over:
            text = f"a clause of reply {reply} goes out after it was given up"
            yield Violation(law="L1", text=text, at_ms=at_ms)
        latest = max(latest, reply)


def _yields(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    """Only where the chart itself says that the agent yields: not in a protected greeting."""
    limit_ms = 2 * _settings(lines).backchannel_ms + _SLACK_MS
    audible, since_ms = False, None
    for line in lines:
        if not isinstance(line, Event):
            continue
        event, at_ms = line.event, line.event.at_ms
        if since_ms is not None and at_ms - since_ms > limit_ms:
            text = f"the caller has been heard over the agent for {at_ms - since_ms:.0f} ms"
            yield Violation(law="L2", text=f"{text}; {limit_ms:.0f} are allowed", at_ms=since_ms)
            since_ms = None
        match event:
            case events.AudioStarted():
                audible = True
            case events.SpeechStarted() if audible and ("agent_yields", True) in line.guards:
                since_ms = at_ms
            case events.SpeechEnded():
                since_ms = None
            case events.OutputHeld() | events.PlayedOut():
                audible, since_ms = isinstance(event, events.OutputHeld), None
        if _raised(line) & {"abandoned", "say"}:
            audible, since_ms = False, None


def _answered(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    for turn in Turns.of(lines).records[:-1]:
        if turn.outcome == "open" and turn.audio_started_ms is None:
            text = f"turn {turn.number} was taken up and never answered"
            yield Violation(law="L5", text=text, at_ms=turn.committed_ms)


def _no_dead_air(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    limit_ms = _silence_limit_ms(_settings(lines), lines)
    marks = {
        (line.note.reply, line.note.clause): line.note.at_ms
        for line in lines
        if isinstance(line, Note) and isinstance(line.note, notes.MarkEchoed)
    }
    heard_until_ms = 0.0
    speaking, tools_ms = False, 0.0
    for line in lines:
        sign_ms = _sign_of_life_ms(line)
        if isinstance(line, Event) and isinstance(line.event, events.ToolSettled):
            tools_ms += _settings(lines).first_token_ms  # what a tool took is in the next line
        if sign_ms is None:
            continue
        silent_ms = sign_ms - heard_until_ms
        if not speaking and silent_ms > limit_ms + tools_ms:
            text = f"{silent_ms:.0f} ms of silence on both sides; {limit_ms:.0f} are allowed"
            yield Violation(law="L6", text=text, at_ms=heard_until_ms)
        heard_until_ms, tools_ms = max(heard_until_ms, sign_ms), 0.0
        if isinstance(line, Event) and isinstance(line.event, events.SpeechStarted):
            speaking = True
        elif isinstance(line, Event) and isinstance(line.event, events.SpeechEnded):
            speaking = False
        elif isinstance(line, Note) and isinstance(line.note, notes.ClauseSent):
            mark_ms = marks.get((line.note.reply, line.note.clause), 0.0)
            heard_until_ms = max(heard_until_ms, mark_ms)


def _sign_of_life_ms(line: AnyLine) -> float | None:
    """When somebody was heard, or the call was over."""
    match line:
        case Note(note=notes.ClauseSent() | notes.MarkEchoed() | notes.ToolStarted() as note):
            return note.at_ms
        case Event(event=events.SpeechEnded(voice_at_ms=at_ms)):
            return at_ms
        case Event(
            event=events.SpeechStarted()
            | events.Dtmf()
            | events.PlayedOut()
            | events.ToolSettled()
            | events.HungUp()
            | events.Transferred() as event
        ):
            return event.at_ms
        case End(at_ms=at_ms):
            return at_ms
    return None


def _silence_limit_ms(settings: Settings, lines: Sequence[AnyLine]) -> float:
    """The longest wait of the chart, then that for the voice of the line said after it."""
    held = any(isinstance(line, Effect) and line.effect == "hold_timer" for line in lines)
    pause_ms = max(settings.silence_ms, settings.silence_most_ms) + settings.stt_overdue_ms
    voice_ms = settings.first_audio_ms * 1.2
    waits_ms = (
        settings.idle_ms + settings.mark_grace_ms + (settings.hold_ms if held else 0),
        pause_ms + settings.offset_ms + settings.frames_lost_ms + settings.reply_ms,
        settings.transfer_ms,
        settings.first_token_ms + settings.mark_grace_ms,
        settings.digit_ms + settings.reply_ms,
        (settings.apology_limit + 1) * voice_ms,
    )
    return max(waits_ms) + voice_ms + _SLACK_MS


def _given_up_for_nothing(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    reasons = (events.Transcript, events.Dtmf, events.FloorTaken, events.ProtectionOver)
    audible = False
    for line in lines:
        if not isinstance(line, Event):
            continue
        event, raised = line.event, _raised(line)
        if "abandoned" in raised and audible and not isinstance(event, reasons):
            text = f"{event.name} cost the rest of a reply"
            yield Violation(law="L7", text=text, at_ms=event.at_ms)
        if isinstance(event, events.AudioStarted):
            audible = True
        elif raised & {"abandoned", "say"} or (line.took and isinstance(event, events.PlayedOut)):
            audible = False


def _clean_exits(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    running: dict[int, Effect] = {}
    for line in lines:
        if isinstance(line, Effect) and line.phase == "started":
            running[line.number] = line
        elif isinstance(line, Effect) and line.phase != "abandoned":
            running.pop(line.number, None)
        elif isinstance(line, End):
            if line.reason not in ("ended", "stopped"):
                text = f"a bug ended the call: {line.reason}"
                yield Violation(law="L8", text=text, at_ms=line.at_ms)
            if len(running) > line.strays:
                names = ", ".join(sorted({effect.effect for effect in running.values()}))
                text = f"no end of {names}, and {line.strays} strays are counted"
                yield Violation(law="L8", text=text, at_ms=line.at_ms)


def _once(lines: Sequence[AnyLine]) -> Iterator[Violation]:
    settled: dict[str, tuple[str, float]] = {}
    done: set[tuple[str, str]] = set()
    for line in lines:
        if isinstance(line, End):
            written = [said.use.call_id for said in line.history if said.use]
            for call_id, (tool, at_ms) in settled.items():
                if written.count(call_id) != 1:
                    text = f"what {tool} did stands {written.count(call_id)} times in the history"
                    yield Violation(law="L9", text=text, at_ms=at_ms)
            yield from _unsettled(lines, {tool for tool, _ in settled.values()}, line.at_ms)
        if not isinstance(line, Event):
            continue
        event = line.event
        if "committed" in _raised(line):
            done.clear()
        if isinstance(event, events.ToolSettled) and event.changes:
            settled[event.call_id] = event.tool, event.at_ms
            intent = event.tool, event.arguments
            if intent in done and event.outcome == "done":
                text = f"{event.tool} was done twice in a turn, with the same arguments"
                yield Violation(law="L9", text=text, at_ms=event.at_ms)
            if event.outcome == "done":
                done.add(intent)


def _unsettled(lines: Sequence[AnyLine], acting: set[str], end_ms: float) -> Iterator[Violation]:
    """Of the tools that are known to have side effects, because one of their runs is settled."""
    for tool in sorted(acting):
        began = sum(
            isinstance(line, Note)
            and isinstance(line.note, notes.ToolStarted)
            and line.note.tool == tool
            for line in lines
        )
        ended = sum(
            isinstance(line, Event)
            and isinstance(line.event, events.ToolSettled)
            and line.event.tool == tool
            for line in lines
        )
        if began > ended:
            text = f"{tool} began {began} times, and {ended} are settled"
            yield Violation(law="L9", text=text, at_ms=end_ms)


def _settings(lines: Sequence[AnyLine]) -> Settings:
    head = next((line for line in lines if isinstance(line, Head)), None)
    return head.settings if head is not None else Settings()
