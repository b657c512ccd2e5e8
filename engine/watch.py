"""The calls of a service from one look to the next: what changed, and a picture of it all.

A service tells each call in a line (:class:`engine.inspector.summary.CallSummary`). What that
does not say, how long a call has been in its state, is reckoned from when the state was seen first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from engine.evaluation.figures import Spread
from engine.insight import ProviderHealth
from engine.inspector.summary import CallSummary
from engine.show import FLOOR_COLOURS
from engine.terminal import printable
from engine.transcript.folder import SHORT_ID_CHARS, clock, worth_a_look
from engine.transcript.page import FEELS
from engine.waterfall import feeling

TURNS_COUNTED = 100
"""The latency at the top is that of so many turns, the latest."""

WIDE = 75
"""From that many columns on a call's interruptions, false alarms and length are shown."""

NARROW = 53
"""With fewer columns only the colour of a latency says how it feels."""

_HEADING = f"{'call':<{SHORT_ID_CHARS}}  {'state':<11}  {'for':>6}  turns  {'latency ms':<15}"
_MORE = f"  {'cut':>3}  {'false':>5}  {'length':>7}"
_ENDED = f"{'ended':<{SHORT_ID_CHARS}}  {'length':<11}  {'':>6}  turns  {'p50/p95 ms':<15}"


@dataclass(frozen=True, slots=True)
class LastWords:
    """What either side said last; of the agent, what was heard."""

    caller: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a service tells at one look: its calls, the live ones first, then newest first."""

    calls: Sequence[CallSummary]
    providers: Sequence[ProviderHealth] = ()
    words: Mapping[str, LastWords] = field(default_factory=dict)


@dataclass(slots=True)
class _Seen:
    """A live call: its last line, since when its state is seen, and when (on the watcher's clock)
    it began, at the latest."""

    call: CallSummary
    state_since_s: float
    began_s: float


class Board:
    """What is known of a service. Times are seconds of the watcher's clock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._told = Told([])
        self._seen: dict[str, _Seen] = {}
        self._trouble, self._trouble_since_s = "", 0.0

    # --- looking ---

    def look(self, now_s: float, told: Told) -> list[str]:
        """Take in what the service tells now; returns what changed, a line each."""
        changes = [f"{self._url} answers"] if self._trouble else []
        self._told, self._trouble = told, ""
        for call in told.calls:
            before = self._seen.get(call.call_id)
            if before is not None or call.outcome == "live":
                changes += _changes(before.call if before else None, call)
            if call.outcome == "live":
                self._see(now_s, call, before)
            else:
                self._seen.pop(call.call_id, None)
        gone = self._seen.keys() - {call.call_id for call in told.calls}
        for call_id in sorted(gone):
            del self._seen[call_id]
            changes.append(f"{call_id} is over")
        return changes

    def _see(self, now_s: float, call: CallSummary, before: _Seen | None) -> None:
        began_s = now_s - call.duration_ms / 1000
        if before is None:
            self._seen[call.call_id] = _Seen(call, now_s, began_s)
            return
        if call.state != before.call.state:
            before.state_since_s = now_s
        before.call, before.began_s = call, min(before.began_s, began_s)

    def lost(self, now_s: float, why: str) -> list[str]:
        """The service does not answer; returns the line that says so, the first time."""
        if not self._trouble:
            self._trouble_since_s = now_s
        is_new, self._trouble = not self._trouble, why
        return [f"{self._url} {why}: waiting"] if is_new else []

    # --- the picture ---

    def lines(self, now_s: float, width: int, height: int) -> list[Text]:
        """All of it, in so many columns and at most so many lines."""
        lines = [*self._top(now_s), Text()]
        live = [row for seen in self._seen.values() for row in self._live(now_s, seen, width)]
        room = max(1, height - len(lines) - 1)
        lines.append(Text(_HEADING + _MORE if width >= WIDE else _HEADING, "dim"))
        lines += live if len(live) <= room else [*live[: room - 1], Text("…", "dim")]
        if not live:
            lines.append(Text("no call at the moment", "dim"))
        ended = [call for call in self._told.calls if call.outcome != "live"]
        if ended and (room := height - len(lines) - 2) > 0:
            lines += [Text(), Text(_ENDED, "dim"), *(_ended(call) for call in ended[:room])]
        for line in lines:
            line.plain = printable(line.plain)
            line.rstrip()
            line.truncate(width, overflow="ellipsis")
        return lines[:height]

    def _top(self, now_s: float) -> Iterator[Text]:
        count = len(self._seen)
        yield Text.assemble((self._url, "bold"), f"  {count} live", *self._latencies())
        yield from _providers(self._told.providers)
        if self._trouble:
            waited = clock((now_s - self._trouble_since_s) * 1000)
            yield Text(f"it {self._trouble}: waiting for it, {waited}", "bold red")

    def _latencies(self) -> Iterator[Text]:
        latest = [ms for call in self._told.calls for ms in reversed(call.latencies_ms)]
        spread = Spread.of(latest[:TURNS_COUNTED])
        if spread is not None:
            turns = "turn" if spread.count == 1 else f"{spread.count} turns"
            yield Text(f"  latency of the last {turns}: ")
            yield Text(f"p50 {spread.p50_ms:.0f}", FEELS[feeling(spread.p50_ms)])
            yield Text(f" p95 {spread.p95_ms:.0f} ms", FEELS[feeling(spread.p95_ms)])

    def _live(self, now_s: float, seen: _Seen, width: int) -> Iterator[Text]:
        call = seen.call
        row = Text.assemble(
            (f"{call.call_id[-SHORT_ID_CHARS:]:<{SHORT_ID_CHARS}}", "bold"),
            (f"  {call.state:<11}", FLOOR_COLOURS.get(call.state, "")),
            f"  {clock((now_s - seen.state_since_s) * 1000):>6}  {call.turns:>5}  ",
            _latest(call.latencies_ms, felt=width >= NARROW),
        )
        if width >= WIDE:
            row.append(f"  {call.interruptions or '-':>3}  {call.false_alarms or '-':>5}")
            row.append(f"  {clock((now_s - seen.began_s) * 1000):>7}")
        yield row
        words = self._told.words.get(call.call_id, LastWords())
        for who, said in (("caller", words.caller), ("agent", words.agent)):
            if said:
                yield Text(f"{'':<{SHORT_ID_CHARS}}  {who:<6} “{said}”", "dim")


def _changes(before: CallSummary | None, call: CallSummary) -> Iterator[str]:
    """What is new of a call."""
    at = f"{call.call_id} {call.duration_ms / 1000:7.2f}"
    answered = len(before.latencies_ms) if before is not None else 0
    if before is not None and call.turns > before.turns:
        yield f"{at}  turn     {call.turns}"
    for latency_ms in call.latencies_ms[answered:]:
        yield f"{at}  latency  {latency_ms:.0f} ms ({feeling(latency_ms)})"
    if call.outcome != "live":
        yield f"{at}  call     over ({call.outcome}: {call.reason or 'no reason known'})"
    elif before is None:
        yield f"{at}  state    {call.state}"
    elif call.state != before.state:
        yield f"{at}  state    {before.state} → {call.state}"


def _latest(latencies_ms: Sequence[float], *, felt: bool) -> Text:
    if not latencies_ms:
        return Text(f"{'-':<15}")
    feels = feeling(latencies_ms[-1])
    text = f"{latencies_ms[-1]:.0f} {feels}" if felt else f"{latencies_ms[-1]:.0f}"
    return Text(f"{text:<15}", FEELS[feels])


def _ended(call: CallSummary) -> Text:
    spread = Spread.of(call.latencies_ms)
    latency = f"{spread.p50_ms:.0f}/{spread.p95_ms:.0f}" if spread is not None else "-"
    return Text.assemble(
        (f"{call.call_id[-SHORT_ID_CHARS:]:<{SHORT_ID_CHARS}}", "bold"),
        f"  {clock(call.duration_ms):<11}  {'':>6}  {call.turns:>5}  {latency:<15}  ",
        *worth_a_look(call),
    )


def _providers(providers: Sequence[ProviderHealth]) -> Iterator[Text]:
    """A line for each port. Who is not asked at the moment is said, not only coloured."""
    for port in dict.fromkeys(one.port for one in providers):
        health = [_health(one) for one in providers if one.port == port]
        yield Text.assemble((f"{port:<12}", "dim"), Text(", ").join(health))


def _health(one: ProviderHealth) -> Text:
    match one.breaker:
        case "closed" if one.failures_in_a_row:
            return Text(f"{one.provider} failed {one.failures_in_a_row}×", "yellow")
        case "closed":
            return Text(f"{one.provider} ok", "green")
        case "half open":
            return Text(f"{one.provider} on trial", "yellow")
        case "open":
            return Text(f"{one.provider} left alone", "bold red")
