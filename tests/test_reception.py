"""The reception: what it tells of the service's readiness, and to whom."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.front.http import Request
from adapters.shared_state.alone import Alone
from engine.admission import Limits
from engine.config import Config
from engine.fleet import Fleet
from engine.inspector.access import Access
from engine.reception import READY, Reception


@pytest.fixture
def reception() -> Reception:
    config, shared = Config(limits=Limits(calls=7)), Alone()
    access = Access(config.inspect, lambda: "127.0.0.1")
    reception = Reception(config, access, shared, Fleet(shared, {}), list)
    reception.admission.ready = True
    return reception


async def ask(reception: Reception, **headers: str) -> tuple[int, dict[str, Any]]:
    request = Request("GET", READY, headers={"host": "localhost", **headers})
    response = await reception.routes["GET", READY](request)
    return response.status, msgspec.json.decode(response.body)


async def test_everybody_is_told_whether_calls_are_taken(reception: Reception) -> None:
    """And why not; a load balancer needs no more, and nobody else learns how busy we are."""
    assert await ask(reception, via="1.1 proxy") == (200, {"ready": True, "why_not": None})
    reception.admission.draining = True
    assert await ask(reception, via="1.1 proxy") == (503, {"ready": False, "why_not": "draining"})


async def test_who_may_look_at_calls_is_told_how_many_there_are(reception: Reception) -> None:
    """And how many there may be."""
    with reception.admission.entered("CA1"):
        status, told = await ask(reception)
    assert status == 200
    assert (told["ready"], told["calls"], told["calls_limit"]) == (True, 1, 7)
    assert told["others_reachable"]
