"""A call as spans, made of its journal when it is over.

    call ─┬─ transcribe                 a session of speech-to-text
          ├─ turn N ─┬─ chat            one reply composed, draft or not; tokens and who
          │          │  └─ execute_tool
          │          ├─ synthesize      a reply put into sound, from its first clause on
          │          ├─ playout         what was audible of a reply
          │          └─ transfer
          └─ (what was nobody's turn: the greeting, a prompt)

A turn begins with the caller's voice and ends with the answer. What is asked of a model is named
as OpenTelemetry's conventions for generative AI have it (``gen_ai.…``). No words: neither what was
said, nor what a tool was told or answered, nor what an error says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.call_figures import outcome_of
from engine.journal import AnyLine, Effect, End, Event, Head, Note
from engine.turns import TurnRecord, Turns
from states import events, notes

Attribute = str | int | float


@dataclass(slots=True, eq=False)
class Span:
    """Something that took time, in milliseconds of the call. ``failed`` is the kind of failure;
    ``marks`` are moments within it."""

    name: str
    start_ms: float
    end_ms: float | None = None
    parent: Span | None = None
    kind: Literal["internal", "client", "server"] = "internal"
    attributes: dict[str, Attribute] = field(default_factory=dict)
    marks: list[tuple[str, float]] = field(default_factory=list)
    failed: str = ""

    def tell(self, **attributes: Attribute | None) -> None:
        """Add attributes, ``__`` for a dot in their names; what is empty is left out."""
        for name, value in attributes.items():
            if value is not None and value != "":
                self.attributes[name.replace("__", ".")] = value


def spans_of(lines: Sequence[AnyLine]) -> list[Span]:
    """The spans of a whole call, parents before their children."""
    call = _Call()
    for line in lines:
        match line:
            case Event():
                call.event(line)
            case Note(note=note):
                call.note(note)
            case Effect():
                call.effect(line)
            case Head():
                call.begins(line)
            case End():
                call.ends(line)
    return call.spans(Turns.of(lines).records)


@dataclass(slots=True)
class _Call:
    """What is known while the lines are read."""

    whole: Span = field(default_factory=lambda: Span("call", 0.0, kind="server"))
    begun: list[Span] = field(default_factory=list)
    """All spans but those of the call and its turns."""
    replies: dict[Span, int] = field(default_factory=dict)
    chats: dict[int, Span] = field(default_factory=dict)
    voices: dict[int, Span] = field(default_factory=dict)
    tools: dict[tuple[int, str], Span] = field(default_factory=dict)
    effects: dict[int, Span] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    """The number of the latest effect of each name."""
    recogniser: Span | None = None
    audible: Span | None = None
    onset_ms: float | None = None
    onsets_ms: list[float] = field(default_factory=list)
    """When the caller began to speak, for each turn that was taken up."""

    def begins(self, head: Head) -> None:
        self.whole.tell(
            gen_ai__conversation__id=head.call_id,
            gen_ai__agent__name=head.agent.name,
            antiphon__chart=head.chart,
            antiphon__chart_digest=head.chart_digest,
        )

    def ends(self, end: End) -> None:
        self.whole.end_ms = end.at_ms
        outcome = outcome_of(end)
        self.whole.tell(antiphon__outcome=outcome, antiphon__strays=end.strays)
        self.whole.failed = "call_failed" if outcome == "failed" else ""

    # --- line by line

    def event(self, line: Event) -> None:
        event, at_ms = line.event, line.event.at_ms
        match event:
            case events.SpeechStarted() | events.Dtmf() if self.onset_ms is None:
                self.onset_ms = at_ms
            case events.SpeechEnded() if "speaking" in line.states:
                self.onset_ms = None  # it was beside the agent's words, and cost nothing
            case events.AudioStarted(reply=reply):
                self.audible = self._begin("playout", at_ms, reply)
            case events.PlayedOut() | events.OutputHeld():
                self._silent(at_ms, interrupted=isinstance(event, events.OutputHeld))
            case events.ToolSettled(reply=reply, tool=tool, outcome=outcome, call_id=call_id):
                if span := self.tools.pop((reply, tool), None):
                    span.end_ms = at_ms
                    span.failed = "" if outcome == "done" else outcome
                    span.tell(gen_ai__tool__call__id=call_id, antiphon__outcome=outcome)
            case events.ReplyFailed(reply=reply):
                self._failed(self.chats.get(reply), event)
            case events.VoiceFailed(reply=reply):
                self._failed(self.voices.get(reply), event)
            case events.SttFailed():
                self._failed(self.recogniser, event)
        if any(raised == "committed" for _, raised in line.took):
            self.onsets_ms.append(at_ms if self.onset_ms is None else self.onset_ms)
            self.onset_ms = None

    def note(self, note: notes.Note) -> None:
        match note:
            case notes.RecogniserStarted(at_ms=at_ms, provider=provider):
                self.recogniser = self._of_effect("transcribe", at_ms)
                self.recogniser.tell(gen_ai__provider__name=provider)
            case notes.ReplyRequested(hedge=False, round=1, reply=reply, at_ms=at_ms):
                chat = self.chats[reply] = self._of_effect("compose", at_ms, reply)
                chat.name = f"chat {note.model}".strip()
                chat.tell(
                    gen_ai__operation__name="chat",
                    gen_ai__provider__name=note.provider,
                    gen_ai__request__model=note.model,
                )
            case notes.FirstToken(reply=reply, at_ms=at_ms) if chat_ := self.chats.get(reply):
                chat_.marks.append(("first_token", at_ms))
            case notes.ReplyComposed(reply=reply) if chat_ := self.chats.get(reply):
                chat_.tell(
                    gen_ai__provider__name=note.provider,
                    gen_ai__response__model=note.model,
                    gen_ai__response__id=note.request_id,
                    gen_ai__usage__input_tokens=note.tokens_in,
                    gen_ai__usage__output_tokens=note.tokens_out,
                    gen_ai__usage__cache_read__input_tokens=note.tokens_cached,
                )
            case notes.DraftDropped(reply=reply, tokens_out=tokens) if chat_ := self.chats.get(
                reply
            ):
                chat_.tell(antiphon__dropped=1, gen_ai__usage__output_tokens=tokens)
            case notes.VoiceRequested(reply=reply, at_ms=at_ms, provider=provider):
                voice = self.voices[reply] = self._of_effect("synthesize", at_ms, reply)
                voice.tell(gen_ai__provider__name=provider)
            case notes.FirstSpeech(reply=reply, at_ms=at_ms) if span := self.voices.get(reply):
                span.marks.append(("first_sound", at_ms))
            case notes.ToolStarted(reply=reply, tool=tool, at_ms=at_ms):
                span = self._begin(f"execute_tool {tool}", at_ms, reply)
                span.parent = self.chats.get(reply)
                span.tell(gen_ai__operation__name="execute_tool", gen_ai__tool__name=tool)
                self.tools[reply, tool] = span

    def effect(self, line: Effect) -> None:
        if line.phase == "started":
            self.latest[line.effect] = line.number
            if line.effect == "transfer":
                self.effects[line.number] = self._begin("transfer", line.at_ms)
        elif span := self.effects.pop(line.number, None):
            span.end_ms = line.at_ms
            span.tell(antiphon__phase=line.phase)

    def _begin(self, name: str, at_ms: float, reply: int | None = None) -> Span:
        span = Span(name, at_ms)
        self.begun.append(span)
        if reply is not None:
            self.replies[span] = reply
        return span

    def _of_effect(self, effect: str, at_ms: float, reply: int | None = None) -> Span:
        """A span that ends with the effect that began last."""
        span = self._begin(effect, at_ms, reply)
        span.kind = "client"
        if number := self.latest.get(effect):
            before = self.effects.get(number)
            if before is not None:  # another provider took over within it
                before.end_ms = at_ms
            self.effects[number] = span
        return span

    def _silent(self, at_ms: float, *, interrupted: bool) -> None:
        if self.audible is not None and self.audible.end_ms is None:
            self.audible.end_ms = at_ms
            self.audible.tell(antiphon__interrupted=int(interrupted))

    def _failed(self, span: Span | None, event: events.Event) -> None:
        if span is not None:
            span.failed = event.name

    # --- all together

    def spans(self, records: Sequence[TurnRecord]) -> list[Span]:
        """All of them, each with its parent and its end."""
        last_ms = self.whole.end_ms = self.whole.end_ms or max(
            (span.end_ms or span.start_ms for span in self.begun), default=0.0
        )
        turns = [
            self._turn(record, onset_ms, last_ms)
            for record, onset_ms in zip(records, self.onsets_ms, strict=True)
        ]
        by_reply = {one.reply_number: turn for one, turn in zip(records, turns, strict=True)}
        for span in self.begun:
            span.end_ms = last_ms if span.end_ms is None else span.end_ms
            if span.parent is None and span.name != "transcribe":
                span.parent = by_reply.get(self.replies.get(span, -1)) or _around(span, turns)
            span.parent = span.parent or self.whole
        return [self.whole, *turns, *self.begun]

    def _turn(self, record: TurnRecord, onset_ms: float, last_ms: float) -> Span:
        end_ms = last_ms if record.ended_ms is None else record.ended_ms
        latency_ms = record.latency_ms
        turn = Span(f"turn {record.number}", onset_ms, end_ms, self.whole)
        turn.marks += [("speech_ended", record.voice_ended_ms), ("committed", record.committed_ms)]
        turn.failed = "turn_failed" if record.outcome == "failed" else ""
        turn.tell(
            antiphon__turn=record.number,
            antiphon__outcome=record.outcome,
            antiphon__endpoint=record.endpoint,
            antiphon__latency_ms=None if latency_ms is None else round(latency_ms, 1),
            antiphon__drafts=record.drafts,
            antiphon__tokens_wasted=record.tokens_wasted,
            antiphon__hedges=record.reply.hedges,
        )
        for step in record.waterfall:
            turn.attributes[f"antiphon.stage.{step.name.replace(' ', '_')}_ms"] = round(
                step.took_ms, 1
            )
        turn.marks += [(f"takeover_{one.port}", one.at_ms) for one in record.takeovers]
        return turn


def _around(span: Span, turns: Sequence[Span]) -> Span | None:
    """The turn in which a span began."""
    for turn in reversed(turns):
        if turn.start_ms <= span.start_ms:
            return turn if turn.end_ms is None or span.start_ms <= turn.end_ms else None
    return None
