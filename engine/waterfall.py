"""A turn's latency to look at: what the caller waited for, step by step, and who took how long.

    turn 2: 640 ms, acceptable, completed  “two nine three four zero”
      transcript   deepgram         180 ms  ████       ·     ·              ·
      endpoint     semantic          60 ms      █      ·     ·              ·
      first token  openai           240 ms       █████ ·     ·              ·

A bar's place is when, on a scale with a dot at each limit of what people feel.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from engine.terminal import shown
from engine.turns import Step, Takeover, TurnRecord

NATURAL_MS, ACCEPTABLE_MS, BROKEN_MS = 500.0, 800.0, 1500.0
"""How people feel a reply: natural, acceptable, slow, broken."""

_LIMITS_MS = (NATURAL_MS, ACCEPTABLE_MS, BROKEN_MS)
_BAR_CHARS = 32
_WORDS_CHARS = 40


def feeling(latency_ms: float) -> str:
    """What a reply that late feels like."""
    if latency_ms <= NATURAL_MS:
        return "natural"
    if latency_ms <= ACCEPTABLE_MS:
        return "acceptable"
    return "slow" if latency_ms <= BROKEN_MS else "broken"


def print_waterfalls(console: Console, records: list[TurnRecord]) -> None:
    """Print all turns, one after the other."""
    for record in records:
        for line in waterfall(record):
            console.print(line, soft_wrap=True)


def waterfall(turn: TurnRecord) -> Iterator[str]:
    """The lines of one turn, with rich's markup."""
    words = turn.words if len(turn.words) <= _WORDS_CHARS else turn.words[: _WORDS_CHARS - 1] + "…"
    latency_ms = turn.latency_ms
    if latency_ms is None:
        yield f"[bold]turn {turn.number}[/bold]: {turn.outcome}, no sound  “{shown(words)}”"
    else:
        felt = f"{latency_ms:.0f} ms, {feeling(latency_ms)}, {turn.outcome}"
        yield f"[bold]turn {turn.number}[/bold]: {felt}  “{shown(words)}”"
        scale_ms = max(latency_ms, BROKEN_MS) / _BAR_CHARS
        for step in turn.waterfall:
            by = shown(_cut(step.by, 16))
            bar = _bar(step, scale_ms)
            yield f"  {step.name:<13}{by:<17}{step.took_ms:5.0f} ms  [dim]{bar}[/dim]"
        limits = "/".join(f"{limit_ms:.0f}" for limit_ms in _LIMITS_MS)
        yield f"  {'total':<30}{latency_ms:5.0f} ms  [dim]of {limits}[/dim]"
    for line in _asides(turn):
        yield f"  [dim]{shown(line)}[/dim]"


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _bar(step: Step, scale_ms: float) -> str:
    """Where the step lies on the time scale; a dot marks each limit that it leaves free."""
    begins = round((step.done_ms - step.took_ms) / scale_ms)
    ends = max(round(step.done_ms / scale_ms), begins + (step.took_ms >= 1))
    cells = ["█" if begins <= cell < ends else " " for cell in range(_BAR_CHARS + 1)]
    for limit_ms in _LIMITS_MS:
        cell = min(round(limit_ms / scale_ms), _BAR_CHARS)
        if cells[cell] == " ":
            cells[cell] = "·"
    return "".join(cells).rstrip()


def _asides(turn: TurnRecord) -> Iterator[str]:
    """What it took beside time: the answer's own delay, tokens, help."""
    reply = turn.reply
    answer_ms, sound_ms = reply.first_clause_sent_ms, turn.audio_started_ms
    if answer_ms is not None and sound_ms is not None and answer_ms - sound_ms >= 1:
        after_ms = answer_ms - turn.voice_ended_ms
        yield f"acknowledged first: the answer itself after {after_ms:.0f} ms"
    if reply.tokens_in or reply.tokens_out or turn.tokens_wasted:
        served = " ".join(part for part in (reply.mind, reply.model) if part)
        tokens = f"{reply.tokens_in} tokens in ({reply.tokens_cached} cached)"
        wasted = f", {turn.tokens_wasted} wasted on drafts" if turn.tokens_wasted else ""
        request = f", request {reply.request_id}" if reply.request_id else ""
        yield f"{served or 'mind'}: {tokens}, {reply.tokens_out} out{wasted}{request}"
    if reply.hedges:
        yield f"hedged: the first mind was late, and another asked as well ({reply.hedges} times)"
    yield from map(told, turn.takeovers)


def told(takeover: Takeover) -> str:
    """A change of providers in a line."""
    failed = takeover.failed or f"the {takeover.port}"
    return f"{takeover.instead} took over from {failed} ({takeover.port}): {takeover.reason}"
