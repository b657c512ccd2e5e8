"""A call as a person reads it: when, who, what; one line a happening."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from engine import journal
from engine.chart import Chart
from engine.simulation.laws.reading import reading_of
from engine.simulation.sound import read_back
from engine.simulation.trace import Trace
from states import notes
from states.events import Transcript

QUIET_NOTES = (notes.ClauseSent, notes.MarkEchoed)
"""Seen elsewhere in the timeline already."""

TELLING_NOTES = (notes.ToolStarted, notes.DraftDropped, notes.FramesDropped, notes.EventDropped)
"""What a short timeline shows of the notes."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a timeline.

    ``at_ms`` is of the call; ``order`` tells apart what happened in one moment. ``who`` is
    caller, agent, line, chart, note, effect, end or history, or ``!`` for what was injected. Of
    the chart there is also ``by``, the effect that put the event there, and the innermost states
    it ``entered`` and is ``in`` now. ``matters`` is false for what a short timeline leaves out.
    """

    at_ms: float
    order: int
    who: str
    what: str
    by: str = ""
    entered: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    matters: bool = True


def timeline(trace: Trace) -> str:
    """What happened in a simulated call, in order: the caller, the agent as the caller heard
    it, the line, the chart with the states it went to, and the notes of the effects."""
    return "\n".join(
        _written(one, f"  -> {', '.join(one.states)}" if one.states else "")
        for one in happenings(trace)
    )


def short_timeline(happened: Iterable[Happening]) -> str:
    """The same, of what matters in it, with the states that were entered."""
    return "\n".join(
        _written(one, f"  -> {', '.join(one.entered)}" if one.entered else "")
        for one in happened
        if one.matters
    )


def _written(one: Happening, states: str) -> str:
    return f"{one.at_ms / 1000:9.3f}  {one.who:<7} {one.what}{states}"


def happenings(trace: Trace) -> list[Happening]:
    """All that happened in a simulated call, in order."""
    return sorted(
        [*_caller(trace), *_injected(trace), *_agent(trace), *_line(trace), *_journal(trace)],
        key=lambda one: (one.at_ms, one.order),
    )


def innermost(chart: Chart, states: Iterable[str]) -> tuple[str, ...]:
    """The innermost of the states: the others follow from them."""
    states = tuple(states)
    outer = {
        ancestor.id
        for name in states
        if name in chart.states
        for ancestor in chart.states[name].ancestors
    }
    return tuple(state for state in states if state not in outer)


def _caller(trace: Trace) -> Iterator[Happening]:
    for act in trace.scenario.caller:
        at_ms, lasts = act.at * 1000, f"for {act.during:g} s"
        matters = at_ms <= trace.closed_ms
        if act.say:
            yield Happening(at_ms, 0, "caller", f"says {act.say!r} {lasts}", matters=matters)
        elif act.sound:
            yield Happening(at_ms, 0, "caller", f"makes a sound {lasts}", matters=matters)
        if act.press:
            yield Happening(at_ms, 0, "caller", f"presses {act.press}", matters=matters)
        if act.lose:
            what = f"loses the caller's frames for {act.lose:g} s"
            yield Happening(at_ms, 0, "line", what, matters=matters)


def _injected(trace: Trace) -> Iterator[Happening]:
    for at_ms, one in trace.injected:
        what = " ".join(filter(None, (one.does, one.what)))
        yield Happening(at_ms, 1, "!", f"{what} (after step {one.step})")


def _agent(trace: Trace) -> Iterator[Happening]:
    for utterance in reading_of(trace).utterances:
        for piece in utterance.pieces:
            if piece.played:
                audio = b"".join(stretch.audio for stretch in piece.played)
                text = read_back(audio, trace.scenario.voice.letter_ms)
                from_ms, to_ms = piece.played[0].from_ms, piece.played[-1].to_ms
                what = f"is heard until {to_ms / 1000:.3f}: {text!r} (reply {utterance.reply})"
                yield Happening(from_ms, 1, "agent", what)
            else:
                what = f"reply {utterance.reply} is sent and never heard"
                yield Happening(piece.at_ms, 1, "agent", what)


def _line(trace: Trace) -> Iterator[Happening]:
    says = {"clear": "clear", "hang_up": "we hang up", "stop": "the caller has hung up"}
    for crossed in trace.crossed:
        if crossed.kind in says:
            order = 1_000_000 + crossed.after
            yield Happening(crossed.at_ms, order, "line", says[crossed.kind])


def _journal(trace: Trace) -> Iterator[Happening]:
    before: tuple[str, ...] = ()
    for index, line in enumerate(trace.lines):
        order = 1_000_000 + index
        match line:
            case journal.Event():
                after = innermost(trace.chart, line.states)
                yield _on_chart(line, before, after, order)
                before = after
            case journal.Note(note=note) if not isinstance(note, QUIET_NOTES):
                matters = isinstance(note, TELLING_NOTES)
                yield Happening(note.at_ms, order, "note", fields_of(note), matters=matters)
            case journal.Effect(phase="failed" | "abandoned") as effect:
                what = f"{effect.effect} of '{effect.state}' {effect.phase} {effect.reason}"
                yield Happening(effect.at_ms, order, "effect", what)
            case journal.End():
                yield Happening(line.at_ms, order, "end", f"{line.outcome}: {line.reason}")
                for said in line.history:
                    text = f"{said.text!r}{' (interrupted)' if said.interrupted else ''}"
                    what = f"{said.role}: {text}"
                    yield Happening(line.at_ms, order + 1, "history", what)


def _on_chart(
    line: journal.Event, before: tuple[str, ...], after: tuple[str, ...], order: int
) -> Happening:
    changed = bool(line.took) and after != before
    what = event_text(line)
    return Happening(
        line.event.at_ms,
        order,
        "chart",
        what if line.took else f"{what}  (nothing)",
        by=line.by,
        entered=tuple(state for state in after if state not in before),
        states=after if changed else (),
        matters=changed,
    )


def event_text(line: journal.Event) -> str:
    """An event with its fields, as people read it."""
    event = line.event
    if isinstance(event, Transcript):
        kind = "final" if event.final else "partial"
        return f"transcript {event.text!r} ({kind}, segment {event.segment})"
    return fields_of(event)


def fields_of(happening: msgspec.Struct) -> str:
    """The name and the fields of an event or a note, without its time."""
    name = str(happening.__struct_config__.tag)
    fields = {
        field: getattr(happening, field)
        for field in happening.__struct_fields__
        if field != "at_ms"
    }
    return " ".join([name, *(f"{field}={value!r}" for field, value in fields.items())])
