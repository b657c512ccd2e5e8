"""Twilio's signature: its own vectors, and everything that must not pass."""

from __future__ import annotations

import hashlib

import pytest
from pydantic import SecretStr

from adapters.twilio.signature import Parameters, is_signed, signature

TOKEN = SecretStr("12345")
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
BODY = b'{"property": "value", "boolean": true}'
BODY_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def passes(
    given: str, *urls: str, form: Parameters = FORM, body: bytes = b"", token: SecretStr = TOKEN
) -> bool:
    return is_signed(given, urls, form, body, token)


@pytest.mark.parametrize(
    ("url", "given"),
    [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),  # signed with :443
        (URL.replace(".com", ".com:443"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),  # and the reverse
        (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),  # signed with :80
        (
            URL.replace("https", "http").replace(".com", ".com:1234"),
            "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
        ),
    ],
)
def test_the_known_signatures_pass(url: str, given: str) -> None:
    """With the scheme's own port written out or not, and with another port as it is."""
    assert passes(given, url)


def test_a_name_that_comes_twice_is_sorted_and_counted_once() -> None:
    """Several values of one name are signed in order, the same one only once."""
    form = [("Sid", "CA123"), ("SidAccount", "AC123")]
    form += [("Digits", digits) for digits in ("5678", "1234", "1234")]
    assert passes("IK+Dwps556ElfBT0I3Rgjkr1wJU=", URL, form=form)


def test_a_body_that_is_no_form_is_signed_by_its_hash() -> None:
    """The URL is signed, the URL names the hash, and the body has to fit it."""
    assert hashlib.sha256(BODY).hexdigest() in BODY_URL
    given = "a9nBmqA0ju/hNViExpshrM61xv4="
    assert passes(given, BODY_URL, form=[], body=BODY)
    assert not passes(given, BODY_URL, form=[], body=BODY + b" ")


@pytest.mark.parametrize("url", ["wss://example.com/media", "wss://example.com:443/media"])
def test_an_upgrade_is_signed_over_its_own_url(url: str) -> None:
    """No parameters; the port may be written out."""
    assert passes("7PR3qMkpDyEJtMrVOY/LDyNq8J8=", url, form=[])


def test_any_of_our_names_will_do() -> None:
    """Behind a proxy a service is known by more than one URL."""
    assert passes("RSOYDt4T1cUTdK1PDd93/VVr8B8=", "http://inside:8765/voice", URL)


@pytest.mark.parametrize("given", ["", "RSOY", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "é"])
def test_another_signature_does_not_pass(given: str) -> None:
    """Whatever its length and its characters."""
    assert not passes(given, URL)


def test_nothing_may_be_changed() -> None:
    """Not a parameter, not the URL, not the token; nothing added, nothing left away."""
    given = signature(URL, FORM, TOKEN)
    assert passes(given, URL)
    assert not passes(given, URL, form=[*FORM, ("Extra", "1")])
    assert not passes(given, URL, form=FORM[1:])
    assert not passes(given, URL.replace("bar=2", "bar=3"))
    assert not passes(given, URL.replace("https", "http"))
    assert not passes(given, URL, token=SecretStr("12346"))
    assert not passes(given)


@pytest.mark.parametrize("named", ["", "%C3%A9", "%ff", "x" * 100])
def test_a_hash_of_the_body_that_is_none_does_not_pass(named: str) -> None:
    """Whatever stands in its place; it raises nothing."""
    url = f"https://example.com/voice?bodySHA256=1{named}"
    assert not passes(signature(url, [], TOKEN), url, form=[], body=BODY)
