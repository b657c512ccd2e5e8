"""A call as a page gets it: one JSON value with all that there is to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from engine.chart import Chart
from engine.errors import JournalError
from engine.inspector.laws import JUDGED, Violation, laws_of
from engine.inspector.peaks import Sound, peaks_of
from engine.inspector.summary import CallSummary, Summary
from engine.journal import Head, Reading
from engine.replay import CUT_OFF
from engine.turns import TurnRecord
from engine.waterfall import feeling


class TransitionView(msgspec.Struct, frozen=True, kw_only=True):
    """A transition of the chart; ``guard`` as people write it."""

    source: str
    target: str | None
    event: str
    guard: str
    actions: tuple[str, ...]


class StateView(msgspec.Struct, frozen=True, kw_only=True):
    """A state of the chart, in document order."""

    id: str
    parent: str | None
    parallel: bool
    invoke: tuple[str, ...]


class ChartView(msgspec.Struct, frozen=True, kw_only=True):
    """The chart that the page shows; transitions by their number."""

    name: str
    digest: str
    states: list[StateView]
    transitions: dict[int, TransitionView]


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call. ``lines`` are those of the journal, as JSON; ``turns`` as :func:`turn_view` has
    them. ``matches_chart`` says whether it was held on this very chart: else the numbers of its
    transitions mean nothing here. ``laws`` are the violations of those that were ``judged``.
    ``sound`` is None where nothing was recorded. ``journal`` is the file as a command names it,
    empty where there is none."""

    call: CallSummary
    journal: str
    lines: list[msgspec.Raw]
    turns: list[dict[str, Any]]
    chart: ChartView
    matches_chart: bool
    judged: list[str]
    laws: list[Violation]
    troubles: list[str]
    sound: Sound | None


def view_of(
    reading: Reading,
    chart: Chart,
    *,
    journal: Path | None = None,
    live: bool = False,
    sound: Path | None = None,
) -> CallView:
    """All that can be shown of a call. ``journal`` is where it is read from, ``sound`` the
    recording, if there is one.

    The laws of a live call are not judged: it is not over. For any other the whole call is
    replayed, some 0.1 s for each thousand events: not for a thread that has calls to serve.
    Raises :class:`JournalError` without a head.
    """
    lines = reading.lines
    summary = Summary.of(lines)
    call = summary.told(live=live, file=journal.name if journal else "")
    head = next((line for line in lines if isinstance(line, Head)), None)
    if call is None or head is None:
        raise JournalError("the journal has no head: there is nothing to show")
    matches = head.chart_digest == chart.digest
    replayed = matches and not reading.troubles
    cut_off = [CUT_OFF] if reading.cut_off and not live else []
    return CallView(
        call=call,
        journal=str(journal) if journal else "",
        lines=[msgspec.Raw(msgspec.json.encode(line)) for line in lines],
        turns=[turn_view(record) for record in summary.turns.records],
        chart=chart_view(chart),
        matches_chart=matches,
        judged=[] if live else [law for law in JUDGED if law != "L10" or replayed],
        laws=[] if live else laws_of(lines, chart if replayed else None),
        troubles=[*reading.troubles, *cut_off],
        sound=peaks_of(sound) if sound else None,
    )


def turn_view(record: TurnRecord) -> dict[str, Any]:
    """A turn record as JSON will have it, with what is reckoned from it: its ``waterfall``, its
    ``latency_ms``, and the ``feeling`` of that (empty where nothing was heard)."""
    latency_ms = record.latency_ms
    return {
        **msgspec.to_builtins(record),
        "waterfall": msgspec.to_builtins(record.waterfall),
        "latency_ms": latency_ms,
        "feeling": "" if latency_ms is None else feeling(latency_ms),
    }


def chart_view(chart: Chart) -> ChartView:
    """A chart as data for a page."""
    return ChartView(
        name=chart.name,
        digest=chart.digest,
        states=[
            StateView(
                id=state.id,
                parent=state.parent.id if state.parent else None,
                parallel=state.parallel,
                invoke=state.invoke,
            )
            for state in chart.states.values()
        ],
        transitions={
            one.number: TransitionView(
                source=one.source,
                target=one.target,
                event=one.event,
                guard=one.guard,
                actions=one.on,
            )
            for one in chart.transitions
        },
    )


# --- without words --------------------------------------------------------------------------

WORDS = frozenset(
    {
        "text",
        "words",
        "heard",
        "unheard",
        "arguments",
        "result",
        "digit",
        "instructions",
        "greeting",
    }
    | {"prompts", "apology", "missed", "goodbye", "too_long_goodbye", "acknowledgements", "stalls"}
    | {"holds", "hold_reply", "warning", "transfer_failed", "voicemail", "transfers", "to"}
)
"""The fields of journal lines that hold what people or the agent said, or where callers went."""

_SAYS_WHY = ("end_asked", "transfer_asked")
"""The events whose reason is the language model's own words."""


def without_words(view: CallView) -> CallView:
    """The same call without what was said in it: of each text only how many words it had. What
    went wrong (the reasons of failures) stays."""
    return msgspec.structs.replace(
        view,
        lines=[
            msgspec.Raw(msgspec.json.encode(_withheld(msgspec.json.decode(line))))
            for line in view.lines
        ],
        turns=_withheld(view.turns),
    )


def _withheld(value: Any) -> Any:
    """A JSON value with the texts of all fields in ``WORDS`` counted and left out."""
    if isinstance(value, list):
        return [_withheld(one) for one in value]
    if not isinstance(value, dict):
        return value
    words = WORDS | {"reason"} if value.get("event") in _SAYS_WHY else WORDS
    return {key: _counted(one) if key in words else _withheld(one) for key, one in value.items()}


def _counted(value: Any) -> Any:
    if isinstance(value, str):
        return _count(value)
    return [_counted(one) for one in value] if isinstance(value, list) else {}


def _count(text: str) -> str:
    words = len(text.split())
    return f"[{words} word{'' if words == 1 else 's'}]" if words else ""
