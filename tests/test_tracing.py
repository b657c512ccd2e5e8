"""A call as spans: which there are, when, of whom, and how they reach a collector."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from engine.afterwards import FinishedCall
from engine.journal import AnyLine, Head
from engine.observing_settings import TracingSettings
from engine.simulation.scenario_files import load_scenario
from engine.simulation.world import simulate
from engine.spans import Span, spans_of
from engine.tracing import Tracing
from engine.turns import Turns
from tests.laws_kit import BARGE_IN, PLAIN

SCENARIOS = Path(__file__).parent / "scenarios"
BEGAN_NS = 1_700_000_000_000_000_000
GENEROUS_S = 10.0


def lines_of(name: str) -> list[AnyLine]:
    return simulate(load_scenario(SCENARIOS / f"{name}.yaml")).lines


def path_of(span: Span) -> str:
    """Where it hangs, from the call down."""
    return span.name if span.parent is None else f"{path_of(span.parent)} > {span.name}"


def test_a_call_has_turns_and_turns_have_what_they_asked_for() -> None:
    """The greeting is nobody's turn."""
    paths = [path_of(span) for span in spans_of(simulate(PLAIN).lines)]
    assert paths[:2] == ["call", "call > turn 1"]
    assert "call > transcribe" in paths
    assert "call > playout" in paths
    for name in ("chat", "synthesize", "playout"):
        assert any(path.startswith(f"call > turn 1 > {name}") for path in paths), name


def test_a_turn_is_as_its_record_says() -> None:
    """From the caller's voice to the end of the answer, with its latency stage by stage."""
    lines = simulate(PLAIN).lines
    (record,) = Turns.of(lines).records
    turn = spans_of(lines)[1]
    assert turn.start_ms < record.voice_ended_ms < record.committed_ms
    assert turn.end_ms == record.ended_ms
    assert turn.attributes["antiphon.latency_ms"] == record.latency_ms
    assert turn.attributes["antiphon.outcome"] == "completed"
    stages = [value for name, value in turn.attributes.items() if ".stage." in name]
    assert sum(map(float, stages)) == pytest.approx(record.latency_ms, abs=1)


def test_a_generation_is_told_by_the_conventions() -> None:
    """Who was asked, what it cost, and when the first token came."""
    spans = spans_of(simulate(PLAIN).lines)
    chat = [span for span in spans if span.name.startswith("chat")][-1]
    told = chat.attributes
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"]
    assert int(told["gen_ai.usage.input_tokens"]) > 0
    assert int(told["gen_ai.usage.output_tokens"]) > 0
    ((name, at_ms),) = chat.marks
    assert name == "first_token"
    assert chat.end_ms is not None
    assert chat.start_ms < at_ms <= chat.end_ms
    assert chat.kind == "client"


def test_a_tool_hangs_on_the_generation_that_asked_for_it() -> None:
    spans = spans_of(lines_of("a_tool_that_fails_is_told"))
    tool = next(span for span in spans if span.name.startswith("execute_tool"))
    assert tool.parent is not None
    assert tool.parent.name.startswith("chat")
    assert tool.attributes["antiphon.outcome"] == tool.failed == "failed"


def test_an_interruption_is_seen() -> None:
    """The turn's answer was cut, and the next turn begins where the caller cut in."""
    _, one, two, *rest = spans_of(simulate(BARGE_IN).lines)
    assert (one.name, two.name) == ("turn 1", "turn 2")
    assert one.end_ms is not None
    assert one.start_ms < two.start_ms < one.end_ms
    assert one.attributes["antiphon.outcome"] == "interrupted"
    cut = [span for span in rest if span.attributes.get("antiphon.interrupted")]
    assert [path_of(span) for span in cut] == ["call > turn 1 > playout"]


def test_a_failure_is_on_the_span_of_who_failed() -> None:
    """By its kind: what the vendor said is not told. The next is a span of its own."""
    spans = spans_of(lines_of("another_voice_says_what_the_first_could_not"))
    voices = [span for span in spans if span.name == "synthesize" and span.parent is not None]
    answering = [span for span in voices if path_of(span).startswith("call > turn 1")]
    first, second = answering[-2:]
    assert (first.attributes["gen_ai.provider.name"], first.failed) == ("first", "voice_failed")
    assert (second.attributes["gen_ai.provider.name"], second.failed) == ("second", "")
    turn = spans[1]
    assert any(name == "takeover_voice" for name, _ in turn.marks)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml"))[::8], ids=lambda path: path.stem)
def test_spans_are_whole_whatever_happened(path: Path) -> None:
    """Each begins before it ends, within its call, under one that was told before."""
    lines = simulate(load_scenario(path)).lines
    spans = spans_of(lines)
    call = spans[0]
    for number, span in enumerate(spans):
        assert span.end_ms is not None
        assert call.end_ms is not None
        assert 0 <= span.start_ms <= span.end_ms <= call.end_ms
        assert span is call or span.parent in spans[:number]
    turns = [span for span in spans if span.name.startswith("turn ")]
    assert len(turns) == len(Turns.of(lines).records)
    assert all(one.start_ms <= two.start_ms for one, two in pairwise(turns))


# --- to a collector ---------------------------------------------------------------------------


@contextmanager
def a_collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Where OTLP over HTTP is taken, and what came."""
    taken: list[ExportTraceServiceRequest] = []

    class Takes(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Takes) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
        server.shutdown()
        thread.join(GENEROUS_S)


def sent(endpoint: str, lines: list[AnyLine]) -> None:
    """Send a call's trace, and wait until it is gone."""
    tracing = Tracing(TracingSettings(endpoint=endpoint, service="the line"))
    head = lines[0]
    assert isinstance(head, Head)
    tracing.read(FinishedCall(head, lines, BEGAN_NS))
    tracing.close()


def test_a_collector_gets_a_trace_with_the_times_of_the_call() -> None:
    """One trace for one call; not the moments at which it was sent."""
    lines = simulate(PLAIN).lines
    with a_collector() as (endpoint, taken):
        sent(endpoint, lines)
    (resource,) = [one for request in taken for one in request.resource_spans]
    names = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert names["service.name"] == "the line"
    spans = [span for scope in resource.scope_spans for span in scope.spans]
    assert len({span.trace_id for span in spans}) == 1
    expected = spans_of(lines)
    assert sorted(span.name for span in spans) == sorted(span.name for span in expected)
    (call,) = [span for span in spans if not span.parent_span_id]
    assert (call.name, call.kind) == ("call", trace_pb2.Span.SPAN_KIND_SERVER)
    assert call.start_time_unix_nano == BEGAN_NS
    assert expected[0].end_ms is not None
    assert call.end_time_unix_nano == BEGAN_NS + round(expected[0].end_ms * 1_000_000)
    (turn,) = [span for span in spans if span.name == "turn 1"]
    assert turn.parent_span_id == call.span_id


def test_a_failed_call_is_an_error() -> None:
    """By its kind."""
    lines = lines_of("a_bug_in_a_provider_ends_one_call_loudly")
    with a_collector() as (endpoint, taken):
        sent(endpoint, lines)
    spans = [
        span
        for request in taken
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (call,) = [span for span in spans if not span.parent_span_id]
    assert call.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert call.status.message == ""
