"""An audit: what callers and agents say, and what tools are told, stands in journals alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import trio

from adapters.front.http import Request
from engine import logs
from engine.afterwards import FinishedCall
from engine.config import Inspect
from engine.inspector.access import Access
from engine.journal import AnyLine, End, Event, Head, Note
from engine.metrics import Metrics
from engine.observing_settings import LogSettings, MetricsSettings
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.spans import spans_of
from states import events, notes
from tests.inspector_kit import LOCAL

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
EACH = 3
"""Every so-manieth scenario is held, and those whose names say that something goes wrong."""

WRONG = ("fail", "bug", "break", "error", "cannot", "refuse", "lost", "dies")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Other tests log as they did."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def words_of(lines: list[AnyLine]) -> Iterator[str]:
    """All that was said, heard, dialled or told to a tool in a call."""
    for line in lines:
        match line:
            case (
                Event(event=events.Transcript(text=text))
                | Note(note=notes.ClauseComposed(text=text))
            ):
                yield text
            case Event(event=events.OutputHeld(heard=heard, unheard=unheard), words=words):
                yield from (heard, unheard, words)
            case Event(event=events.PlayedOut(heard=heard), words=words):
                yield from (heard, words)
            case Event(event=events.ToolSettled(arguments=arguments, result=result)):
                yield from (arguments, result)
            case Event(words=words):
                yield words
            case End(history=history):
                yield from (said.text for said in history)
            case Head(agent=agent):
                yield from (agent.instructions, *agent.phrases)


def test_nobodys_words_are_in_logs_metrics_or_traces(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not even in the most talkative log, nor where something goes wrong."""
    logs.configure(LogSettings(format="json", level="debug"))
    metrics = Metrics(MetricsSettings(), Access(Inspect(), lambda: "127.0.0.1"), lambda: None, {})
    words, traces = set[str](), list[str]()
    chosen = [
        path
        for number, path in enumerate(SCENARIOS)
        if number % EACH == 0 or any(word in path.stem for word in WRONG)
    ]
    for path in chosen:
        lines = simulate(load_scenario(path)).lines
        (count,) = metrics.watchers()
        for line in lines:
            count(line)
        assert isinstance(lines[0], Head)
        metrics.read(FinishedCall(lines[0], lines, 0))
        traces += [repr(span.attributes) + repr(span.marks) + span.name for span in spans_of(lines)]
        words |= {text for text in words_of(lines) if len(text) >= 8 and " " in text}
    request = Request("GET", "/metrics", headers=LOCAL)
    figures = trio.run(metrics.routes["GET", "/metrics"], request).body.decode()
    log = "".join(capsys.readouterr())
    assert len(words) > 100
    for happening in ("call_ended", "call_failed", "provider_failed"):
        assert happening in log
    assert "antiphon_turn_latency_seconds" in figures
    for told in (log, figures, "\n".join(traces)):
        assert sorted(text for text in words if text in told) == []
