"""What a service counts, in Prometheus' text format."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from adapters.front.http import Request, Response
from adapters.stores.files import FileStore
from effects.ports import ProviderLost
from engine.admission import Refusal
from engine.afterwards import FinishedCall
from engine.config import Inspect
from engine.inspector.access import Access
from engine.inspector.laws import JUDGED
from engine.journal import AnyLine, End, Head, Note
from engine.metrics import FOLDER, Metrics, shared_by_workers, worker_is_gone
from engine.observing_settings import MetricsSettings
from engine.session import Desk
from states import notes
from tests.inspector_kit import LOCAL, a_call
from tests.test_service import Change, a_desk

ACCESS = Access(Inspect(), lambda: "127.0.0.1")
TOKEN = "for-the-scraper-alone"


def some_metrics(desk: Desk | None = None) -> Metrics:
    """Those of a worker that begins."""
    return Metrics(MetricsSettings(), ACCESS, lambda: desk, {})


async def scraped(metrics: Metrics) -> Mapping[str, float]:
    """Every sample that a scrape finds, by name and labels."""
    request = Request("GET", "/metrics", headers=LOCAL)
    answer = await metrics.routes["GET", "/metrics"](request)
    assert answer.content_type.startswith("text/plain; version=")
    return samples(answer.body.decode())


def samples(text: str) -> Mapping[str, float]:
    """Every sample in Prometheus' text, by name and labels."""
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def ended(lines: list[AnyLine], **changes: str) -> list[AnyLine]:
    """The call, with another end."""
    *rest, end = lines
    assert isinstance(end, End)
    return [*rest, msgspec.structs.replace(end, **changes)]


async def test_calls_are_counted_while_they_are_held_and_by_how_they_ended() -> None:
    metrics = some_metrics()
    assert (await scraped(metrics))["antiphon_calls_total completed"] == 0
    first, second, third = (metrics.watchers()[0] for _ in range(3))
    calls = [
        a_call("CA1"),
        ended(a_call("CA2"), outcome="failed", reason="stopped"),
        ended(a_call("CA3"), outcome="failed", reason="hear: ValueError"),
    ]
    for watch, lines in zip((first, second, third), calls, strict=True):
        watch(lines[0])
    assert (await scraped(metrics))["antiphon_calls_active"] == 3
    for watch, lines in zip((first, second, third), calls, strict=True):
        for line in lines[1:]:
            watch(line)
    told = await scraped(metrics)
    assert told["antiphon_calls_active"] == 0
    for outcome in ("completed", "stopped", "failed"):
        assert told[f"antiphon_calls_total {outcome}"] == 1


async def test_the_health_of_every_provider_is_told(autojump_clock: trio.abc.Clock) -> None:
    """Port by port, as it is at the moment of the scrape."""
    desk = a_desk(Change())
    choice = desk.ports.language_model
    name = choice.first.name
    metrics = Metrics(MetricsSettings(), ACCESS, lambda: desk, {})
    choice.succeeded(name)
    assert (await scraped(metrics))[f"antiphon_provider_state mind {name} closed"] == 1
    for _ in range(3):
        choice.failed(name, ProviderLost("gone"))
    told = await scraped(metrics)
    assert told[f"antiphon_provider_state mind {name} closed"] == 0
    assert told[f"antiphon_provider_state mind {name} open"] == 1
    assert told[f"antiphon_provider_failures_in_a_row mind {name}"] == 3
    assert told[f"antiphon_provider_results_total mind {name} succeeded"] == 1
    assert told[f"antiphon_provider_results_total mind {name} failed"] == 3
    assert told[f"antiphon_provider_state voice {name} closed"] == 1


async def test_before_the_providers_are_loaded_there_are_none_to_tell_of() -> None:
    desk: Desk | None = None
    assert not any(
        "provider" in name
        for name in await scraped(Metrics(MetricsSettings(), ACCESS, lambda: desk, {}))
    )


@pytest.mark.parametrize(
    ("headers", "status"), [(LOCAL, 200), ({**LOCAL, "via": "1.1 proxy"}, 404), ({}, 404)]
)
async def test_they_are_for_this_machine(headers: dict[str, str], status: int) -> None:
    """Who may ask how the providers are may ask this, and nobody else."""
    routes = some_metrics().routes
    answer: Response = await routes["GET", "/metrics"](Request("GET", "/metrics", headers=headers))
    assert answer.status == status


async def test_a_scraper_from_elsewhere_shows_its_token() -> None:
    """Which opens nothing else: whoever may have figures need not hear callers."""
    settings = MetricsSettings(token=SecretStr(TOKEN))
    routes = Metrics(settings, ACCESS, lambda: None, {}).routes
    assert list(routes) == [("GET", "/metrics")]
    for authorization, status in ((f"Bearer {TOKEN}", 200), ("Bearer another", 404), ("", 404)):
        headers = {"host": "voice.example.com", "authorization": authorization}
        answer = await routes["GET", "/metrics"](Request("GET", "/metrics", headers=headers))
        assert answer.status == status, authorization


async def test_what_others_count_is_told_as_it_stands() -> None:
    """Calls that were turned away, and journal lines that were dropped, each once."""
    turned_away: dict[Refusal, int] = {}
    store = FileStore(Path("calls"))
    desk = replace(a_desk(Change()), store=store)
    metrics = Metrics(MetricsSettings(), ACCESS, lambda: desk, turned_away)
    assert (await scraped(metrics))["antiphon_turned_away_total full"] == 0
    turned_away["full"] = 2
    store.dropped = 5
    for _ in range(2):
        told = await scraped(metrics)
        assert told["antiphon_turned_away_total full"] == 2
        assert told["antiphon_turned_away_total lagging"] == 0
        assert told["antiphon_journal_lines_dropped_total"] == 5
    turned_away["full"] = 3
    assert (await scraped(metrics))["antiphon_turned_away_total full"] == 3


async def test_how_late_the_loop_was_is_told() -> None:
    """In buckets that tell what callers hear from what they do not."""
    metrics = some_metrics()
    for lag_ms in (0.0, 3.0, 70.0):
        metrics.loop_was_late(lag_ms)
    told = await scraped(metrics)
    assert told["antiphon_loop_lag_seconds_bucket 0.001"] == 1
    assert told["antiphon_loop_lag_seconds_bucket 0.06"] == 2
    assert told["antiphon_loop_lag_seconds_bucket 0.1"] == 3


async def test_laws_that_calls_broke_are_counted() -> None:
    """A call as it should be breaks none; one in which a clause is said again after a later
    reply breaks the first."""
    metrics = some_metrics()
    lines = a_call("CA1")
    head, *rest, end = lines
    assert isinstance(head, Head)
    metrics.read(FinishedCall(head, lines, 0))
    told = await scraped(metrics)
    assert not any(told[f"antiphon_law_violations_total {law}"] for law in JUDGED)
    again = Note(note=notes.ClauseSent(at_ms=7100.0, reply=1, clause=0))
    metrics.read(FinishedCall(head, [head, *rest, again, end], 0))
    metrics.missed()
    told = await scraped(metrics)
    assert told["antiphon_law_violations_total L1"] == 1
    assert told["antiphon_calls_judged_total"] == 2
    assert told["antiphon_calls_not_judged_total"] == 1


COUNTS = """
import trio
from adapters.front.http import Request
from engine.config import Inspect
from engine.inspector.access import Access
from engine.metrics import Metrics
from engine.observing_settings import MetricsSettings
metrics = Metrics(MetricsSettings(), Access(Inspect(), lambda: "127.0.0.1"), lambda: None, {})
"""
HOLDS = (
    COUNTS
    + """
from tests.inspector_kit import LINES
one, two = metrics.watchers()[0], metrics.watchers()[0]
for line in LINES:
    one(line)
two(LINES[0])
"""
)
ASKS = (
    COUNTS
    + """
request = Request("GET", "/metrics", headers={"host": "127.0.0.1:1"})
print(trio.run(metrics.routes["GET", "/metrics"], request).body.decode())
"""
)


def test_any_worker_answers_for_all() -> None:
    """For those that have died as well: what they have counted stays, what they held is gone."""

    def run(program: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)

    def told() -> Mapping[str, float]:
        output, _ = run(ASKS).communicate(timeout=60)
        return samples(output)

    with shared_by_workers():
        workers = [run(HOLDS) for _ in range(2)]
        for worker in workers:
            worker.communicate(timeout=60)
        both = told()
        worker_is_gone(workers[0].pid)
        one = told()
    assert both["antiphon_calls_active"] == 2
    assert both["antiphon_calls_total completed"] == 2
    assert both["antiphon_turn_latency_seconds_count"] == 2
    assert one["antiphon_calls_active"] == 1
    assert one["antiphon_calls_total completed"] == 2
    assert FOLDER not in os.environ
