"""Where everything of a picture lies: the committed layout beside a chart, or a new one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec

from engine.chart import Chart
from engine.errors import ChartError
from engine.picture.arrows import arrows_of
from engine.picture.boxes import boxes_of
from engine.picture.placing import place


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """In pixels from the upper left corner. ``states`` are left, top, width and height of each
    state's box; ``arrows``, by their ids, the points of Bézier curves (the start, then three for
    each piece), and last the tip. ``digest`` says for what it was made: :func:`drawn_digest`."""

    digest: str
    width: float
    height: float
    states: dict[str, tuple[float, float, float, float]]
    arrows: dict[str, list[tuple[float, float]]]


def layout_of(chart: Chart) -> Layout:
    """The layout beside the chart's file (``call.layout.json``) if it fits the chart, else a new
    one. Reads a file and may run Graphviz for some seconds: for a thread, in a service.

    Raises :class:`ChartError` if there is none that fits and Graphviz is not installed.
    """
    kept = _beside(chart)
    return kept if kept is not None and kept.digest == drawn_digest(chart) else new_layout(chart)


def new_layout(chart: Chart) -> Layout:
    """A layout made now, by Graphviz. Raises :class:`ChartError` if that is not installed."""
    part = place(chart)
    return Layout(
        digest=drawn_digest(chart),
        width=round(part.width, 1),
        height=round(part.height, 1),
        states={
            name: (round(x, 1), round(y, 1), round(width, 1), round(height, 1))
            for name, (x, y, width, height) in sorted(part.states.items())
        },
        arrows={
            name: [(round(x, 1), round(y, 1)) for x, y in points]
            for name, points in sorted(part.arrows.items())
        },
    )


def written(layout: Layout) -> str:
    """A layout as a file: JSON, a line for each state and each arrow."""
    lines: list[str] = []
    for name, value in msgspec.to_builtins(layout).items():
        if isinstance(value, dict):
            inner = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(one)}" for key, one in value.items()
            )
            lines.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def drawn_digest(chart: Chart) -> str:
    """Identifies all that a layout depends on: the sizes of the boxes, how they are nested, and
    the arrows. A chart whose text changed otherwise keeps its layout."""
    drawn = [
        f"{name} {box.state.parent.id if box.state.parent else ''} {box.state.initial}"
        f" {box.state.parallel} {box.width:.1f} {box.height:.1f}"
        for name, box in boxes_of(chart).items()
    ]
    drawn += [f"{arrow.id} {arrow.around}" for arrow in arrows_of(chart)]
    return hashlib.sha256("\n".join(drawn).encode()).hexdigest()[:16]


def layout_path(chart: Chart) -> Path:
    """Where the layout of a chart stands, if it has one."""
    return Path(chart.path).with_suffix(".layout.json")


def _beside(chart: Chart) -> Layout | None:
    path = layout_path(chart)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Layout)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ChartError(
            f"{path}: not a layout ({error}): delete it, or make it anew: "
            f"antiphon diagram {chart.path} -f layout -o {path}"
        ) from error
