"""Tokens that let a media stream in."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from adapters.twilio.tokens import Tokens

TOKENS = Tokens(SecretStr("the account's auth token"))
NOW_S = 1_700_000_000


def test_a_token_is_known_again() -> None:
    """By every worker that has the same secret; and no two are the same."""
    one, other = TOKENS.make("CA1", NOW_S + 30), TOKENS.make("CA1", NOW_S + 30)
    token = Tokens(SecretStr("the account's auth token")).read(one, "CA1", NOW_S)
    assert token is not None
    assert token.expires_s == NOW_S + 30
    assert one != other


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "..",
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: "9" + text,
        lambda text: text.replace(".", "", 1),
        lambda text: text.upper(),
        lambda text: f"é{text}",
        lambda text: f"{text}é",
        lambda text: f"²{text}",
        lambda text: "9" * 5000 + text,
    ],
)
def test_a_spoilt_token_is_none(spoil: object) -> None:
    """Whatever was changed in it."""
    assert callable(spoil)
    assert TOKENS.read(spoil(TOKENS.make("CA1", NOW_S + 30)), "CA1", NOW_S) is None


def test_a_token_is_for_one_call_and_a_short_while() -> None:
    """Another call's is none, one that is too old is none, nor is one of another secret."""
    text = TOKENS.make("CA1", NOW_S + 30)
    assert TOKENS.read(text, "CA2", NOW_S) is None
    assert TOKENS.read(text, "CA1", NOW_S + 31) is None
    assert Tokens(SecretStr("another")).read(text, "CA1", NOW_S) is None
