"""Metrics of a service, in Prometheus' text format: GET /metrics.

Of its calls: :mod:`engine.call_figures`. Beside them:

    antiphon_provider_state{port,provider,state}            how many workers' breakers are there
    antiphon_provider_failures_in_a_row{port,provider}      the most that any worker has seen
    antiphon_provider_results_total{port,provider,result}   succeeded, failed
    antiphon_turned_away_total{reason}                      calls: loading, draining, full, lagging
    antiphon_loop_lag_seconds                               how late the loop was, 20 times a second
    antiphon_journal_lines_dropped_total                    the disk stood still for too long
    antiphon_law_violations_total{law}                      laws of the floor that calls broke
    antiphon_calls_judged_total                             calls whose journals were asked for that
    antiphon_calls_not_judged_total                         calls whose journals nobody could read

Several workers count into files of one folder (:func:`shared_by_workers`), and whichever is asked
answers for all of them, those that drain or have died included.
"""

from __future__ import annotations

import hmac
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import get_args

import structlog
import trio
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from pydantic import SecretStr

from adapters.front.http import Request, Response, Routes
from adapters.stores.files import FileStore
from effects.breaker import State
from engine.admission import Refusal
from engine.afterwards import FinishedCall
from engine.call_figures import CallCounter, CallFigures
from engine.insight import health_of
from engine.inspector.access import Access
from engine.inspector.laws import JUDGED, laws_of
from engine.observing_settings import MetricsSettings
from engine.session import Desk, Watcher

log = structlog.get_logger()

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus-client is told where several processes count."""

LOOK_S = 5.0
"""How often those are asked that know figures of their own."""

REPLAYED_EACH = 10
"""A replay takes longer than all other laws together: one call in so many."""

_LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """What one worker counts, from its start on."""

    def __init__(
        self,
        settings: MetricsSettings,
        access: Access,
        desk: Callable[[], Desk | None],
        turned_away: Mapping[Refusal, int],
    ) -> None:
        """``desk`` is None while there is none yet; ``access`` is who may ask; ``turned_away`` is
        how many calls were, so far, and why."""
        self._token, self._desk, self._turned_away = settings.token, desk, turned_away
        self._guarded = access.guarded(self._answer)
        self._registry = registry = CollectorRegistry()
        self._calls = CallFigures(registry)
        self._lag = Histogram(
            "antiphon_loop_lag_seconds",
            "How late the loop was.",
            registry=registry,
            buckets=_LAG_S,
        )
        self._laws = Counter(
            "antiphon_law_violations", "Laws that calls broke.", ["law"], registry=registry
        )
        for law in JUDGED:
            self._laws.labels(law)
        self._judged = Counter("antiphon_calls_judged", "By the laws.", registry=registry)
        self._unjudged = Counter(
            "antiphon_calls_not_judged", "Their journals could not be read.", registry=registry
        )
        self._judged_here = 0
        self._told = _Told(registry)

    @property
    def routes(self) -> Routes:
        """To be served beside the others."""
        return {("GET", "/metrics"): self._ask}

    def watchers(self) -> list[Watcher]:
        """Counts one call."""
        return [CallCounter(self._calls).feed]

    def loop_was_late(self, lag_ms: float) -> None:
        """The loop was measured."""
        self._lag.observe(lag_ms / 1000)

    async def run(self) -> None:
        """Keep up with those who know figures of their own, until cancelled: whoever is asked
        answers for this worker, too."""
        while True:
            self._look()
            await trio.sleep(LOOK_S)

    # --- calls that are over (in a thread)

    def read(self, call: FinishedCall) -> None:
        """Judge a call by the laws of the floor, as far as its journal tells."""
        desk, head = self._desk(), call.head
        same_chart = desk is not None and desk.chart.digest == head.chart_digest
        is_replayed = same_chart and self._judged_here % REPLAYED_EACH == 0
        self._judged_here += 1
        for one in laws_of(call.lines, desk.chart if desk and is_replayed else None):
            log.warning("law_broken", call=head.call_id, law=one.law, at_ms=one.at_ms)
            self._laws.labels(one.law).inc()
        self._judged.inc()

    def missed(self) -> None:
        """The journal of a call could not be read."""
        self._unjudged.inc()

    def close(self) -> None:
        """Nothing is kept back."""

    # --- answers

    async def _ask(self, request: Request) -> Response:
        if self._token is not None and _shows(request, self._token):
            return await self._answer(request)
        return await self._guarded(request)

    async def _answer(self, _: Request) -> Response:
        self._look()
        body = await trio.to_thread.run_sync(self._text)
        return Response(200, body, CONTENT_TYPE_LATEST)

    def _text(self) -> bytes:
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)

    def _look(self) -> None:
        self._told.turned_away(self._turned_away)
        desk = self._desk()
        if desk is not None:
            self._told.providers(desk)
            if isinstance(desk.store, FileStore):
                self._told.lines_dropped(desk.store.dropped)


def _shows(request: Request, token: SecretStr) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    wanted = token.get_secret_value().encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted)


class _Told:
    """Figures that others keep, as they were when they were last asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ("port", "provider")
        self._state = Gauge(
            "antiphon_provider_state",
            "How many workers' breakers are in this state.",
            (*names, "state"),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._in_a_row = Gauge(
            "antiphon_provider_failures_in_a_row",
            "Failures up to now.",
            names,
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._results = Counter(
            "antiphon_provider_results",
            "How often the provider delivered, and failed.",
            (*names, "result"),
            registry=registry,
        )
        self._turned_away = Counter(
            "antiphon_turned_away", "Calls that were not taken.", ["reason"], registry=registry
        )
        for reason in get_args(Refusal):
            self._turned_away.labels(reason)
        self._dropped = Counter(
            "antiphon_journal_lines_dropped", "The disk stood still.", registry=registry
        )
        self._known: dict[tuple[str, ...], int] = {}

    def providers(self, desk: Desk) -> None:
        for one in health_of(desk):
            of = (one.port, one.provider)
            for name in get_args(State):
                self._state.labels(*of, name).set(one.breaker == name)
            self._in_a_row.labels(*of).set(one.failures_in_a_row)
            self._count(self._results, (*of, "succeeded"), one.succeeded)
            self._count(self._results, (*of, "failed"), one.failed)

    def turned_away(self, counts: Mapping[Refusal, int]) -> None:
        for reason, count in counts.items():
            self._count(self._turned_away, (reason,), count)

    def lines_dropped(self, count: int) -> None:
        self._count(self._dropped, (), count)

    def _count(self, counter: Counter, labels: Sequence[str], count: int) -> None:
        """Bring a counter to where somebody else's stands."""
        key = (str(counter), *labels)
        (counter.labels(*labels) if labels else counter).inc(count - self._known.get(key, 0))
        self._known[key] = count


# --- several workers --------------------------------------------------------------------------


@contextmanager
def shared_by_workers() -> Iterator[None]:
    """Processes that are started in the body count together; for the supervisor, which counts
    nothing itself. What was counted is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="antiphon-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def worker_is_gone(pid: int) -> None:
    """What a worker held counts no more; what it has counted stays."""
    if FOLDER in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
