"""A call as a person reads it: when, who, what; one line a happening."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine import journal
from engine.simulation.laws.reading import reading_of
from engine.simulation.sound import read_back
from engine.simulation.trace import Trace
from states import notes
from states.events import Transcript

QUIET_NOTES = (notes.ClauseSent, notes.MarkEchoed)
"""Seen elsewhere in the timeline already."""


def timeline(trace: Trace) -> str:
    """What happened in a simulated call, in order: the caller, the agent as the caller heard
    it, the line, the chart with the states it went to, and the notes of the effects."""
    rows = sorted(
        [*_caller(trace), *_agent(trace), *_line(trace), *_journal(trace)],
        key=lambda row: (row[0], row[1]),
    )
    return "\n".join(f"{at_ms / 1000:9.3f}  {who:<7} {what}" for at_ms, _, who, what in rows)


Row = tuple[float, int, str, str]
"""When (ms), the order within one moment, who, what."""


def _caller(trace: Trace) -> Iterator[Row]:
    for act in trace.scenario.caller:
        at_ms, lasts = act.at * 1000, f"for {act.during:g} s"
        if act.say:
            yield at_ms, 0, "caller", f"says {act.say!r} {lasts}"
        elif act.sound:
            yield at_ms, 0, "caller", f"makes a sound {lasts}"
        if act.press:
            yield at_ms, 0, "caller", f"presses {act.press}"
        if act.lose:
            yield at_ms, 0, "line", f"loses the caller's frames for {act.lose:g} s"


def _agent(trace: Trace) -> Iterator[Row]:
    for utterance in reading_of(trace).utterances:
        for piece in utterance.pieces:
            if piece.played:
                audio = b"".join(stretch.audio for stretch in piece.played)
                text = read_back(audio, trace.scenario.voice.letter_ms)
                from_ms, to_ms = piece.played[0].from_ms, piece.played[-1].to_ms
                what = f"is heard until {to_ms / 1000:.3f}: {text!r} (reply {utterance.reply})"
                yield from_ms, 1, "agent", what
            else:
                what = f"reply {utterance.reply} is sent and never heard"
                yield piece.at_ms, 1, "agent", what


def _line(trace: Trace) -> Iterator[Row]:
    says = {"clear": "clear", "hang_up": "we hang up", "stop": "the caller has hung up"}
    for crossed in trace.crossed:
        if crossed.kind in says:
            yield crossed.at_ms, 1_000_000 + crossed.after, "line", says[crossed.kind]


def _journal(trace: Trace) -> Iterator[Row]:
    states: tuple[str, ...] = ()
    for index, line in enumerate(trace.lines):
        order = 1_000_000 + index
        match line:
            case journal.Event(event=event):
                what = _event_text(line)
                if line.took and tuple(line.states) != states:
                    what += f"  -> {_inner(trace, line.states)}"
                elif not line.took:
                    what += "  (nothing)"
                states = tuple(line.states)
                yield event.at_ms, order, "chart", what
            case journal.Note(note=note) if not isinstance(note, QUIET_NOTES):
                yield note.at_ms, order, "note", _fields(note)
            case journal.Effect(phase="failed" | "abandoned") as effect:
                what = f"{effect.effect} of '{effect.state}' {effect.phase} {effect.reason}"
                yield effect.at_ms, order, "effect", what
            case journal.End():
                yield line.at_ms, order, "end", f"{line.outcome}: {line.reason}"
                for said in line.history:
                    text = f"{said.text!r}{' (interrupted)' if said.interrupted else ''}"
                    yield line.at_ms, order + 1, "history", f"{said.role}: {text}"


def _event_text(line: journal.Event) -> str:
    event = line.event
    if isinstance(event, Transcript):
        kind = "final" if event.final else "partial"
        return f"transcript {event.text!r} ({kind}, segment {event.segment})"
    return _fields(event)


def _fields(happening: msgspec.Struct) -> str:
    name = str(happening.__struct_config__.tag)
    fields = {
        field: getattr(happening, field)
        for field in happening.__struct_fields__
        if field != "at_ms"
    }
    return " ".join([name, *(f"{field}={value!r}" for field, value in fields.items())])


def _inner(trace: Trace, states: list[str]) -> str:
    """The innermost of the states: the others follow from them."""
    outer = {
        ancestor.id
        for name in states
        if name in trace.chart.states
        for ancestor in trace.chart.states[name].ancestors
    }
    return ", ".join(state for state in states if state not in outer)
