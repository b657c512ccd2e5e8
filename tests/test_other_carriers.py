"""Who of the carriers beside Twilio is let in, and where."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from adapters.asterisk import packets
from adapters.asterisk.packets import Packet, encode
from adapters.front.http import Request
from adapters.front.server import Front, FrontLimits
from adapters.twilio.dialing import Address, websocket_over
from effects.ports import Carrier
from engine.carriers import OtherCarriers
from engine.config import Config, load_config
from engine.errors import ConfigError
from tests.twilio_kit import Session, wait_for_stop
from tests.twins.asterisk import CALL_ID, ChannelEnd
from tests.twins.telnyx import TelnyxEnd

PATHS = {"ANTIPHON_TELNYX__PATH": "/telnyx", "ANTIPHON_ASTERISK__PATH": "/asterisk"}
SECRETS = {"ANTIPHON_TELNYX__STREAM_TOKEN": "sesame", "ANTIPHON_ASTERISK__PASSWORD": "sesame"}
TELNYX = {"x-telnyx-streaming-auth-token": "sesame"}
ASTERISK = {"authorization": "Basic YW50aXBob246c2VzYW1l"}


def carriers(*environments: dict[str, str], near: bool = False) -> OtherCarriers:
    environment = {key: value for one in environments for key, value in one.items()}
    return OtherCarriers(load_config(None, environment), lambda _: near)


def test_by_default_none_of_them_comes() -> None:
    """There is no path, and nothing is for them."""
    assert carriers().media(wait_for_stop) == {}
    assert not carriers().is_for(Request("GET", "/telnyx"))
    assert carriers(PATHS).is_for(Request("GET", "/telnyx"))
    assert set(carriers(PATHS).media(wait_for_stop)) == {"/telnyx", "/asterisk"}


@pytest.mark.parametrize(
    ("path", "headers", "is_let_in"),
    [
        ("/telnyx", TELNYX, True),
        ("/telnyx", ASTERISK, False),
        ("/telnyx", {}, False),
        ("/asterisk", ASTERISK, True),
        ("/asterisk", TELNYX, False),
        ("/asterisk", {}, False),
    ],
)
def test_who_shows_its_own_secret_is_let_in(
    path: str, headers: dict[str, str], is_let_in: bool
) -> None:
    """From wherever it comes; who does not is refused, even from this machine."""
    for near in (False, True):
        refusal = carriers(PATHS, SECRETS, near=near).admit(Request("GET", path, headers=headers))
        assert (refusal is None) == is_let_in
        assert refusal is None or refusal.status == 403


def test_without_a_secret_this_machine_alone_is_let_in() -> None:
    """Nothing can be proved then."""
    for path in ("/telnyx", "/asterisk"):
        request = Request("GET", path, headers=TELNYX | ASTERISK)
        assert carriers(PATHS, near=True).admit(request) is None
        assert carriers(PATHS).admit(request) is not None


async def test_each_path_has_its_carrier(autojump_clock: MockClock) -> None:
    """Its calls are held with what was given, not with what Twilio's are."""

    async def not_so(carrier: Carrier) -> None:
        raise AssertionError("this is Twilio's")

    for path, end in (("/telnyx", TelnyxEnd()), ("/asterisk", ChannelEnd(as_json=True))):
        session = Session()
        front = Front(not_so, {}, carriers(PATHS).media(session), None, FrontLimits())
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(front.handle, ours)
            async with websocket_over(theirs, Address("server.test", 80, path)) as websocket:
                for message in end.opening():
                    await websocket.send_message(message)
                await trio.sleep(20)
                await websocket.aclose()
        assert session.info is not None
        silent = "no audio from the carrier for 10 s"
        assert (session.stop == silent) == (path == "/telnyx")  # Asterisk may be silent for longer


async def test_audiosocket_has_a_port_where_one_is_configured() -> None:
    """And none by default."""
    async with trio.open_nursery() as nursery:
        serve = partial(carriers().serve_audiosocket, wait_for_stop, admit=bool, shared=False)
        assert await nursery.start(serve) is None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    ours = carriers({"ANTIPHON_AUDIOSOCKET__PORT": str(free)})
    session = Session()
    async with trio.open_nursery() as nursery:
        serve = partial(ours.serve_audiosocket, session, admit=lambda: True, shared=False)
        listening = await nursery.start(serve)
        async with await trio.open_tcp_stream("127.0.0.1", free) as stream:
            await stream.send_all(encode(Packet(packets.ID, CALL_ID.bytes)))
            await stream.send_all(encode(Packet(packets.HANG_UP)))
            assert await stream.receive_some() == encode(Packet(packets.HANG_UP))
        listening.drain()
    assert session.stop == "the carrier ended the call"


@pytest.mark.parametrize(
    "text",
    [
        '[telnyx]\npath = "telnyx"',
        '[asterisk]\npath = "/"',
        "[asterisk]\nsilence_s = 0.5",
        "[audiosocket]\nport = 65536",
        "[audiosocket]\ncalls = 0",
    ],
)
def test_settings_that_could_never_work_are_refused(text: str, tmp_path: Path) -> None:
    """By their names."""
    path = tmp_path / "antiphon.toml"
    path.write_text(text, encoding="utf-8")
    key = text.partition("\n")[2].partition(" ")[0]
    with pytest.raises(ConfigError, match=key):
        load_config(path, {})


def test_secrets_are_in_no_text_of_a_configuration() -> None:
    """Neither Telnyx's token nor Asterisk's password."""
    config = load_config(None, SECRETS)
    assert config != Config()
    assert "sesame" not in repr(config)
