"""All results together: one record a dialogue, figures over all of them, and thresholds."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import yaml

from engine.errors import ConfigError
from engine.evaluation.measures import TurnTaking
from engine.evaluation.task import WordErrors
from engine.turns import TurnRecord

PERCENTILES = (50, 95, 99)


@dataclass(slots=True)
class Result:
    """What came of one dialogue. With an ``error`` it was not held, or not to its end, and the
    rest tells how far it came.

    ``turns`` are the engine's own records, of which only the stages are used; empty where the
    engine is elsewhere. ``words`` and ``task_done`` are None where they could not be judged.
    """

    name: str
    error: str = ""
    turn_taking: TurnTaking = field(default_factory=TurnTaking)
    turns: list[TurnRecord] = field(default_factory=list)
    words: WordErrors | None = None
    task_done: bool | None = None
    failures: list[str] = field(default_factory=list)
    agent_words: str = ""
    recording: str = ""
    journal: str = ""


class Spread(msgspec.Struct, frozen=True):
    """Percentiles of durations in milliseconds, and how many there are of them."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, durations_ms: Sequence[float]) -> Spread | None:
        """The spread of some durations; None if there are none."""
        if not durations_ms:
            return None
        p50, p95, p99 = (round(float(p), 1) for p in np.percentile(durations_ms, PERCENTILES))
        return cls(len(durations_ms), p50, p95, p99)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured over all dialogues; None is what could not be.

    ``latency`` is what callers heard: from the end of their voice to the first sound of the
    agent. The stages are the engine's own account of its turns. ``silent`` is from the beginning
    of an interruption to the agent's silence. ``barge_ins`` and ``noises`` are what was tried.
    """

    dialogues: int
    errors: int
    latency: Spread | None
    endpoint: Spread | None
    mind: Spread | None
    voice: Spread | None
    playout: Spread | None
    silent: Spread | None
    turns: int
    cut_offs: int
    unanswered: int
    noises: int
    false_interruptions: int
    barge_ins: int
    missed_barge_ins: int
    word_error_rate_percent: float | None
    task_done_percent: float | None


def figures_of(results: Sequence[Result]) -> Figures:
    """Sum up."""
    answers = [answer for result in results for answer in result.turn_taking.answers]
    cut_ins = [d for result in results for d in result.turn_taking.interruptions if d.tried]
    noises = [d for result in results for d in result.turn_taking.noises if d.tried]
    stages = [turn.stages for result in results for turn in result.turns if turn.stages]
    words = [result.words for result in results if result.words is not None]
    said = sum(count.said for count in words)
    # A dialogue that could not be held did not do its task.
    tasks = [bool(r.task_done) for r in results if r.task_done is not None or r.error]

    def stage(name: str) -> Spread | None:
        return Spread.of([durations[name] for durations in stages])

    return Figures(
        dialogues=len(results),
        errors=sum(bool(result.error) for result in results),
        latency=Spread.of([a.latency_ms for a in answers if a.latency_ms is not None]),
        endpoint=stage("endpoint"),
        mind=stage("mind"),
        voice=stage("voice"),
        playout=stage("playout"),
        silent=Spread.of([d.silent_ms for d in cut_ins if d.silent_ms is not None]),
        turns=len(answers),
        cut_offs=sum(answer.cut_off for answer in answers),
        unanswered=sum(answer.unanswered for answer in answers),
        noises=len(noises),
        false_interruptions=sum(noise.wrong for noise in noises),
        barge_ins=len(cut_ins),
        missed_barge_ins=sum(cut_in.wrong for cut_in in cut_ins),
        word_error_rate_percent=_percent(sum(count.wrong for count in words), said),
        task_done_percent=_percent(sum(tasks), len(tasks)),
    )


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


# --- thresholds -----------------------------------------------------------------------------

Limit = float | None


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the figures have to keep to: at most that much, and of tasks done at least that."""

    latency_p50_ms: Limit = None
    latency_p95_ms: Limit = None
    latency_p99_ms: Limit = None
    endpoint_p95_ms: Limit = None
    mind_p95_ms: Limit = None
    voice_p95_ms: Limit = None
    playout_p95_ms: Limit = None
    silent_p95_ms: Limit = None
    cut_offs: Limit = None
    unanswered: Limit = None
    false_interruptions: Limit = None
    missed_barge_ins: Limit = None
    errors: Limit = None
    word_error_rate_percent: Limit = None
    task_done_percent: Limit = None


AT_LEAST = frozenset({"task_done_percent"})
"""The thresholds that are lowest values."""


def load_thresholds(path: Path) -> Thresholds:
    """Read a thresholds file, TOML or YAML. Raises :class:`ConfigError`: file and field."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
        return msgspec.convert(found, Thresholds)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"{path}: neither TOML nor YAML: {what}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def broken(thresholds: Thresholds, figures: Figures) -> list[str]:
    """A line for each threshold that the figures do not keep to. What was not measured does
    not keep to any."""
    found = []
    for name in thresholds.__struct_fields__:
        limit = getattr(thresholds, name)
        if limit is None:
            continue
        value = figure(figures, name)
        at_least = name in AT_LEAST
        bound = f"{'at least' if at_least else 'at most'} {limit:g}"
        if value is None or math.isnan(value):
            found.append(f"{name}: not measured (it has to be {bound})")
        elif value < limit if at_least else value > limit:
            found.append(f"{name}: {value:g} (it has to be {bound})")
    return found


def figure(figures: Figures, name: str) -> float | None:
    """A figure by its threshold's name: ``latency_p95_ms`` is the ``p95_ms`` of ``latency``."""
    for percent in PERCENTILES:
        ending = f"_p{percent}_ms"
        if name.endswith(ending):
            spread = getattr(figures, name.removesuffix(ending))
            return None if spread is None else float(getattr(spread, ending[1:]))
    value = getattr(figures, name)
    return None if value is None else float(value)
