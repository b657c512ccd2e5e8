"""Has Graphviz place the states inside one state, and lead the arrows between them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from engine.chart import State
from engine.errors import ChartError
from engine.picture.arrows import Arrow
from engine.picture.part import Part, Point

INCH = 72.0
"""Graphviz places by points, which are our pixels, but takes sizes in inches."""
GAP = 34.0
"""Between two states, at least."""

Direction = Literal["TB", "LR"]
"""Whether ranks follow each other from top to bottom, or from left to right."""

_MISSING = (
    "there is no layout of this chart, and Graphviz, which makes one, is not installed: "
    "install it (apt install graphviz, brew install graphviz)"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be placed: states with what is inside each, the arrows between them, and the
    rank of each state; no ranks at all leave these to Graphviz."""

    states: Sequence[State]
    parts: Sequence[Part]
    arrows: Sequence[Arrow]
    direction: Direction
    ranks: Sequence[int]


def drawn(plan: Plan) -> Part:
    """The states as Graphviz places them.

    Raises :class:`ChartError` if it is not installed, or fails.
    """
    try:
        result = subprocess.run(
            ["dot", "-Tjson"], input=_source(plan), capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise ChartError(_MISSING) from None
    except subprocess.CalledProcessError as error:
        raise ChartError(f"Graphviz cannot lay this chart out: {error.stderr.strip()}") from error
    return _read(plan, json.loads(result.stdout))


def _source(plan: Plan) -> str:
    gap = GAP / INCH
    lines = [
        "digraph {",
        f"graph [rankdir={plan.direction}, nodesep={gap:.3f}, ranksep={gap:.3f}]",
        'node [shape=box, fixedsize=true, label=""]',
        f"edge [arrowsize=0.8, constraint={'false' if plan.ranks else 'true'}]",
    ]
    for state, part in zip(plan.states, plan.parts, strict=True):
        size = f"width={part.width / INCH:.4f}, height={part.height / INCH:.4f}"
        lines.append(f'"{state.id}" [{size}]')
    lines += _ranks(plan)
    lines += [f'"{one.source}" -> "{one.target}" [id="{one.id}"]' for one in plan.arrows]
    return "\n".join([*lines, "}"])


def _ranks(plan: Plan) -> list[str]:
    """What holds each state in its rank: arrows that are not drawn, to all of the next."""
    ranks: list[list[str]] = [[] for _ in set(plan.ranks)]
    for state, rank in zip(plan.states, plan.ranks, strict=False):
        ranks[rank].append(f'"{state.id}"')
    lines = [f"{{rank=same; {'; '.join(names)}}}" for names in ranks]
    for names, next_names in pairwise(ranks):
        ends = f"{{{' '.join(names)}}} -> {{{' '.join(next_names)}}}"
        lines.append(f"{ends} [style=invis, constraint=true]")
    return lines


def _read(plan: Plan, drawing: dict[str, Any]) -> Part:
    left, bottom, right, top = (float(number) for number in drawing["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")[-2:]
        return float(x) - left, top - float(y)

    whole = Part(right - left, top - bottom)
    inner = {state.id: part for state, part in zip(plan.states, plan.parts, strict=True)}
    for node in drawing["objects"]:
        if node["name"] in inner:
            (x, y), part = point(node["pos"]), inner[node["name"]]
            whole.add(part, x - part.width / 2, y - part.height / 2)
    for edge in drawing.get("edges", []):
        if "id" in edge:  # the others hold ranks
            tip, *curve = edge["pos"].split(" ")
            whole.arrows[edge["id"]] = [*map(point, curve), point(tip)]
    return whole
