"""Metrics of one service, in Prometheus' text format.

    GET /metrics

    antiphon_calls_active                                   calls that are held now
    antiphon_calls_total{outcome}                           calls that are over: completed, stopped
                                                            (by us, or as the line broke), failed
    antiphon_provider_state{port,provider,state}            1 for the state that the breaker is in
    antiphon_provider_failures_in_a_row{port,provider}
    antiphon_provider_results_total{port,provider,result}   succeeded, failed

What a call tells is counted by a watcher of its journal; what providers know themselves is asked
for when somebody looks. Nothing in it says who called or what was said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from adapters.front.http import Request, Response, Routes
from effects.breaker import State
from engine.insight import health_of
from engine.inspector.access import Access
from engine.journal import AnyLine, End, Head
from engine.session import Desk, Watcher

OUTCOMES = ("completed", "stopped", "failed")


class Metrics:
    """What one service counts, from its start on."""

    def __init__(self, access: Access, desk: Callable[[], Desk | None]) -> None:
        """``desk`` is None while there is none yet; ``access`` is who may ask."""
        self._access = access
        self._registry = CollectorRegistry()
        self._registry.register(_Providers(desk))
        self._active = Gauge(
            "antiphon_calls_active", "Calls that are held now.", registry=self._registry
        )
        self._calls = Counter(
            "antiphon_calls", "Calls that are over.", ["outcome"], registry=self._registry
        )
        for outcome in OUTCOMES:
            self._calls.labels(outcome)  # there from the start, as zero

    @property
    def routes(self) -> Routes:
        """To be served beside the others."""
        return {("GET", "/metrics"): self._access.guarded(self._answer)}

    def watchers(self) -> list[Watcher]:
        """Counts one call."""

        def watch(line: AnyLine) -> None:
            if isinstance(line, Head):
                self._active.inc()
            elif isinstance(line, End):
                self._active.dec()
                self._calls.labels(_outcome(line)).inc()

        return [watch]

    async def _answer(self, _: Request) -> Response:
        return Response(200, generate_latest(self._registry), CONTENT_TYPE_LATEST)


def _outcome(end: End) -> str:
    if end.outcome == "completed":
        return "completed"
    return "stopped" if end.reason == "stopped" else "failed"


class _Providers(Collector):
    """How the providers are, at the moment at which somebody looks."""

    def __init__(self, desk: Callable[[], Desk | None]) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        names = ("port", "provider")
        state = GaugeMetricFamily(
            "antiphon_provider_state",
            "1 for the state that the provider's breaker is in.",
            labels=(*names, "state"),
        )
        in_a_row = GaugeMetricFamily(
            "antiphon_provider_failures_in_a_row", "Failures up to now.", labels=names
        )
        results = CounterMetricFamily(
            "antiphon_provider_results",
            "How often the provider delivered, and failed.",
            labels=(*names, "result"),
        )
        desk = self._desk()
        for one in health_of(desk) if desk else ():
            of = (one.port, one.provider)
            for name in get_args(State):
                state.add_metric((*of, name), one.breaker == name)
            in_a_row.add_metric(of, one.failures_in_a_row)
            results.add_metric((*of, "succeeded"), one.succeeded)
            results.add_metric((*of, "failed"), one.failed)
        return iter((state, in_a_row, results))
