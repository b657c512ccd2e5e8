"""The colours of a picture, light and dark, as CSS custom properties of its own. All of it applies
inside ``svg.chart`` alone, so that the picture can stand in a page, which may restyle it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

HUES = 8
"""So many families of states have colours of their own."""
HEATS = 5
"""The degrees of a painted picture, from seldom to often."""

_LIGHT = """
--paper: #ffffff; --canvas: #f6f8fa; --ink: #1f2328; --dim: #5f6872; --faint: #c4ccd4;
--guard: #8a4600; --action: #0a6375; --effect: #5b3fa8; --pill: #f1ecff;
--hue-0: #1d5fd1; --hue-1: #985000; --hue-2: #1a7431; --hue-3: #b81f4d;
--hue-4: #0b7076; --hue-5: #7a3fc4; --hue-6: #7d5a28; --hue-7: #5a6572; --hue: #57606a;
--heat-0: #fff4d6; --heat-1: #ffe39f; --heat-2: #ffcc61; --heat-3: #ffb02e; --heat-4: #f98f0e;
--line-0: #dcc07a; --line-1: #d9a93c; --line-2: #cc8a14; --line-3: #b56c00; --line-4: #954f00;
--never: #b3101d; --never-paper: #ffe3e3;
"""

_DARK = """
--paper: #161b22; --canvas: #0d1117; --ink: #e6edf3; --dim: #929ba6; --faint: #414a54;
--guard: #f2b672; --action: #76d6e4; --effect: #c9b6ff; --pill: #2a2345;
--hue-0: #79b0ff; --hue-1: #f0b155; --hue-2: #64cf86; --hue-3: #ff8fab;
--hue-4: #55cfcf; --hue-5: #c8a2ff; --hue-6: #d8b184; --hue-7: #a5b0bd; --hue: #9aa4af;
--heat-0: #2b2415; --heat-1: #443412; --heat-2: #5e450e; --heat-3: #775407; --heat-4: #8f6000;
--line-0: #6a5b36; --line-1: #86692a; --line-2: #b38622; --line-3: #dca11c; --line-4: #ffc23d;
--never: #ff8b8b; --never-paper: #4a1519;
"""

_RULES = """
text { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { fill: var(--ink); white-space: pre }
.name { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
.name { font-weight: 700; fill: var(--hue) }
.number { font-size: 9.5px; fill: var(--dim) }
.event { font-weight: 700 }
.again > .event { font-weight: 400; fill: var(--dim) }
.guard { fill: var(--guard); font-style: italic }
.action { fill: var(--action) }
.target { fill: var(--hue); font-weight: 700 }
.label, .about { fill: var(--dim) }
.effect, .timer { fill: var(--effect) }
.sign { fill: none; stroke: var(--effect); stroke-width: 1.3; stroke-linecap: round }
.pill { fill: var(--pill) }
.canvas { fill: var(--canvas) }
.frame { fill: var(--paper); stroke: var(--hue); stroke-width: 1.3 }
.holds > .frame { stroke-opacity: .6 }
.beside > .frame { fill: var(--canvas); stroke-dasharray: 7 5 }
.inner { fill: none; stroke: var(--hue); stroke-width: 1.3 }
.band { fill: var(--hue); fill-opacity: .11 }
.row { fill: none; pointer-events: all }
.arrow path, .start path { fill: none; stroke: var(--hue); stroke-width: 1.6 }
.arrow polygon, .start polygon, .start circle { fill: var(--hue) }
.arrow circle { fill: var(--paper); stroke: var(--hue); stroke-width: 1.6 }
.start { --hue: var(--ink) }
.arrow .near { stroke: transparent; stroke-width: 12; pointer-events: stroke }
.lit > .frame { stroke-width: 3.2; stroke-opacity: 1 }
.lit > .band { fill-opacity: .38 }
.taken > .row { fill: var(--hue); fill-opacity: .2 }
.arrow.taken path:not(.near) { stroke-width: 4 }
"""

_PAINTED = """
.state, .target { --hue: var(--dim); --wash: var(--paper) }
.arrow { --hue: var(--faint) }
.start, .inward { --hue: var(--dim) }
.band { fill: none }
.name, .number, .event, .again > .event, .guard, .action, .target { fill: var(--ink) }
.plain > .number, .plain > .event, .plain > .guard, .plain > .action { fill: var(--dim) }
.plain > .target { fill: var(--dim) }
.never > .band, .never > .row { fill: var(--never-paper) }
.never > text { fill: var(--never) }
.arrow.never { --hue: var(--never) }
.arrow.never path:not(.near) { stroke-dasharray: 5 4 }
"""


def stylesheet(sizes: Iterable[float], *, painted: bool) -> str:
    """The style of a picture whose names have these sizes."""
    rules = [*_RULES.strip().splitlines(), *_hues()]
    rules += [f".size-{size:g} {{ font-size: {size:g}px }}" for size in sorted(set(sizes))]
    scoped = [_scoped(rule, "svg.chart") for rule in rules]
    if painted:
        rules = [*_PAINTED.strip().splitlines(), *_heats()]
        scoped += [_scoped(rule, "svg.chart.painted") for rule in rules]
    dark = f"@media (prefers-color-scheme: dark) {{ svg.chart {{{_DARK}}} }}"
    return "\n".join([f"svg.chart {{{_LIGHT}}}", dark, *scoped])


def _scoped(rule: str, scope: str) -> str:
    selectors, _, declarations = rule.partition(" {")
    return ", ".join(f"{scope} {one}" for one in selectors.split(", ")) + f" {{{declarations}"


def _hues() -> Iterator[str]:
    for hue in range(HUES):
        wash = "color-mix(in srgb, var(--hue) 6%, var(--paper))"
        yield f".hue-{hue} {{ --hue: var(--hue-{hue}); --wash: {wash} }}"
        yield f".holds.hue-{hue} > .frame {{ fill: var(--wash) }}"


def _heats() -> Iterator[str]:
    for heat in range(HEATS):
        yield f".heat-{heat} > .band, .heat-{heat} > .row {{ fill: var(--heat-{heat}) }}"
        yield f".heat-{heat} > .band {{ fill-opacity: 1 }}"
        yield f".arrow.heat-{heat} {{ --hue: var(--line-{heat}) }}"
        yield f".arrow.heat-{heat} path:not(.near) {{ stroke-width: {1.6 + 0.8 * heat:g} }}"
