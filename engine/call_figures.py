"""What a service counts of its calls, line by line of their journals.

    antiphon_calls_active                                   calls that are held now
    antiphon_calls_total{outcome}                           calls that are over: completed, stopped
                                                            (by us, or as the line broke), failed
    antiphon_call_seconds                                   how long they were
    antiphon_turns_total{outcome,endpoint}                  turns: what became of them, and why they
                                                            were taken up
    antiphon_turn_latency_seconds                           end of the caller's speech to the
                                                            agent's first sound
    antiphon_stage_seconds{stage,by}                        what each stage added to that, and who
    antiphon_provider_first_seconds{port,provider}          asked to first token, or first sound,
                                                            whoever else took time beside it
    antiphon_barge_in_stop_seconds                          caller's onset to our ``clear``
    antiphon_false_alarms_total                             the agent fell silent for nothing
    antiphon_takeovers_total{port,provider}                 this provider took another's place
    antiphon_troubles_total{trouble}                        events of things that went wrong
    antiphon_tools_total{tool,outcome}                      tools that were settled
    antiphon_tokens_total{provider,model,kind}              of replies that were composed: in (with
                                                            those that were cached), cached, out
    antiphon_tokens_wasted_total                            of drafts that nobody heard
    antiphon_frames_dropped_total                           caller's audio that was not transcribed
    antiphon_events_dropped_total                           of effects that were over already
    antiphon_effects_stray_total                            effects that did not end with their call
    antiphon_mark_lag_seconds                               how late the carrier played a clause

Nothing in it says who called or what was said. A label has values from the chart, the code or the
configuration; those that a vendor or a model makes up are limited to ``NAMES_MOST``.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.journal import AnyLine, End, Event, Head, Note
from engine.turns import TurnRecord, Turns, takes_over
from states import events, notes

OUTCOMES = ("completed", "stopped", "failed")

VOICE_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Closest where people feel a difference: 0.5 s is natural, 0.8 acceptable, 1.5 broken."""

_CALL_S = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
_LINE_S = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

NAMES_MOST = 50
OTHER = "other"

_PORTS = {"stt_failed": "recogniser", "reply_failed": "mind", "voice_failed": "voice"}

TROUBLES = (
    *_PORTS,
    "reply_late",
    "stt_overdue",
    "turn_too_long",
    "call_too_long",
    "call_over",
    "transfer_failed",
)
_TROUBLES = {events.EVENTS[name]: name for name in TROUBLES}


class CallFigures:
    """The counters of one worker's calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(f"antiphon_{name}", text, labels, registry=registry)

        def seconds(
            name: str,
            text: str,
            labels: Sequence[str] = (),
            buckets: Sequence[float] = VOICE_S,
        ) -> Histogram:
            full = f"antiphon_{name}_seconds"
            return Histogram(full, text, labels, registry=registry, buckets=buckets)

        self.active = Gauge(
            "antiphon_calls_active",
            "Calls that are held now.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.calls = counter("calls", "Calls that are over.", ["outcome"])
        for outcome in OUTCOMES:
            self.calls.labels(outcome)  # there from the start, as zero
        self.lengths = seconds("call", "How long calls were.", buckets=_CALL_S)
        self.turns = counter("turns", "The callers' turns.", ["outcome", "endpoint"])
        self.latency = seconds("turn_latency", "End of speech to the agent's first sound.")
        self.stages = seconds("stage", "What a stage added to the latency.", ["stage", "by"])
        self.firsts = seconds(
            "provider_first", "Asked to first token or sound.", ["port", "provider"]
        )
        self.stops = seconds("barge_in_stop", "The caller's onset to our clear.")
        self.false_alarms = counter("false_alarms", "The agent fell silent for nothing.")
        self.takeovers = counter(
            "takeovers", "This provider took another's place.", ["port", "provider"]
        )
        self.troubles = counter("troubles", "Events of things that went wrong.", ["trouble"])
        for trouble in TROUBLES:
            self.troubles.labels(trouble)
        self.tools = counter("tools", "Tools that were settled.", ["tool", "outcome"])
        self.tokens = counter("tokens", "Of composed replies.", ["provider", "model", "kind"])
        self.wasted = counter("tokens_wasted", "Of drafts that nobody heard.")
        self.frames_dropped = counter("frames_dropped", "Audio that was not transcribed.")
        self.events_dropped = counter("events_dropped", "Of effects that were over already.")
        self.strays = counter("effects_stray", "Effects that did not end with their call.")
        self.mark_lag = seconds("mark_lag", "How late a clause was played.", buckets=_LINE_S)
        self.known_tools = Names()
        self.known_models = Names()


class Names:
    """A limited number of label values: those that come first."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, name: str) -> str:
        """The name, or ``other`` when there are enough."""
        if name not in self._known and len(self._known) < NAMES_MOST:
            self._known.add(name)
        return self.known(name)

    def known(self, name: str) -> str:
        """The name if it was added, or ``other``."""
        return name if name in self._known else OTHER


class CallCounter:
    """Counts one call: feed it every line of its journal."""

    def __init__(self, figures: CallFigures) -> None:
        self._figures = figures
        self._turns = Turns()
        self._counted = 0
        self._contested = False
        self._onset_ms: float | None = None
        self._audible_ms = 0.0

    def feed(self, line: AnyLine) -> None:
        """Take in one line."""
        self._turns.feed(line)
        match line:
            case Event():
                self._event(line)
            case Note(note=note):
                self._note(note)
            case Head():
                self._figures.active.inc()
            case End():
                self._end(line)

    def _event(self, line: Event) -> None:
        figures, event = self._figures, line.event
        match event:
            case events.SpeechStarted(at_ms=at_ms):
                self._onset_ms = at_ms
            case events.SpeechEnded():
                self._onset_ms = None
            case events.AudioStarted(at_ms=at_ms):
                self._audible_ms = at_ms
            case events.ToolSettled(tool=tool, outcome=outcome):
                # A model can ask for what there is not: only what has run once has a name.
                figures.tools.labels(figures.known_tools.known(tool), outcome).inc()
        if trouble := _TROUBLES.get(type(event)):
            figures.troubles.labels(trouble).inc()
            if takes_over(line):
                figures.takeovers.labels(_PORTS[trouble], getattr(event, "instead", "")).inc()
        contested = "interrupted" in line.states
        if self._contested and not contested and "speaking" in line.states:
            figures.false_alarms.inc()
        self._contested = contested
        if line.endpoint is not None:  # the next turn: nothing changes those before it any more
            self._count_turns(self._turns.records[:-1])

    def _note(self, note: notes.Note) -> None:
        figures = self._figures
        match note:
            case notes.Cleared(at_ms=at_ms) if self._onset_ms is not None:
                since_ms = max(self._onset_ms, self._audible_ms)
                figures.stops.observe((at_ms - since_ms) / 1000)
                self._onset_ms = None
            case notes.MarkEchoed(lag_ms=lag_ms):
                figures.mark_lag.observe(max(0.0, lag_ms) / 1000)
            case notes.ToolStarted(tool=tool):
                figures.known_tools.add(tool)
            case notes.ReplyComposed():
                of = note.provider, figures.known_models.add(note.model)
                figures.tokens.labels(*of, "in").inc(note.tokens_in)
                figures.tokens.labels(*of, "cached").inc(note.tokens_cached)
                figures.tokens.labels(*of, "out").inc(note.tokens_out)
            case notes.FramesDropped(count=count):
                figures.frames_dropped.inc(count)
            case notes.EventDropped():
                figures.events_dropped.inc()

    def _count_turns(self, records: Sequence[TurnRecord]) -> None:
        figures = self._figures
        for turn in records[self._counted :]:
            self._counted += 1
            figures.turns.labels(turn.outcome, turn.endpoint or OTHER).inc()
            figures.wasted.inc(turn.tokens_wasted)
            if turn.latency_ms is not None:
                figures.latency.observe(max(0.0, turn.latency_ms) / 1000)
            for step in turn.waterfall:
                figures.stages.labels(step.name, step.by).observe(step.took_ms / 1000)
            reply = turn.reply
            self._first("mind", reply.mind, reply.requested_ms, reply.first_token_ms)
            self._first("voice", reply.voice, reply.voice_requested_ms, reply.first_speech_ms)

    def _first(self, port: str, by: str, from_ms: float | None, to_ms: float | None) -> None:
        if from_ms is not None and to_ms is not None:
            self._figures.firsts.labels(port, by).observe(max(0.0, to_ms - from_ms) / 1000)

    def _end(self, end: End) -> None:
        figures = self._figures
        figures.active.dec()
        figures.calls.labels(outcome_of(end)).inc()
        figures.lengths.observe(end.at_ms / 1000)
        figures.strays.inc(end.strays)
        self._count_turns(self._turns.records)


def outcome_of(end: End) -> str:
    """How a call ended, as one of :data:`OUTCOMES`."""
    if end.outcome == "completed":
        return "completed"
    return "stopped" if end.reason == "stopped" else "failed"
