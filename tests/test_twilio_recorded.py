"""The protocol, held against messages of real calls and of Twilio's documentation."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.twilio.protocol import AgentAudio, AgentClear, AgentMark, CarrierStream, ServerStream
from effects.ports import CallInfo, Dtmf, Mark, Media, Stop
from tests.twilio_kit import SOUND, Message, message

RECORDED = Path(__file__).parents[2] / "shared" / "twilio"


def _recorded() -> list[Any]:
    if not RECORDED.is_dir():
        reason = "the recorded messages are not here"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    lines: list[Any] = []
    for path in sorted(RECORDED.glob("*.jsonl")):
        for number, text in enumerate(path.read_text().splitlines(), 1):
            line = json.loads(text)
            # The signature vectors are not messages; the trace of a call wraps its messages.
            if "event" in line or "msg" in line:
                lines.append(pytest.param(line, id=f"{path.stem}:{number}"))
    return lines


def _unelided(said: Message) -> Message:
    """The payload that a recording left out, or cut short with dots, put back."""
    media = said.get("media", {})
    if "bytes" in said:
        return {"event": "media", "streamSid": "", "media": {"payload": "A" * 4}}
    if re.fullmatch(r"<\d+b64>|.*\.\.\.", media.get("payload", "")):
        return {**said, "media": {**media, "payload": base64.b64encode(SOUND).decode()}}
    return said


@pytest.mark.parametrize("line", _recorded())
def test_recorded_messages_are_understood(line: Message) -> None:
    """Every message captured on a real call or printed in Twilio's documentation is taken."""
    said = _unelided(line.get("msg", line))
    sent_by_twilio = said["event"] == "connected" or "sequenceNumber" in said
    sid = said.get("streamSid", "")
    if not sent_by_twilio:
        taken = CarrierStream(CallInfo("CA1", sid), account_sid="AC1").receive(json.dumps(said))
        assert isinstance(taken, (AgentAudio, AgentMark, AgentClear))
        return
    stream = ServerStream()
    if said["event"] not in ("connected", "start"):
        stream.receive(json.dumps(message("start", sequence=0, stream_sid=sid)))
    expected = {
        "connected": type(None),
        "start": CallInfo,
        "media": Media,
        "dtmf": Dtmf,
        "mark": Mark,
        "stop": Stop,
    }
    assert isinstance(stream.receive(json.dumps(said)), expected[said["event"]])


@pytest.mark.parametrize("name", ["darai0512_mark_echo", "real_bun_connect_call", "sip_call_trace"])
def test_recorded_calls_are_understood_as_a_whole(name: str) -> None:
    """Recorded calls, in their order, from `connected` to `stop`, without one refusal."""
    path = RECORDED / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    stream, calls = ServerStream(), 0
    for text in path.read_text().splitlines():
        line = json.loads(text)
        if line.get("dir") == "from_server":
            continue
        said = _unelided(line.get("msg", line))
        if said["event"] == "connected":
            stream, calls = ServerStream(), calls + 1
        stream.receive(json.dumps(said))
    assert calls >= 1
