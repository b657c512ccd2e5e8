"""Twilio's signature of a request: whether it comes from Twilio, and is as Twilio sent it.

``X-Twilio-Signature`` is the base64 of an HMAC-SHA1, keyed with the account's auth token, over the
URL as Twilio was told it, followed for a form by every parameter's name and value, sorted by name.
A body that is no form is signed through ``bodySHA256`` in the query. What is not settled is the
URL's port: some of Twilio's senders write it out where it is the scheme's own and some leave it
away, so both are tried. A websocket's upgrade is signed over its ``wss`` URL without parameters.
(https://www.twilio.com/docs/usage/security, and the vectors in tests/test_twilio_signature.py.)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import SecretStr

HEADER = "x-twilio-signature"

Parameters = Sequence[tuple[str, str]]
"""A form's fields, in any order; a name may come more than once."""

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_BODY_HASH = "bodySHA256"


def signature(url: str, parameters: Parameters, token: SecretStr) -> str:
    """What Twilio puts into the header for this URL and this form. Fields that are the same in
    name and value are signed once."""
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.new(token.get_secret_value().encode(), signed.encode(), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode("ascii")


def is_signed(
    given: str, urls: Sequence[str], parameters: Parameters, body: bytes, token: SecretStr
) -> bool:
    """Whether ``given`` signs this request under any of the URLs by which we may be known.

    ``body`` is needed only where the URL names its hash. Takes the same time whatever is wrong.
    """
    fits = False
    for url in filter(_is_url, urls):
        whole = _is_whole(url, body)
        for form in _forms(url):
            wanted = signature(form, parameters, token)
            right = hmac.compare_digest(wanted.encode(), given.encode())
            fits = fits or (right and whole)
    return fits


def _is_url(url: str) -> bool:
    """Whether it is one at all: a part of it may be what a client says is our name."""
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:
        return False


def _is_whole(url: str, body: bytes) -> bool:
    """Whether the body is the one whose hash the URL names, if it names one."""
    named = [value for name, value in parse_qsl(urlsplit(url).query) if name == _BODY_HASH]
    right = hashlib.sha256(body).hexdigest().encode()
    return all(hmac.compare_digest(value.encode(), right) for value in named)


def _forms(url: str) -> Iterator[str]:
    """The URL with and without its scheme's own port."""
    yield url
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    user, at, place = parts.netloc.rpartition("@")
    host, colon, port = place.rpartition(":")
    if colon and port == str(usual):
        yield urlunsplit(parts._replace(netloc=f"{user}{at}{host}"))
    elif usual and (not colon or port.endswith("]")):
        yield urlunsplit(parts._replace(netloc=f"{parts.netloc}:{usual}"))
