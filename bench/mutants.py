"""Which law sees which planted bug, and after how many calls.

    python -m bench.mutants [--write]

Every bug of tests/fuzz/mutants is planted and hunted, on two cores. With ``--write`` the table is
kept as ``bench/MUTANTS.md``.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.report import FOLDER, Figure, at_least, at_most, finish, spread, this_machine
from tests.fuzz.mutants.run import BUDGET, MUTANTS, Hunt, hunt_all

PAGE = FOLDER / "MUTANTS.md"
LIMIT_S = 100.0
COLUMNS = ("planted bug", "what it does", "law", "calls", "found in", "what the law says")


def figures_of(hunts: Sequence[Hunt], spent_s: float) -> list[Figure]:
    """How many were caught, and what it took."""
    caught = [hunt for hunt in hunts if hunt.law]
    how = f"each planted in the real code or chart; at most {BUDGET} calls are held for one"
    runs = [float(hunt.runs) for hunt in caught]
    return [
        at_least(
            "planted bugs that a law sees", float(len(caught)), "bugs", float(len(hunts)), how
        ),
        *spread("calls until a planted bug is seen", runs, "calls"),
        at_most("time for all planted bugs", spent_s, "s", LIMIT_S, "wall time, two processes"),
    ]


def rows(hunts: Sequence[Hunt]) -> list[tuple[str, ...]]:
    """The table, without its head."""
    return [
        (
            hunt.mutant,
            MUTANTS[hunt.mutant].says,
            hunt.law or "**none**",
            str(hunt.runs),
            hunt.call.replace("_", " "),
            hunt.broken,
        )
        for hunt in hunts
    ]


def page(hunts: Sequence[Hunt]) -> str:
    """The table as a page."""
    caught = [hunt for hunt in hunts if hunt.law]
    laws = sorted(Counter(hunt.law for hunt in caught).items(), key=lambda one: int(one[0][1:]))
    lines = [
        "# Planted bugs",
        "",
        "Bugs that a competent engineer could have written, each planted in the real code or the",
        "real chart (`tests/fuzz/mutants`), and hunted with scenarios, disturbed scenarios and",
        "generated calls until a law is broken. Written by `python -m bench.mutants --write`.",
        "",
        f"{len(caught)} of {len(hunts)} are seen: "
        + ", ".join(f"{law} sees {times}" for law, times in laws)
        + ". A bug may break several laws; the first is named.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---|---:|---|---|",
    ]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows(hunts)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Hunt, save and show."""
    parser = argparse.ArgumentParser(description="Which law sees which planted bug.")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    arguments = parser.parse_args()
    machine, began = this_machine(), time.monotonic()
    hunts = hunt_all(MUTANTS)
    table = Table(*COLUMNS)
    for row in rows(hunts):
        table.add_row(*row)
    Console(highlight=False).print(table)
    finish("mutants", machine, figures_of(hunts, time.monotonic() - began))
    if arguments.write:
        PAGE.write_text(page(hunts), encoding="utf-8")


if __name__ == "__main__":
    main()
