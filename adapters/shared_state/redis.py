"""Shared state of the workers of many machines: a Redis.

The places under a name are a sorted set, each holder with the time until which it holds. Scripts
make a question and its answer one step, and take the time from Redis, so that no two machines
need agree about it. A whole set goes when its last place has lapsed.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Self
from urllib.parse import urlsplit

import coredis
import trio
from coredis.exceptions import RedisError
from pydantic import SecretStr

from adapters.secrets import quoted, revealed
from effects.ports import ProviderRefused, SharedLost

WAIT_S = 0.1
"""For an answer on the way of a call."""

CONNECT_S = 3.0

_PREFIX = "antiphon:"

_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

_HOLD = (
    _NOW
    + """\
local name, holder, limit, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', name, '-inf', now)
local mine = redis.call('ZSCORE', name, holder)
if not mine and limit >= 0 and redis.call('ZCARD', name) >= limit then return 0 end
redis.call('ZADD', name, now + ttl, holder)
redis.call('PEXPIRE', name, math.max(ttl, redis.call('PTTL', name)))
return 1"""
)

_HOLDERS = _NOW + "return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')"


class RedisState:
    """See :class:`effects.ports.Shared`. ``url`` may hold a password, and is not shown."""

    name = "redis"

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._client: coredis.Redis[str]

    async def __aenter__(self) -> Self:
        """Connect. Raises :class:`SharedLost` if there is no Redis, or its URL is none. The client
        opens a nursery: leave in the task that entered."""
        self._client = _client(self._url)
        self._hold = self._client.register_script(_HOLD)
        self._holders = self._client.register_script(_HOLDERS)
        await self._client.__aenter__()
        try:
            await self._ask(self._client.ping(), CONNECT_S)
        except BaseException:
            await self._client.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._client.__aexit__(*exc)

    async def hold(self, name: str, holder: str, *, limit: int | None, ttl_s: float) -> bool:
        """See :class:`effects.ports.Shared`."""
        places = -1 if limit is None else limit
        arguments: list[str | int] = [holder, places, int(ttl_s * 1000)]
        return bool(await self._ask(self._hold(keys=[_PREFIX + name], args=arguments)))

    async def release(self, name: str, holder: str) -> None:
        """See :class:`effects.ports.Shared`."""
        await self._ask(self._client.zrem(_PREFIX + name, [holder]))

    async def holders(self, name: str) -> list[str]:
        """See :class:`effects.ports.Shared`."""
        return sorted(await self._ask(self._holders(keys=[_PREFIX + name])))

    async def once(self, key: str, ttl_s: float) -> bool:
        """See :class:`effects.ports.Shared`."""
        name, lapse_ms = f"{_PREFIX}once:{key}", int(ttl_s * 1000)
        first = self._client.set(name, "", condition=coredis.PureToken.NX, px=lapse_ms)
        return bool(await self._ask(first))

    async def _ask(self, question: Awaitable[Any], wait_s: float = WAIT_S) -> Any:
        try:
            with trio.move_on_after(wait_s):
                return await question
        except (RedisError, OSError, trio.BrokenResourceError) as error:
            raise SharedLost(f"Redis: {quoted(str(error))}") from None
        raise SharedLost(f"Redis does not answer within {wait_s * 1000:.0f} ms")


def _client(url: SecretStr) -> coredis.Redis[str]:
    try:
        plain = revealed(url, "the URL of Redis")
        if urlsplit(plain).hostname or plain.startswith("unix:"):
            return coredis.Redis.from_url(plain, decode_responses=True, connect_timeout=CONNECT_S)
    except (ValueError, ProviderRefused):
        pass  # what it says may quote a part of the URL
    raise SharedLost("the URL of Redis is none: redis://HOST:PORT/0 is needed")
