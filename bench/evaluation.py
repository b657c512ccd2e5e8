"""The parcel desk's dialogues, held for real: how soon it answers, and what goes wrong.

    python -m bench.evaluation

Runs ``antiphon eval`` over ``bench/dialogues/parcel``, two calls at a time; the thresholds beside
the dialogues are the budgets. It takes four to five minutes. Recordings and journals go to
``calls/``; what went wrong is printed with the journal to look into.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.report import Figure, at_least, at_most, finish, this_machine
from engine.evaluation.figures import (
    AT_LEAST,
    PERCENTILES,
    Figures,
    Thresholds,
    figure,
    load_thresholds,
)

DIALOGUES = Path(__file__).resolve().parent / "dialogues" / "parcel"
THRESHOLDS = DIALOGUES / "thresholds.toml"
CALLS = 2

DURATIONS = {
    "latency": "end of voice to first audio, as heard",
    "endpoint": "of that endpoint",
    "mind": "of that mind",
    "voice": "of that voice",
    "playout": "of that playout",
    "silent": "barge-in to silence",
}
"""What is measured as a spread, and its name in the table."""


class Saved(msgspec.Struct, frozen=True):
    """What is wanted of the results that ``antiphon eval`` writes."""

    figures: Figures


def held() -> Figures:
    """Hold all dialogues. Raises :class:`subprocess.CalledProcessError` if they could not be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        antiphon = [sys.executable, "-c", "from engine.cli import main; main()"]
        options = ["--calls", str(CALLS), "--json", str(path)]
        subprocess.run([*antiphon, "eval", str(DIALOGUES), *options], check=True)
        return msgspec.json.decode(path.read_bytes(), type=Saved).figures


def table_of(found: Figures, limits: Thresholds) -> list[Figure]:
    """The figures of an evaluation, with its thresholds as budgets."""

    def row(name: str, title: str, unit: str, how: str) -> Figure:
        value = figure(found, name)
        value = math.nan if value is None else value
        limit: float | None = getattr(limits, name, None)
        if name in AT_LEAST and limit is not None:
            return at_least(title, value, unit, limit, how)
        return at_most(title, value, unit, limit, how)

    rows = []
    for name, title in DURATIONS.items():
        spread = getattr(found, name)
        how = f"{0 if spread is None else spread.count} of them"
        rows += [row(f"{name}_p{p}_ms", f"{title}, p{p}", "ms", how) for p in PERCENTILES]
    turns, noises = f"of {found.turns} turns", f"of {found.noises} backchannels and coughs"
    return [
        *rows,
        row("cut_offs", "cut-offs", "turns", turns),
        row("unanswered", "unanswered", "turns", turns),
        row("false_interruptions", "false interruptions", "noises", noises),
        row("missed_barge_ins", "missed barge-ins", "times", f"of {found.barge_ins} barge-ins"),
        row("word_error_rate_percent", "word error rate", "%", "of all words that callers said"),
        row("task_done_percent", "tasks done", "%", f"of {found.dialogues} dialogues"),
    ]


def main() -> None:
    """Measure and print; see the module's docstring."""
    machine = this_machine()
    finish("evaluation", machine, table_of(held(), load_thresholds(THRESHOLDS)))


if __name__ == "__main__":
    main()
