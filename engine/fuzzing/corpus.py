"""Calls kept on disk: those that reached something no call before them had, and those that fail.

CORPUS/calls/<hash>       one replay string a file; the name is the hash of what is in it
CORPUS/failures/<signature>.yaml, .txt    a call that breaks a law, and its story
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from engine import journal
from engine.errors import ConfigError
from engine.fuzzing.failure import Failure, meaning
from engine.fuzzing.path import taken
from engine.fuzzing.replay_string import replay_string, scenario_of
from engine.simulation.scenario import Expect, Scenario
from engine.simulation.scenario_files import dump_scenario
from engine.simulation.timeline import innermost
from engine.simulation.trace import Trace

Feature = tuple[str, ...]
"""Something that a call reached: its first word says of what kind it is."""


def features(trace: Trace) -> frozenset[Feature]:
    """What a call reached: the transitions it took, what its guards said, and which event came
    in which configuration."""
    reached: set[Feature] = set()
    before: tuple[str, ...] = ()
    for line in trace.events():
        reached.add(("event", line.event.name, *before))
        reached.update(("transition", str(number)) for number, _ in line.took)
        reached.update(("guard", name, "yes" if value else "no") for name, value in line.guards)
        before = innermost(trace.chart, line.states)
    return frozenset(reached)


def signature(failure: Failure) -> str:
    """A short name that failures of one cause mostly share: the laws broken, and the last two
    transitions from a state to another before the first violation."""
    first_ms = min(violation.at_ms for violation in failure.violations)
    trace = failure.trace
    moves = [
        f"{one.source}.{one.event}"
        for line in trace.lines
        if isinstance(line, journal.Event) and line.event.at_ms <= first_ms
        for one in taken(trace.chart, line)
        if one.target is not None
    ]
    return "-".join([*failure.laws, *moves[-2:]])


def scenario_to_keep(failure: Failure) -> Scenario:
    """The call as a scenario file holds it: what it shows is in a sentence."""
    says = " ".join(meaning(law) for law in failure.laws)
    return to_keep(failure.scenario, says)


def to_keep(scenario: Scenario, says: str) -> Scenario:
    """A call as a scenario file that only the laws judge. One that is cancelled, or in which a
    provider has a bug, cannot be completed."""
    injected = [] if scenario.beside else scenario.injections  # then it is the other's
    told_to_fail = any(one.does in ("cancel", "bug") for one in injected) or "bug" in (
        *(answer.fault for answer in scenario.answers),
        *(tool.fault for tool in scenario.tools),
        scenario.voice.fault,
        scenario.recognition.fault,
        scenario.judge.fault,
        scenario.wire.transfer_fault,
    )
    return replace(scenario, says=says, expect=Expect(completed=not told_to_fail))


class Corpus:
    """A folder of calls. Without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.broken: list[str] = []
        """What could not be read, a line each."""

    def prepare(self) -> None:
        """Make the folders. Raises :class:`ConfigError`."""
        if self._folder is None:
            return
        try:
            for name in ("calls", "failures"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot keep a corpus in {self._folder}: {error.strerror}") from None

    def calls(self) -> Iterator[Scenario]:
        """The calls kept. A file that holds none is named in ``broken`` and passed over."""
        if self._folder is None:
            return
        for path in sorted((self._folder / "calls").iterdir()):
            try:
                yield scenario_of(path.read_text(encoding="ascii"))
            except (OSError, UnicodeDecodeError, ConfigError) as error:
                self.broken.append(f"{path}: passed over: {error}")

    def keep(self, scenario: Scenario) -> None:
        """Keep a call."""
        if self._folder is None:
            return
        text = replay_string(scenario)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        _write(self._folder / "calls" / name, text + "\n")

    def has_failure(self, name: str) -> bool:
        """Whether a failure of that signature is kept."""
        return self._folder is not None and self._failure(name, "txt").exists()

    def keep_failure(self, name: str, scenario: Scenario, story: str) -> None:
        """Keep a failing call as a scenario file, with its story beside it."""
        if self._folder is not None:
            _write(self._failure(name, "yaml"), dump_scenario(scenario))
            _write(self._failure(name, "txt"), story + "\n")

    def _failure(self, name: str, ending: str) -> Path:
        assert self._folder is not None
        return self._folder / "failures" / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}.{ending}"


def _write(path: Path, text: str) -> None:
    """All of it or nothing: who is interrupted leaves no half file."""
    half = path.with_name(f".{path.name}.half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
