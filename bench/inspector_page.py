"""How smooth the inspector is with a call of an hour: frames while scrubbing, zooming and panning.

    .venv/bin/python -m bench.inspector_page

A report of an hour with more than 10,000 events and a recording, in headless Chromium without a
graphics processor. For each movement: what our scripts take of a frame (painting the timeline and
its lists, lighting the chart), the time from one frame to the next, which has the browser's own
work in it, and the processor time of the page's process for a frame, which is the same however busy
the machine is with other things.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from engine.inspector.peaks import STEP_MS, Sound
from engine.inspector.report import report_of
from engine.inspector.view import view_of
from engine.journal import AnyLine, read_what_there_is
from engine.report_cli import picture_of
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import default_chart, simulate

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
HOUR_MS = 3_600_000
FRAMES = 240
TALK = Scenario(
    says="Six minutes of questions; each third answer is interrupted.",
    caller=[
        act
        for number in range(30)
        for act in (
            Act(at=3.0 + 12 * number, say="where is my parcel", during=1.2),
            Act(at=8.0 + 12 * number, say="the other one for friday please", during=1.8),
        )
        if number % 3 == 0 or not act.say.startswith("the other")
    ],
    answers=[
        Answer(to="friday", says="On Friday then. Is that right?", times=99),
        Answer(to="parcel", says="It left Memphis this morning. It comes on Thursday.", times=99),
    ],
    ends_at=363,
)


def an_hour() -> list[AnyLine]:
    """A call of six minutes, ten times over: later lines have later times and numbers."""
    lines = simulate(TALK).lines
    plain = [msgspec.to_builtins(line) for line in lines]
    numbers = {name: _most(plain, name) + 1 for name in ("seq", "number", "reply", "segment")}
    length_ms = HOUR_MS / 10
    hour = [plain[0]]
    for again in range(10):
        hour += [_later(line, again, length_ms, numbers) for line in plain[1:-1]]
    hour.append({**plain[-1], "at_ms": HOUR_MS, "history": []})
    return [msgspec.convert(line, AnyLine) for line in hour]


def _values(value: Any, name: str) -> Iterator[int]:
    if isinstance(value, list):
        for one in value:
            yield from _values(one, name)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == name and isinstance(one, int):
                yield one
            yield from _values(one, name)


def _most(lines: list[Any], name: str) -> int:
    return max(_values(lines, name))


def _later(value: Any, again: int, length_ms: float, numbers: dict[str, int]) -> Any:
    if isinstance(value, list):
        return [_later(one, again, length_ms, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    later = {key: _later(one, again, length_ms, numbers) for key, one in value.items()}
    for key, one in value.items():
        if key.endswith("_ms") and key != "lag_ms":
            later[key] = one + again * length_ms
        elif key in numbers:
            later[key] = one + again * numbers[key]
    return later


def hour_report(path: Path) -> int:
    """Write the report of that hour, with sound; returns how many lines its journal has."""
    lines = an_hour()
    journal = path.with_suffix(".jsonl")
    journal.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    chart = default_chart()
    view = view_of(read_what_there_is(journal), chart)
    noise = np.random.default_rng(6).integers(0, 90, (2, HOUR_MS // STEP_MS), np.int8)
    caller, agent = (np.stack([-side, side], axis=1).tobytes() for side in noise)
    sound = Sound(step_ms=STEP_MS, caller=caller, agent=agent)
    view = msgspec.structs.replace(view, sound=sound)
    path.write_text(report_of(view, picture_of(chart)), encoding="utf-8")
    return len(lines)


MOVEMENTS = {
    "scrub": "page.seekTo(page.call.lineAt(at * end), at * end)",
    "scrub, zoomed in": "page.seek(at * end, null)",
    "zoom": "page.timeline.zoom(frame % 80 < 40 ? 0.86 : 1 / 0.86, end / 3)",
    "pan the whole hour": "page.timeline.look(at * end - end / 2, at * end + end / 2)",
    "pan a minute": "page.timeline.look(at * end, at * end + 60000)",
    "step through events": "page.step(frame)",
}
"""What is done in each frame; ``at`` goes from 0 to 1."""

_MEASURE = """async ([movement, frames, zoomed]) => {
  const page = antiphon.page, end = page.call.endMs, scripts = [], between = [];
  if (zoomed) page.timeline.look(0, 30000); else page.timeline.whole();
  const move = new Function("page", "end", "at", "frame", movement);
  // Our own frame callbacks run between this one and the next task.
  const timed = window.requestAnimationFrame.bind(window);
  let spent = 0;
  window.requestAnimationFrame = (does) => timed((now) => {
    const began = performance.now(); does(now); spent += performance.now() - began;
  });
  let last = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    const now = await new Promise((done) => timed(done));
    if (frame > 5) { between.push(now - last); scripts.push(spent); }
    last = now;
    spent = 0;
    const began = performance.now();
    move(page, end, frame / frames, frame);
    spent += performance.now() - began;
  }
  window.requestAnimationFrame = timed;
  return { scripts, between };
}"""


def p95(values: list[float]) -> float:
    """The value that one in twenty is above."""
    return float(np.percentile(values, 95))


def measure(page: Page) -> Iterator[tuple[str, float, float, float]]:
    """Each movement with the p95 of what our scripts take, and from frame to frame, and with the
    mean processor time of a frame (ms)."""
    for name, movement in MOVEMENTS.items():
        zoomed = "zoomed" in name or "minute" in name
        began_s = _renderers_s()
        times = page.evaluate(_MEASURE, [movement, FRAMES, zoomed])
        cpu_ms = (_renderers_s() - began_s) / FRAMES * 1000
        yield name, p95(times["scripts"]), p95(times["between"]), cpu_ms


def _renderers_s() -> float:
    """The processor time of the pages' processes so far."""
    processes = psutil.Process().children(recursive=True)
    times = [one.cpu_times() for one in processes if "--type=renderer" in one.cmdline()]
    return sum(time.user + time.system for time in times)


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "hour.html"
        lines = hour_report(path)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_function("antiphon.page && antiphon.page.call")
        opened = page.evaluate("performance.now()")
        size_mb = path.stat().st_size / 1e6
        print(f"{lines} lines, {size_mb:.1f} MB, opened after {opened:.0f} ms")
        print("ms a frame       our scripts, p95   frame to frame, p95   processor, mean")
        for name, scripts_ms, frame_ms, cpu_ms in measure(page):
            print(f"{name:<20}{scripts_ms:>13.1f}{frame_ms:>22.1f}{cpu_ms:>18.1f}")
        browser.close()


if __name__ == "__main__":
    main()
