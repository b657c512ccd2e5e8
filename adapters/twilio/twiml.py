"""TwiML: what Twilio is told to do with a call, as XML.

    connect    <Connect><Stream>: the call's sound goes to a websocket of ours, and back
    dial       <Dial>: the caller is put through to somebody else
    say        <Say>, then a hang-up: for callers whom we cannot take

(https://www.twilio.com/docs/voice/twiml) Everything that comes from outside goes into the document
as text or as an attribute's value through the standard library's tree, which escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

CONTENT_TYPE = "text/xml; charset=utf-8"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold, however they are written."""


def connect(url: str, parameters: Mapping[str, str], *, status_url: str = "") -> bytes:
    """The call's sound to a websocket. ``parameters`` arrive in the stream's ``start``: a query on
    the URL would be stripped."""
    response = Element("Response")
    stream = SubElement(SubElement(response, "Connect"), "Stream", url=_text(url))
    if status_url:
        stream.set("statusCallback", _text(status_url))
    for name, value in parameters.items():
        SubElement(stream, "Parameter", name=_text(name), value=_text(value))
    return _document(response)


def dial(number: str, *, caller_id: str = "") -> bytes:
    """Put the caller through to a telephone number, or to a SIP address (``sip:…``)."""
    response = Element("Response")
    verb = SubElement(response, "Dial")
    if caller_id:
        verb.set("callerId", _text(caller_id))
    is_sip = number.lower().startswith(("sip:", "sips:"))
    SubElement(verb, "Sip" if is_sip else "Number").text = _text(number)
    return _document(response)


def say(words: str) -> bytes:
    """Tell the caller something in the carrier's own voice, then hang up."""
    response = Element("Response")
    SubElement(response, "Say").text = _text(words)
    SubElement(response, "Hangup")
    return _document(response)


def hang_up() -> bytes:
    """End the call."""
    response = Element("Response")
    SubElement(response, "Hangup")
    return _document(response)


def _text(text: str) -> str:
    return _NOT_XML.sub("", text)


def _document(response: Element) -> bytes:
    document: bytes = tostring(response, encoding="utf-8", xml_declaration=True)
    return document
