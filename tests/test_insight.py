"""What a service tells those at its own machine, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
import pytest
import trio

from adapters.front.http import Request, Response
from adapters.front.server import Listening, serve
from adapters.twilio.dialing import Address
from adapters.twilio.recording import CallRecord, Stretch
from effects.ports import Carrier, ProviderLost
from engine.insight import CALLS_KEPT, CallTurns, Insight, turns_of
from engine.journal import AnyLine, Head
from engine.phone_cli import waits_ms
from engine.session import Desk
from engine.simulation.scenario import Act, Answer, Scenario
from engine.simulation.world import simulate
from engine.turns import TurnRecord
from tests.test_service import Change, a_desk

SCENARIO = Scenario(
    says="", caller=[Act(at=2.0, say="hello there")], answers=[Answer(says="Hi.")], ends_at=8.0
)
LINES = simulate(SCENARIO).lines
LOCAL = {"host": "127.0.0.1:8765"}


def a_call(call_id: str) -> list[AnyLine]:
    """A call's lines, under this id."""
    head, *rest = LINES
    assert isinstance(head, Head)
    return [msgspec.structs.replace(head, call_id=call_id), *rest]


def an_insight(desk: Desk | None = None, host: str = "127.0.0.1") -> Insight:
    return Insight(lambda: desk, lambda: host)


def watched(insight: Insight, lines: list[AnyLine]) -> None:
    """The lines are seen as those of one call."""
    for watcher in insight.watchers():
        for line in lines:
            watcher(line)


async def asked(
    insight: Insight, path: str, query: str = "", headers: Mapping[str, str] = LOCAL
) -> Response:
    return await insight.routes["GET", path](Request("GET", path, query, headers))


async def test_the_turns_of_a_call_are_told_live_and_afterwards() -> None:
    """As far as they go while it is live, and whole when it is over."""
    insight, lines = an_insight(), a_call("CA1")
    (watch,) = insight.watchers()
    watch(lines[0])
    live = msgspec.json.decode((await asked(insight, "/turns", "call=CA1")).body, type=CallTurns)
    assert (live.over, live.turns) == (False, [])
    for line in lines[1:]:
        watch(line)
    over = msgspec.json.decode((await asked(insight, "/turns", "call=CA1")).body, type=CallTurns)
    assert over.over
    assert [(turn.words, turn.outcome) for turn in over.turns] == [("hello there", "completed")]
    assert over.turns[0].waterfall


async def test_only_the_latest_calls_are_kept() -> None:
    """A service that runs for months does not grow by it."""
    insight, lines = an_insight(), a_call("CA")
    for number in range(CALLS_KEPT + 1):
        assert isinstance(lines[0], Head)
        watched(insight, [msgspec.structs.replace(lines[0], call_id=f"CA{number}"), *lines[1:]])
    assert (await asked(insight, "/turns", "call=CA0")).status == 404
    assert (await asked(insight, "/turns", "call=CA1")).status == 200
    assert (await asked(insight, "/turns", f"call=CA{CALLS_KEPT}")).status == 200


async def test_the_health_of_every_provider_is_told() -> None:
    """Port by port, what became of its work and whether it is asked at all."""
    desk = a_desk(Change())
    mind = desk.ports.language_model.first.name
    desk.ports.language_model.failed(mind, ProviderLost("gone"))
    answer = await asked(an_insight(desk), "/providers")
    assert answer.content_type == "application/json"
    told = json.loads(answer.body)
    assert [one["port"] for one in told] == ["recogniser", "mind", "voice"]
    assert told[1] == {
        "port": "mind",
        "provider": mind,
        "breaker": "closed",
        "failures_in_a_row": 1,
        "succeeded": 0,
        "failed": 1,
    }


@pytest.mark.parametrize("path", ["/providers", "/turns"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "calls.example.com"},
        {"host": "localhost.example.com:80"},
        {"host": "10.0.0.5:8765"},
        {**LOCAL, "x-forwarded-for": "203.0.113.7"},
        {**LOCAL, "forwarded": "for=203.0.113.7"},
    ],
    ids=["no host", "a tunnel", "a lookalike", "the network", "a proxy", "another proxy"],
)
async def test_nobody_else_is_told(path: str, headers: dict[str, str]) -> None:
    """A request that may come from elsewhere finds no such path."""
    insight = an_insight(a_desk(Change()))
    watched(insight, a_call("CA1"))
    assert (await asked(insight, path, "call=CA1", headers)).status == 404


async def test_a_service_that_others_can_reach_tells_and_keeps_nothing() -> None:
    """Whatever the request says of its host."""
    for host in ("0.0.0.0", "::", "192.0.2.1", "server.test"):
        insight = an_insight(a_desk(Change()), host)
        assert insight.watchers() == []
        assert (await asked(insight, "/providers")).status == 404


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1", "[::1]:8765", "LOCALHOST"])
async def test_this_machine_has_several_names(host: str) -> None:
    """With a port and without."""
    insight = an_insight(a_desk(Change()))
    assert (await asked(insight, "/providers", headers={"host": host})).status == 200


async def test_a_caller_on_the_machine_is_told_over_the_port() -> None:
    """Through the service's own HTTP; of a call that it does not know there is nothing to tell, and
    a service elsewhere is not asked."""
    insight = an_insight()
    watched(insight, a_call("CA 1&2"))

    async def on_call(carrier: Carrier) -> None: ...

    async with trio.open_nursery() as nursery:
        at: Listening = await nursery.start(
            lambda task_status: serve(
                "127.0.0.1", 0, on_call=on_call, routes=insight.routes, task_status=task_status
            )
        )
        service = Address("127.0.0.1", at.port, "/media")
        turns = await turns_of(service, "CA 1&2")
        assert [turn.words for turn in turns] == ["hello there"]
        assert isinstance(turns[0], TurnRecord)
        assert await turns_of(service, "CA2") == []
        nursery.cancel_scope.cancel()
    assert await turns_of(service, "CA 1&2") == []
    assert await turns_of(Address("calls.example.com", 80, "/media"), "CA2") == []


def test_what_is_heard_at_the_line() -> None:
    """The wait for each answer; none where the agent speaks on, or the caller speaks first."""
    record = CallRecord(
        said=[Stretch(1.0, 2.0), Stretch(4.0, 5.0), Stretch(6.0, 7.0), Stretch(8.0, 9.0)],
        heard=[Stretch(2.6, 5.5), Stretch(9.75, 11.0)],
    )
    waits = [None if wait_ms is None else round(wait_ms) for wait_ms in waits_ms(record)]
    assert waits == [600, None, None, 750]
    assert waits_ms(CallRecord(heard=[Stretch(0.0, 1.0)])) == []
