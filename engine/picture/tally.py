"""How calls used a chart, counted from their journals; and the counts that a campaign writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.chart import Chart
from engine.errors import ConfigError, JournalError
from engine.journal import AnyLine, End, Event, Head, read_what_there_is
from engine.replay import replay


@dataclass(slots=True)
class Tally:
    """``ms`` is the length of all calls, ``in_state_ms`` how long they were in each state and
    ``entered`` how often they came into it, ``taken`` how often they took each transition."""

    calls: int = 0
    ms: float = 0.0
    in_state_ms: dict[str, float] = field(default_factory=dict)
    entered: Counter[str] = field(default_factory=Counter)
    taken: Counter[int] = field(default_factory=Counter)

    def feed(self, lines: Iterable[AnyLine]) -> None:
        """Take in one call."""
        self.calls += 1
        since_ms: float | None = None
        states: list[str] = []
        for line in lines:
            if isinstance(line, Event) and line.states:
                self._stayed(states, since_ms, line.event.at_ms)
                self.entered.update(set(line.states).difference(states))
                self.taken.update(number for number, _ in line.took)
                since_ms, states = line.event.at_ms, line.states
            elif isinstance(line, End):
                self._stayed(states, since_ms, line.at_ms)

    def _stayed(self, states: Sequence[str], since_ms: float | None, until_ms: float) -> None:
        if since_ms is None:
            return
        stayed_ms = max(0.0, until_ms - since_ms)
        self.ms += stayed_ms
        for state in states:
            self.in_state_ms[state] = self.in_state_ms.get(state, 0.0) + stayed_ms


def tally_of(chart: Chart, paths: Sequence[Path], warn: Callable[[str], None]) -> Tally:
    """What journals (files, or all in a folder) tell of a chart. Lines that cannot be read, and
    calls that were held on a chart that goes other ways, are left out, and ``warn`` is told so.

    Raises :class:`JournalError` if a file cannot be read, a folder has no journals, or none of
    the calls fits the chart.
    """
    tally, others = Tally(), []
    for path in _journals(paths):
        reading = read_what_there_is(path)
        for trouble in reading.troubles:
            warn(trouble)
        if _fits(reading.lines, chart):
            tally.feed(reading.lines)
        else:
            others.append(path)
    if not tally.calls:
        more = f" (nor do {len(others) - 1} others)" if len(others) > 1 else ""
        raise JournalError(
            f"{others[0]} was held on another chart and does not replay on this one{more}: "
            "give the chart it was held on"
        )
    for path in others:
        warn(f"{path} is left out: it was held on another chart and does not replay on this one")
    return tally


def _journals(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise JournalError(f"no journals (*.jsonl) in {path}")
        files += [one for one in found if one not in files]
    return files


def _fits(lines: list[AnyLine], chart: Chart) -> bool:
    """Whether the numbers in a journal are those of a chart: its text is the same, or the call
    takes the same transitions on it, number by number."""
    head = lines[0]
    if isinstance(head, Head) and head.chart_digest != chart.digest:
        same = msgspec.structs.replace(head, chart_digest=chart.digest)
        return replay([same, *lines[1:]], chart).difference is None
    return True


# --- the counts of a campaign ---


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How often a campaign took each transition, by its number; ``chart`` is the digest of the
    chart. A transition that is not there was not taken."""

    chart: str
    calls: int
    transitions: dict[int, int]


def write_taken(path: Path, chart: Chart, calls: int, taken: Mapping[int, int]) -> None:
    """Write the counts of a campaign. Raises :class:`ConfigError` if that cannot be done."""
    counts = Taken(chart=chart.digest, calls=calls, transitions=dict(sorted(taken.items())))
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(counts), indent=1) + b"\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def read_taken(path: Path, chart: Chart) -> Taken:
    """The counts of a campaign on this chart. Raises :class:`ConfigError` if the file cannot be
    read, or is of another chart, whose transitions have other numbers."""
    try:
        taken = msgspec.json.decode(path.read_bytes(), type=Taken)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: not what antiphon fuzz --coverage writes: {error}") from error
    if taken.chart != chart.digest:
        raise ConfigError(f"{path} is of another chart, or an earlier text of it: fuzz it again")
    return taken
