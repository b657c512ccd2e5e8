"""Websockets to vendors: opened in time, refused in the ports' words, closed within a moment."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

from adapters.sockets import Endpoint, Socket, SocketClosed, open_socket
from adapters.standby import Standby
from effects.ports import ProviderBusy, ProviderError, ProviderLost, ProviderRefused
from tests.sockets_kit import until
from tests.twins.server import Conversation, Faults, Twin, open_twin


class Echo(Twin):
    """Says what it is told."""

    async def converse(self, conversation: Conversation) -> None:
        while True:
            message = await conversation.receive()
            assert isinstance(message, str)
            await conversation.send(message)


def endpoint(twin: Twin, connect_s: float = 5.0) -> Endpoint:
    return Endpoint("echo", f"{twin.ws_url}/?a=1", "ECHO_KEY", {"x-key": "secret"}, connect_s)


async def twice(socket: Socket) -> None:
    for _ in range(2):
        await socket.receive()


async def hear_twice(twin: Twin) -> None:
    async with open_socket(endpoint(twin)) as socket:
        await socket.send("one")
        await twice(socket)


async def test_messages_go_both_ways_and_the_socket_is_closed_afterwards() -> None:
    async with open_twin(Echo()) as twin:
        async with open_socket(endpoint(twin)) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
            assert twin.requests[0].headers["x-key"] == "secret"
            assert twin.requests[0].query == "a=1"
            assert socket.is_open
        await until(lambda: twin.connections == 0)


@pytest.mark.parametrize(
    ("status", "saying", "error", "retryable", "words"),
    [
        (401, "", ProviderRefused, False, "check ECHO_KEY"),
        (403, "", ProviderRefused, False, "check ECHO_KEY"),
        (402, "", ProviderRefused, False, "credit"),
        (429, "slow down", ProviderBusy, True, "slow down"),
        (429, "quota exceeded", ProviderRefused, False, "used up"),
        (400, "bad model", ProviderRefused, False, "bad model"),
        (503, "", ProviderLost, True, "503"),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(
    status: int, saying: str, error: type[ProviderError], retryable: bool, words: str
) -> None:
    """And never the key."""
    async with open_twin(Echo()) as twin:
        twin.faults = Faults(refuse=status, saying=saying)
        with pytest.raises(error, match=words) as raised:
            async with open_socket(endpoint(twin)):
                pass
        assert raised.value.retryable is retryable
        assert "secret" not in f"{raised.value!r} {endpoint(twin)!r}"
        await until(lambda: twin.connections == 0)


async def test_nobody_there() -> None:
    """A connection that is refused is lost: another try may help."""
    async with open_twin(Echo()) as twin:
        pass
    with pytest.raises(ProviderLost, match=r"echo cannot be reached: .*Connection refused"):
        async with open_socket(endpoint(twin)):
            pass


async def test_a_vendor_that_does_not_answer_is_given_up() -> None:
    """And nothing of the connection is left."""
    async with open_twin(Echo()) as twin:
        twin.faults = Faults(stall_s=60)
        with pytest.raises(ProviderError, match=r"echo did not answer within 0\.1 s"):
            async with open_socket(endpoint(twin, connect_s=0.1)):
                pass


async def test_a_lost_connection_is_told() -> None:
    async with open_twin(Echo()) as twin:
        twin.faults = Faults(lose_after=1)
        with pytest.raises(SocketClosed, match="1006"):
            await hear_twice(twin)


async def test_a_close_code_is_told() -> None:
    async with open_twin(Echo()) as twin:
        twin.faults = Faults(close_after=1, close_code=1008, close_reason="policy")
        with pytest.raises(SocketClosed, match="1008: policy") as raised:
            await hear_twice(twin)
        assert raised.value.code == 1008


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    async with open_twin(Echo()) as twin:
        with pytest.raises(KeyError):
            async with open_socket(endpoint(twin)):
                raise KeyError("mine")


async def test_cancelling_closes_the_socket_at_once() -> None:
    """Even where the vendor does not read any more."""
    async with open_twin(Echo()) as twin:
        with trio.move_on_after(0.05) as scope:
            async with open_socket(endpoint(twin)) as socket:
                await socket.receive()
        assert scope.cancelled_caught
        await until(lambda: twin.sockets == 0)


async def test_torn_messages_arrive_whole() -> None:
    async with open_twin(Echo()) as twin:
        twin.faults = Faults(torn=True)
        async with open_socket(endpoint(twin)) as socket:
            await socket.send("x" * 500)
            assert await socket.receive() == "x" * 500


async def test_a_warm_socket_waits_and_is_replaced_when_it_is_taken() -> None:
    async with open_twin(Echo()) as twin, AsyncExitStack() as stack:
        standby = await stack.enter_async_context(
            Standby(endpoint(twin), ready=1, most=2, idle_s=60)
        )
        await until(lambda: standby.idle == 1)
        async with standby.take() as lease:
            await until(lambda: twin.sockets == 2 and standby.idle == 1)
            await lease.socket.send("a")
            assert await lease.socket.receive() == "a"
            lease.reusable = True
        assert standby.idle == 2
    await until(lambda: twin.sockets == 0)


async def test_a_socket_that_is_not_given_back_is_closed() -> None:
    async with (
        open_twin(Echo()) as twin,
        Standby(endpoint(twin), ready=0, most=1, idle_s=60) as standby,
    ):
        async with standby.take():
            await until(lambda: twin.sockets == 1)
        await until(lambda: twin.sockets == 0)
        assert standby.idle == 0


async def test_a_socket_that_the_vendor_closed_is_not_handed_out() -> None:
    async with (
        open_twin(Echo()) as twin,
        Standby(endpoint(twin), ready=1, most=1, idle_s=60) as standby,
    ):
        await until(lambda: standby.idle == 1)
        async with standby.take() as lease:
            twin.faults = Faults(close_after=1)
            await lease.socket.send("close")
            with pytest.raises(SocketClosed):
                await twice(lease.socket)
            lease.reusable = True
        twin.faults = Faults()
        async with standby.take() as lease:
            await lease.socket.send("b")
            assert await lease.socket.receive() == "b"


async def test_a_vendor_that_is_away_is_told_only_when_it_matters() -> None:
    async with open_twin(Echo()) as twin:
        twin.faults = Faults(refuse=500)
        async with Standby(endpoint(twin), ready=1, most=1, idle_s=60) as standby:
            await until(lambda: len(twin.requests) >= 1)
            with pytest.raises(ProviderLost):
                async with standby.take():
                    pass
