"""What if: recorded calls held again under another chart or other settings, and compared.

A call is recast as a scenario (:mod:`engine.recast`) and simulated twice: under the policy that it
was held under, and under the changed one. The two simulations are compared, so that what a
journal does not tell falls out of the difference; the recorded figures stand beside them.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.chart import Chart
from engine.errors import ConfigError
from engine.inspector.summary import Summary
from engine.journal import AnyLine, Event, Head, Reading
from engine.recast import scenario_of
from engine.simulation.laws import check_laws
from engine.simulation.world import default_chart, simulate
from engine.turns import Outcome, TurnRecord, Turns
from states import events
from states.settings import Settings
from states.words import normalized

TALKED_OVER_MS = 1000.0
"""Who begins to speak so soon after the agent did had not finished, and does not interrupt."""

NOTICEABLE_MS = 20.0
"""A latency that differs by less is the same: that is what the simulated line is exact to."""


class Policy(msgspec.Struct, frozen=True):
    """What is to be tried: another ``chart``, other ``settings`` (by name), or both."""

    settings: dict[str, Any] = {}
    chart: Chart | None = None


class TurnFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A turn in a line: ``latency_ms`` is None where nothing was heard, ``cut_off`` says that it
    was taken up before the caller had finished."""

    words: str
    outcome: Outcome
    latency_ms: float | None
    cut_off: bool
    heard: str


class CallFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How one call went. ``cut_offs`` are the turns that were taken up before the caller had
    finished, ``interruptions`` the replies that the caller did interrupt, ``false_alarms`` the
    times that the agent fell silent for nothing, ``unanswered`` the turns that got no reply,
    ``stops_ms`` how long after the caller's voice began the agent stopped, each time."""

    turns: list[TurnFigures]
    cut_offs: int
    interruptions: int
    false_alarms: int
    unanswered: int
    stops_ms: list[float]

    @property
    def latencies_ms(self) -> list[float]:
        """Those of the turns that were answered."""
        return [turn.latency_ms for turn in self.turns if turn.latency_ms is not None]


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """One call under two policies: as it was ``recorded``, simulated under its own policy
    (``before``) and under the changed one (``after``). ``laws`` are those that are broken more
    often under the changed one, a sentence each time. ``own_chart`` is false where the call was not
    held on the chart that its own policy is simulated with."""

    file: str
    call_id: str
    recorded: CallFigures
    before: CallFigures
    after: CallFigures
    laws: list[str] = []
    own_chart: bool = True

    @property
    def changed(self) -> float:
        """How much the call changed, to put those first that changed most: a turn that went
        otherwise counts as much as half a second, a law as much as ten turns."""
        pairs = list(paired(self.before.turns, self.after.turns))
        otherwise = sum(_went_otherwise(one, other) for one, other in pairs)
        later_ms = sum(
            abs(two.latency_ms - one.latency_ms)
            for one, two in pairs
            if one and two and one.latency_ms is not None and two.latency_ms is not None
        )
        alarms = abs(self.after.false_alarms - self.before.false_alarms)
        stops_ms = abs(_mean(self.after.stops_ms) - _mean(self.before.stops_ms))
        return 500.0 * (otherwise + alarms + 10 * len(self.laws)) + later_ms + stops_ms


def what_if(reading: Reading, policy: Policy, file: str = "") -> WhatIf:
    """Hold a recorded call again under its own policy and under a changed one.

    Takes some tens of milliseconds for a minute of call. Raises
    :class:`~engine.errors.JournalError` where the journal has no head, and
    :class:`~engine.errors.ConfigError` where the settings do not go with those of the call.
    """
    chart = default_chart()
    scenario = scenario_of(reading, chart)
    head = next(line for line in reading.lines if isinstance(line, Head))
    other = replace(scenario, settings=_with(scenario.settings, policy.settings))
    before, after = simulate(scenario, chart), simulate(other, policy.chart or chart)
    known = Counter(broken.law for broken in check_laws(before))
    broken = check_laws(after)
    often = Counter(one.law for one in broken)
    return WhatIf(
        file=file,
        call_id=head.call_id,
        recorded=figures_of(reading.lines),
        before=figures_of(before.lines),
        after=figures_of(after.lines),
        laws=[str(one) for one in broken if often[one.law] > known[one.law]],
        own_chart=head.chart_digest == chart.digest,
    )


def parsed(assignments: Sequence[str]) -> dict[str, Any]:
    """Settings from ``name=value`` texts, checked one by one.

    Raises :class:`ConfigError` that names the nearest settings, or what the value may be.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise ConfigError(f"--set {assignment}: write NAME=VALUE, as in barge_in_ms=300")
        if name not in Settings.__struct_fields__:
            close = difflib.get_close_matches(name, Settings.__struct_fields__, n=3)
            hint = f" (nearest: {', '.join(close)})" if close else " (see states/settings.py)"
            raise ConfigError(f"--set {assignment}: there is no setting '{name}'{hint}")
        settings[name] = _value(name, value.strip(), assignment)
    return settings


def _value(name: str, text: str, assignment: str) -> Any:
    field = next(one for one in msgspec.structs.fields(Settings) if one.name == name)
    try:
        return msgspec.convert(text, field.type, strict=False)
    except msgspec.ValidationError as error:
        usual = f"it is {field.default} unless set"
        raise ConfigError(f"--set {assignment}: {name} is {error}; {usual}") from error


def _with(settings: Settings, changes: dict[str, Any]) -> Settings:
    """The settings of a call with changes. Some must not be above others."""
    try:
        return replace(settings, **changes)
    except ValueError as error:
        raise ConfigError(
            f"--set does not go with the other settings of the call: {error}"
        ) from error


# --- figures --------------------------------------------------------------------------------


def figures_of(lines: Sequence[AnyLine]) -> CallFigures:
    """What a journal comes to."""
    records = Turns.of(lines).records
    summary = Summary.of(lines).told(live=False)
    voices = [line.event.at_ms for line in _events(lines, events.SpeechStarted)]
    turns = [_turn(record, voices) for record in records]
    return CallFigures(
        turns=turns,
        cut_offs=sum(turn.cut_off for turn in turns),
        interruptions=sum(turn.outcome == "interrupted" and not turn.cut_off for turn in turns),
        false_alarms=summary.false_alarms if summary else 0,
        unanswered=sum(
            turn.latency_ms is None and turn.outcome in ("failed", "cut off", "open")
            for turn in turns
        ),
        stops_ms=_stops_ms(lines, voices),
    )


def _events(lines: Sequence[AnyLine], kind: type[events.Event]) -> Iterator[Event]:
    return (one for one in lines if isinstance(one, Event) and isinstance(one.event, kind))


def _turn(record: TurnRecord, voices: list[float]) -> TurnFigures:
    latency_ms = record.latency_ms
    return TurnFigures(
        words=record.words,
        outcome=record.outcome,
        latency_ms=None if latency_ms is None else round(latency_ms, 1),
        cut_off=_is_cut_off(record, voices),
        heard=record.heard,
    )


def _is_cut_off(record: TurnRecord, voices: list[float]) -> bool:
    """Whether the caller had not finished: they went on before anything was heard, or talked over
    the agent as soon as it began."""
    if record.outcome == "retracted":
        return True
    began_ms, stopped_ms = record.audio_started_ms, record.interrupted_ms
    if record.outcome != "interrupted" or began_ms is None or stopped_ms is None:
        return False
    spoke = [at_ms for at_ms in voices if record.committed_ms <= at_ms <= stopped_ms]
    return bool(spoke) and spoke[-1] < began_ms + TALKED_OVER_MS


def _stops_ms(lines: Sequence[AnyLine], voices: list[float]) -> list[float]:
    """How long the caller spoke over the agent each time that it stopped for them."""
    stops = []
    for line in _events(lines, events.OutputHeld):
        if getattr(line.event, "audible", False):
            spoke = [at_ms for at_ms in voices if at_ms <= line.event.at_ms]
            stops += [round(line.event.at_ms - spoke[-1], 1)] if spoke else []
    return stops


# --- comparing ------------------------------------------------------------------------------

Pair = tuple[TurnFigures | None, TurnFigures | None]


def paired(ones: Sequence[TurnFigures], others: Sequence[TurnFigures]) -> Iterator[Pair]:
    """The turns of two calls side by side, by their words; None where the other has none."""
    words = [normalized(turn.words) for turn in ones]
    matcher = difflib.SequenceMatcher(
        None, words, [normalized(turn.words) for turn in others], autojunk=False
    )
    for _, from_one, to_one, from_other, to_other in matcher.get_opcodes():
        # Where one turn here is several there, the last of them is the one that was answered.
        left, right = ones[from_one:to_one][::-1], others[from_other:to_other][::-1]
        yield from reversed(list(zip_longest(left, right)))


def _went_otherwise(one: TurnFigures | None, other: TurnFigures | None) -> bool:
    if one is None or other is None:
        return True
    same_words = normalized(one.words) == normalized(other.words)
    return not same_words or one.outcome != other.outcome or one.cut_off != other.cut_off


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that ``share`` (0..1) of them do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of many calls. ``stop_ms`` is the median time in which the agent stopped;
    latencies and stops are None where there are none."""

    calls: int
    turns: int
    p50_ms: float | None
    p95_ms: float | None
    cut_offs: int
    interruptions: int
    false_alarms: int
    unanswered: int
    stop_ms: float | None


def totals_of(calls: Sequence[CallFigures]) -> Totals:
    """All calls together."""
    latencies_ms = [latency_ms for call in calls for latency_ms in call.latencies_ms]
    return Totals(
        calls=len(calls),
        turns=sum(len(call.turns) for call in calls),
        p50_ms=percentile(latencies_ms, 0.5),
        p95_ms=percentile(latencies_ms, 0.95),
        cut_offs=sum(call.cut_offs for call in calls),
        interruptions=sum(call.interruptions for call in calls),
        false_alarms=sum(call.false_alarms for call in calls),
        unanswered=sum(call.unanswered for call in calls),
        stop_ms=percentile([stop_ms for call in calls for stop_ms in call.stops_ms], 0.5),
    )
