"""A call as a Mermaid sequence diagram: who told whom what, and where the chart was then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.simulation.timeline import Happening

CALLER, LINE, CHART = "caller", "line", "chart"
ALWAYS = (CALLER, LINE, CHART)
TIMERS = "timers"

_ESCAPED = {ord(sign): f"#{ord(sign)};" for sign in '#;<>"%{}&`$'} | {
    ord(sign): " " for sign in "\n\r\t"
}
"""Signs that would end a Mermaid text, or mean something in it, by their number."""

_ENDS = {"agent": (LINE, CALLER), "line": (CHART, LINE), "caller": (CALLER, LINE)}
"""Between whom it happens, by who does it."""


def sequence(happened: Iterable[Happening], broken: Iterable[tuple[float, str]] = ()) -> str:
    """A Mermaid ``sequenceDiagram`` of what matters in a timeline: messages with their times (s),
    and notes for the states entered. ``broken`` are the violations, each when (ms) and what."""
    shown = [one for one in happened if one.matters and one.who not in ("end", "history")]
    rows = [(one.at_ms, one.order, _lines_of(one)) for one in shown]
    rows += [(at_ms, 2_000_000, _violation(at_ms, says)) for at_ms, says in broken]
    rows.sort(key=lambda row: row[:2])
    effects = dict.fromkeys(_effect(one) for one in shown if _effect(one))
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name}" for name in ALWAYS]
    lines += [f"    participant {_id(name)} as {name}" for name in effects]
    lines += [f"    {line}" for _, _, several in rows for line in several]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text as it may stand behind the colon of a message or a note."""
    return text.translate(_ESCAPED)


def _lines_of(one: Happening) -> Iterator[str]:
    text = escaped(f"{one.at_ms / 1000:.3f} {one.what}")
    if one.who in _ENDS:
        source, target = _ENDS[one.who]
        if one.what in ("the caller has hung up", "we hang up"):
            source, target = (LINE, CHART) if one.what.startswith("the") else (CHART, LINE)
        elif one.who == "line" and one.what.startswith("loses"):
            source = target = LINE
        yield f"{source}->>{target}: {text}"
    elif one.who == "chart":
        yield f"{_id(_effect(one)) if _effect(one) else LINE}->>{CHART}: {text}"
        if one.entered:
            yield f"Note over {CHART}: {escaped(', '.join(one.entered))}"
    else:
        yield f"Note over {CHART}: {text}"


def _violation(at_ms: float, says: str) -> Iterator[str]:
    yield f"Note over {CALLER},{CHART}: {at_ms / 1000:.3f} {escaped(says)}"


def _effect(one: Happening) -> str:
    """The effect that put an event on the chart; all timers are one."""
    if one.who != "chart" or one.by in ("", "call"):
        return ""
    return TIMERS if one.by.endswith("_timer") else one.by


def _id(effect: str) -> str:
    """A name that is no word of Mermaid's."""
    return f"effect_{effect}"
