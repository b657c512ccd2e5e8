"""What a service counts, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from adapters.front.http import Request, Response
from effects.ports import ProviderLost
from engine.config import Inspect
from engine.inspector.access import Access
from engine.journal import AnyLine, End
from engine.metrics import Metrics
from engine.observing_settings import MetricsSettings
from engine.session import Desk
from tests.inspector_kit import LOCAL, a_call
from tests.test_service import Change, a_desk

ACCESS = Access(Inspect(), lambda: "127.0.0.1")


async def scraped(metrics: Metrics) -> Mapping[str, float]:
    """Every sample that a scrape finds, by name and labels."""
    request = Request("GET", "/metrics", headers=LOCAL)
    answer = await metrics.routes["GET", "/metrics"](request)
    assert answer.content_type.startswith("text/plain; version=")
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def ended(lines: list[AnyLine], **changes: str) -> list[AnyLine]:
    """The call, with another end."""
    *rest, end = lines
    assert isinstance(end, End)
    return [*rest, msgspec.structs.replace(end, **changes)]


async def test_calls_are_counted_while_they_are_held_and_by_how_they_ended() -> None:
    metrics = Metrics(MetricsSettings(), ACCESS, lambda: None, {})
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
    routes = Metrics(MetricsSettings(), ACCESS, lambda: None, {}).routes
    answer: Response = await routes["GET", "/metrics"](Request("GET", "/metrics", headers=headers))
    assert answer.status == status
