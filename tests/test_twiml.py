"""TwiML: what Twilio is told, whatever is put into it."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from adapters.twilio import twiml

NASTY = '"><Hangup/><Stream url="wss://else.where/"/>&amp;]]>\x00\x0b\ud800é\U0001f600'
WITHOUT_CONTROL = NASTY.replace("\x00", "").replace("\x0b", "").replace("\ud800", "")


def only(document: bytes, path: str) -> Element:
    """The one element there; and there is nothing but what was meant."""
    (element,) = fromstring(document).findall(path)
    return element


def test_a_call_is_connected_to_its_stream() -> None:
    """With its parameters in order, which is how data reaches the stream."""
    document = twiml.connect("wss://we.example/media", {"token": "t", "from": "+15551234567"})
    stream = only(document, "Connect/Stream")
    assert stream.attrib == {"url": "wss://we.example/media"}
    assert [one.attrib for one in stream] == [
        {"name": "token", "value": "t"},
        {"name": "from", "value": "+15551234567"},
    ]
    with_status = twiml.connect("wss://we.example/media", {}, status_url="https://we.example/s")
    assert only(with_status, "Connect/Stream").get("statusCallback") == "https://we.example/s"


@pytest.mark.parametrize(
    ("to", "tag"), [("+15551234567", "Number"), ("sip:desk@we.example", "Sip")]
)
def test_a_caller_is_put_through_to_a_number_or_an_address(to: str, tag: str) -> None:
    """Which of the two is told by the scheme."""
    assert only(twiml.dial(to), f"Dial/{tag}").text == to
    assert only(twiml.dial(to, caller_id="+1555"), "Dial").get("callerId") == "+1555"


def test_a_caller_whom_we_cannot_take_is_told() -> None:
    """Words, then the end; or just the end."""
    assert [one.tag for one in fromstring(twiml.say("We are full."))] == ["Say", "Hangup"]
    assert only(twiml.say("We are full."), "Say").text == "We are full."
    assert [one.tag for one in fromstring(twiml.hang_up())] == ["Hangup"]


def test_nothing_from_outside_becomes_markup() -> None:
    """In text and in attributes it stays text, less what no XML may hold."""
    stream = only(twiml.connect(NASTY, {NASTY: NASTY}), "Connect/Stream")
    assert stream.get("url") == WITHOUT_CONTROL
    assert stream[0].attrib == {"name": WITHOUT_CONTROL, "value": WITHOUT_CONTROL}
    assert len(stream) == 1
    assert only(twiml.say(NASTY), "Say").text == WITHOUT_CONTROL
    assert only(twiml.dial(NASTY, caller_id=NASTY), "Dial/Number").text == WITHOUT_CONTROL
