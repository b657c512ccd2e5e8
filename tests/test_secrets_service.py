"""The service's own secrets are shown to nobody: not in logs, errors, replies, metrics or journals,
whatever is asked and whatever goes wrong."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from math import inf
from pathlib import Path

import msgspec
import pytest
import trio
from pydantic import SecretStr
from structlog.testing import capture_logs
from trio.testing import MockClock

from adapters.shared_state.redis import RedisState
from adapters.twilio.rest import TwilioRest
from adapters.twilio.settings import TwilioSettings
from effects.ports import SharedLost
from engine.config import Config, load_config
from engine.errors import ConfigError
from engine.reception import Reception
from tests.servers_kit import a_redis
from tests.test_security import answer_to, called, invited, serving
from tests.test_service import Port
from tests.test_service import port as port
from tests.test_telephony import URL

KEY = "twin-key-SECRET-7f1d0c3b7a9e4f"
ENVIRONMENT = {
    "ANTIPHON_KEYS__TWILIO": KEY,
    "ANTIPHON_TWILIO__PUBLIC_URL": URL,
    "ANTIPHON_TWILIO__CALLS_TOKEN": "calls-SECRET-18b2c3d4e5f6",
    "ANTIPHON_SESSIONS__TOKEN": "clients-SECRET-28b2c3d4e5",
    "ANTIPHON_INSPECT__TOKEN": "inspect-SECRET-38b2c3d4e5",
}
REDIS = "redis://:redis-SECRET-48b2c3d4@127.0.0.1:1/0"
SECRET = "SECRET"


def config() -> Config:
    return load_config(None, ENVIRONMENT)


def test_a_configuration_shows_none() -> None:
    """Neither as text nor as a record of itself, in whole or table by table."""
    told = load_config(None, {**ENVIRONMENT, "ANTIPHON_REDIS__URL": REDIS})
    assert told.redis.url is not None
    assert told.redis.url.get_secret_value() == REDIS
    for shown in (told, told.keys, told.twilio, told.sessions, told.inspect, told.redis):
        assert SECRET not in repr(shown) + str(shown)


MISTAKES = [
    {"ANTIPHON_REDIS": REDIS},
    {"ANTIPHON_SESSIONS": "SECRET-token"},
    {"ANTIPHON_TWILIO__AUTH_TOKEN": "SECRET"},
    {"ANTIPHON_SESSIONS__TOKENS": "SECRET"},
]
FILES = [
    f'redis = "{REDIS}"',
    'sessions = "SECRET-token"',
    '[sessions]\ntoken = ["SECRET"]',
    '[twilio]\ncalls_token = {it = "SECRET"}',
    '[twilio]\nauth_token = "SECRET"',
    'inspect = ["SECRET"]',
    "[inspect]\ntoken = SECRET",
]


@pytest.mark.parametrize("environment", MISTAKES)
def test_a_wrong_variable_is_told_without_its_value(environment: dict[str, str]) -> None:
    """People set them where they do not belong."""
    with pytest.raises(ConfigError) as caught:
        load_config(None, environment)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", FILES)
def test_a_wrong_file_is_told_without_the_secret(text: str, tmp_path: Path) -> None:
    """A table is a table, and what somebody put in its place is not quoted."""
    path = tmp_path / "antiphon.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        REDIS,
        "redis://:SECRET",
        "redis://user:SECRET",
        "redis://:SECRET@[h/0",
        "redis://:SECRET@h:port/0",
        "SECRET",
        "redis://:SECRET\n@h",
    ],
)
async def test_a_redis_that_cannot_be_had_is_told_without_its_password(url: str) -> None:
    """That it is not there, or what is wrong with its URL."""
    state = RedisState(SecretStr(url))
    with trio.fail_after(10), pytest.raises(SharedLost) as caught:
        async with state:
            raise AssertionError
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(state) + repr(vars(state))


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with a_redis() as url:
        yield url


async def test_a_redis_that_refuses_is_told_without_the_password(redis_url: str) -> None:
    """It wants none, or another one."""
    host = redis_url.removeprefix("redis://").rpartition("@")[2]
    state = RedisState(SecretStr(f"redis://somebody:{SECRET}-password@{host}"))
    with trio.fail_after(10), pytest.raises(SharedLost) as caught:
        async with state:
            raise AssertionError
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_nothing_that_a_service_says_holds_a_secret(
    port: Port, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked rightly, wrongly and with the secrets of others, and holds a call meanwhile; what
    it answers, logs, counts and keeps names none of them. Nor does its journal hold the token of
    the call."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    secrets = {name: value for name, value in ENVIRONMENT.items() if SECRET in value}
    with capture_logs() as logs:
        async with serving(config()) as seen:
            token = (await invited(port, key=KEY))["token"]
            for value in (*secrets.values(), "another"):
                shown += [str(await answer_to(port, one)) for one in questions(value)]
            await called(port, "CA1", {"token": token})
            await called(port, "CA1", {"token": token})
            # Pages are made in threads: no time is to pass meanwhile.
            autojump_clock.autojump_threshold = inf
            bearer = f"Authorization: Bearer {ENVIRONMENT['ANTIPHON_INSPECT__TOKEN']}\r\n"
            for path in ("/metrics", "/providers", "/inspect/calls", "/inspect/call?id=CA1"):
                request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{bearer}\r\n"
                told = await answer_to(port, request.encode())
                assert told.startswith(b"HTTP/1.1 200 ")
                shown.append(str(told))
            shown += [msgspec.json.encode(line).decode() for lines in seen for line in lines]
    assert len(seen) == 1
    shown += [repr(log) for log in logs] + [record.getMessage() for record in caplog.records]
    assert [text for text in shown if SECRET in text] == []
    assert [text for text in shown if token in text] == []


def questions(value: str) -> Iterator[bytes]:
    """What somebody asks who shows this as whatever there is to show."""
    body = json.dumps({"to": "+15550001111"}).encode()
    for path in ("/calls", "/v1/session", "/voice", "/voice/status"):
        yield (
            f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {value}\r\n"
            f"X-Twilio-Signature: {value}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
    for path in ("/inspect", "/metrics", "/readyz", "/media", "/phone/token?id=x", "/nowhere"):
        yield f"GET {path}?token={value} HTTP/1.1\r\nHost: a\r\nCookie: a={value}\r\n\r\n".encode()


def test_what_holds_secrets_shows_none() -> None:
    """While somebody debugs."""
    rest = TwilioRest(SecretStr(KEY), TwilioSettings())
    assert SECRET not in repr(rest) + repr(vars(rest))
    assert Reception.__repr__ is object.__repr__
