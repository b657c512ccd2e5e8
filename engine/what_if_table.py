"""Two policies side by side: of one call turn by turn, of many in figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote

from rich import box
from rich.console import Console
from rich.table import Table

from engine.terminal import shown
from engine.what_if import NOTICEABLE_MS, Totals, TurnFigures, WhatIf, paired, totals_of

SHOWN = 10
"""Calls that changed most, of those of a folder."""

_WORDS_CHARS = 26


def print_call(console: Console, call: WhatIf, changes: Sequence[str]) -> None:
    """One call: its turns, what became of them, and the figures."""
    _say_whose(console, [call])
    console.print(_turns(call, changes))
    for before, after in paired(call.before.turns, call.after.turns):
        if before and after and before.heard != after.heard:
            console.print(f"“{shown(after.words)}”: what was heard of the answer")
            console.print(f"  before  “{shown(before.heard)}”", soft_wrap=True)
            console.print(f"  after   “{shown(after.heard)}”", soft_wrap=True)
    console.print(_figures([call], changes))
    _say_laws(console, [call])


def print_folder(
    console: Console, folder: Path, calls: Sequence[WhatIf], changes: Sequence[str], look: str
) -> None:
    """Many calls: the totals, and those that changed most, with the command to look at each
    (``look``, with ``{}`` for the journal). No words of anybody."""
    _say_whose(console, calls)
    console.print(_figures(calls, changes))
    most = sorted(calls, key=lambda call: -call.changed)
    shown = [call for call in most if call.changed >= NOTICEABLE_MS][:SHOWN]
    if not shown:
        console.print("no call changed")
    for call in shown:
        console.print(f"{call.file}: {_change(call)}", markup=False, soft_wrap=True)
        console.print(f"    {look.format(quote(str(folder / call.file)))}", soft_wrap=True)
    changed = sum(call.changed >= NOTICEABLE_MS for call in calls)
    if changed > len(shown):
        console.print(f"and {changed - len(shown)} more that changed less")
    _say_laws(console, calls)


def _say_whose(console: Console, calls: Sequence[WhatIf]) -> None:
    console.print("before: simulated under the call's own policy; after: under the changed one")
    others = sum(not call.own_chart for call in calls)
    if others:
        whose = "the call was" if len(calls) == 1 else f"{others} of {len(calls)} calls were"
        console.print(
            f"{whose} held on another chart than the one that comes with antiphon, which stands in"
            " for it",
            soft_wrap=True,
        )


def _say_laws(console: Console, calls: Sequence[WhatIf]) -> None:
    for call in calls:
        for law in call.laws:
            text = f"broken under the change ({call.file}): {law}"
            console.print(text, markup=False, soft_wrap=True)


def _turns(call: WhatIf, changes: Sequence[str]) -> Table:
    """Recorded and simulated twice: milliseconds to the first sound, and what became of it."""
    table = Table(
        title=f"Milliseconds to the first sound; changed: {shown(', '.join(changes))}",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.add_column("caller", no_wrap=True, max_width=_WORDS_CHARS)
    for column in ("recorded", "before", "after", "change"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True, min_width=11)
    recorded = {id(one): then for then, one in paired(call.recorded.turns, call.before.turns)}
    for before, after in paired(call.before.turns, call.after.turns):
        then = recorded.get(id(before)) if before else None
        turn = after or before
        assert turn is not None
        table.add_row(
            shown(turn.words),
            _ms(then.latency_ms if then else None),
            _ms(before.latency_ms if before else None),
            _ms(after.latency_ms if after else None),
            _later(before, after),
            _outcome(before, after),
        )
    return table


def _later(before: TurnFigures | None, after: TurnFigures | None) -> str:
    if not (before and after) or before.latency_ms is None or after.latency_ms is None:
        return ""
    change_ms = after.latency_ms - before.latency_ms
    return f"{change_ms:+.0f}" if abs(change_ms) >= NOTICEABLE_MS else "="


def _outcome(before: TurnFigures | None, after: TurnFigures | None) -> str:
    if before is None or after is None:
        word = "only before" if after is None else "only after"
        turn = after or before
        return f"{word}: {_became(turn)}" if turn else word
    was, became = _became(before), _became(after)
    return became if was == became else f"{was} → {became}"


def _became(turn: TurnFigures) -> str:
    return f"{turn.outcome}, cut off" if turn.cut_off else turn.outcome


_ROWS: tuple[tuple[str, Callable[[Totals], float | None]], ...] = (
    ("turns", lambda one: one.turns),
    ("latency p50, ms", lambda one: one.p50_ms),
    ("latency p95, ms", lambda one: one.p95_ms),
    ("cut-offs", lambda one: one.cut_offs),
    ("false alarms", lambda one: one.false_alarms),
    ("interruptions", lambda one: one.interruptions),
    ("agent stops after, ms", lambda one: one.stop_ms),
    ("turns unanswered", lambda one: one.unanswered),
)


def _figures(calls: Sequence[WhatIf], changes: Sequence[str]) -> Table:
    what = "1 call" if len(calls) == 1 else f"{len(calls)} calls"
    table = Table(
        title=f"{what}; changed: {shown(', '.join(changes))}", box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    table.add_column("")
    for column in ("recorded", "before", "after", "change"):
        table.add_column(column, justify="right")
    recorded = totals_of([call.recorded for call in calls])
    before = totals_of([call.before for call in calls])
    after = totals_of([call.after for call in calls])
    for name, value in _ROWS:
        was, is_now = value(before), value(after)
        change = "" if was is None or is_now is None else f"{is_now - was:+.0f}"
        table.add_row(name, _ms(value(recorded)), _ms(was), _ms(is_now), change.replace("+0", "="))
    laws = sum(len(call.laws) for call in calls)
    table.add_row("laws newly broken", "", "", str(laws), f"{laws:+d}" if laws else "=")
    return table


def _change(call: WhatIf) -> str:
    """How a call changed, in figures."""
    told = [
        f"{name} {_ms(was)} → {_ms(is_now)}"
        for name, value in _ROWS
        if (was := value(totals_of([call.before]))) != (is_now := value(totals_of([call.after])))
    ]
    return ", ".join([*told, *(["a law broken"] if call.laws else [])]) or "the order of things"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
