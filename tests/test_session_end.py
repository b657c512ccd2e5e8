"""How a session is ended by the client that asked for it."""

from __future__ import annotations

import msgspec
import pytest
import trio
import trio.testing
from pydantic import SecretStr

from adapters.front.http import Request
from effects.ports import CallInfo
from engine.admission import Admission, Limits
from engine.door import Door
from engine.fleet import Fleet
from engine.sessions import ONE, SESSION, Session, Sessions
from engine.sessions_settings import SessionSettings
from tests.test_fleet import Memory

TOKEN = SecretStr("the-token-of-the-clients")
SHOWN = {"authorization": f"Bearer {TOKEN.get_secret_value()}", "content-type": "application/json"}


class Desk:
    """A worker's sessions, and what it ended."""

    def __init__(self) -> None:
        memory = Memory()
        self.ended: list[str] = []
        self.admission = Admission(Limits(calls=1))
        self.admission.ready = True
        self.door = Door([TOKEN], memory, wall_s=trio.current_time)
        fleet = Fleet(memory, {})
        fleet.end_call = self.ended.append
        self.routes = Sessions(
            SessionSettings(token=TOKEN),
            admission=self.admission,
            door=self.door,
            fleet=fleet,
            agents=list,
            media_path="/media",
        ).routes

    async def open(self) -> CallInfo:
        """What the media stream of a new session says of itself."""
        response = await self.routes["POST", SESSION](Request("POST", SESSION, "", SHOWN, b"{}"))
        assert response.status == 201
        session = msgspec.json.decode(response.body, type=Session)
        return CallInfo(session.id, "MZ1", session.parameters)

    async def close(self, session_id: str) -> int:
        request = Request("DELETE", ONE, "", SHOWN, parameters={"id": session_id})
        return (await self.routes["DELETE", ONE](request)).status


@pytest.mark.parametrize("lasted_s", [0, 50, 100_000])
async def test_a_session_is_ended_however_long_it_has_lasted(
    autojump_clock: trio.testing.MockClock, lasted_s: float
) -> None:
    """A conversation goes on for longer than anybody remembers how it was let in."""
    desk = Desk()
    info = await desk.open()
    assert await desk.door.let_in(info) == ""
    await trio.sleep(lasted_s)
    assert await desk.close(info.call_id) == 204
    assert desk.ended == [info.call_id]


async def test_a_session_that_was_taken_back_is_not_let_in() -> None:
    """Its token is worth nothing any more, and its place is free at once."""
    desk = Desk()
    info = await desk.open()
    assert desk.admission.why_not() == "full"
    assert await desk.close(info.call_id) == 204
    assert desk.admission.why_not() is None
    assert "taken back" in await desk.door.let_in(info)
