"""OpenAI over real sockets: replies by both APIs, errors in the ports' words, connections that are
used again, kept warm, and closed at once when a reply is called off."""

from __future__ import annotations

import gc
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
import structlog
import trio
import trio.testing
import trustme
from pydantic import BaseModel, SecretStr
from structlog.typing import EventDict

from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings
from effects.ports import (
    Message,
    Prompt,
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from effects.toolkit import strict_schema
from tests.twins.openai import OpenAiTwin, Quirks, Scripted
from tests.twins.openai_requests import QUOTA
from tests.twins.server import Faults, open_twin

SOON_S = 5.0
KEY = "twin-key"
Api = Literal["chat", "responses"]
APIS: tuple[Api, ...] = ("chat", "responses")
both = pytest.mark.parametrize("api", APIS)

SAYS = "Your parcel left Memphis this morning."


class FindOrder(BaseModel):
    """Look an order up."""

    order_number: str


FIND = ToolSpec("find_order", "Look an order up.", strict_schema(FindOrder))


class Halting(Scripted):
    """Says one word, and then nothing for ever."""

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        emit(TextDelta("Your"))
        await trio.sleep_forever()
        raise AssertionError


PROMPT = Prompt("Be kind.", (Message("caller", "Where is my order 29340?"),), (FIND,))


@asynccontextmanager
async def desk(
    api: Api = "chat", *, brain: Scripted | None = None, key: str = KEY, ready: int = 0
) -> AsyncIterator[tuple[OpenAiTwin, OpenAi]]:
    """The twin and a mind that talks to it. No connection is made before it is needed, unless
    ``ready`` says so. Afterwards nothing is left of it."""
    async with open_twin(OpenAiTwin(brain or Scripted(SAYS, token_s=0))) as twin:
        settings = OpenAiSettings(api=api, base_url=twin.base_url, ready=ready, max_tokens=100)
        async with OpenAi(SecretStr(key), settings) as mind:
            yield twin, mind
        gc.collect()  # async generators that were left half-way would be told of here
        await until(lambda: twin.connections == 0 and twin.generating == 0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens on the other side of a socket."""
    with trio.fail_after(SOON_S):
        while not condition():  # noqa: ASYNC110  # it happens in another task's own time
            await trio.sleep(0.002)


async def say(mind: OpenAi, prompt: Prompt = PROMPT) -> str:
    """The text of a reply."""
    pieces: list[TextDelta | ToolCall] = []
    with trio.fail_after(SOON_S):
        await mind.reply(prompt, pieces.append)
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


# --- replies --------------------------------------------------------------------------------


@both
async def test_a_reply_comes_word_by_word_with_what_it_cost(api: Api) -> None:
    async with desk(api) as (twin, mind):
        pieces: list[TextDelta | ToolCall] = []
        usage = await mind.reply(PROMPT, pieces.append)
        assert pieces == [
            TextDelta(word if not at else f" {word}") for at, word in enumerate(SAYS.split())
        ]
        assert (usage.tokens_out, usage.model) == (6, "gpt-5.4-mini-2026-01-01")
        assert usage.tokens_in > 0
        assert usage.request_id == "req_1"
        assert twin.requests[0].headers["authorization"] == f"Bearer {KEY}"


@both
async def test_a_word_is_passed_on_before_the_next_is_there(api: Api) -> None:
    """Nothing is kept back: the caller hears the first clause while the rest is composed."""
    async with desk(api, brain=Halting()) as (twin, mind), trio.open_nursery() as nursery:
        heard: list[TextDelta | ToolCall] = []
        nursery.start_soon(mind.reply, PROMPT, heard.append)
        await until(lambda: heard == [TextDelta("Your")])
        assert twin.generating == 1
        nursery.cancel_scope.cancel()


@both
async def test_tools_are_asked_for_and_their_results_answered(api: Api) -> None:
    """Two calls at once: each comes whole, and goes back with its result as OpenAI wants it."""
    calls = (
        ToolCall("call_1", "find_order", '{"order_number":"29340"}'),
        ToolCall("call_2", "find_order", '{"order_number":"51782"}'),
    )
    brain = Scripted(SAYS, calls, token_s=0)
    async with desk(api, brain=brain) as (_, mind):
        asked: list[TextDelta | ToolCall] = []
        await mind.reply(PROMPT, asked.append)
        assert tuple(asked) == calls
        results = [
            line
            for call in calls
            for line in (Message("agent", "", call), Message("tool", '{"found":true}', call))
        ]
        answered = Prompt("Be kind.", (*PROMPT.messages, *results), (FIND,))
        assert await say(mind, answered) == SAYS
        assert brain.prompts[1].messages == answered.messages


@both
async def test_a_long_beginning_is_cached(api: Api) -> None:
    """The second turn begins as the first did, tools and all."""
    instructions = "Be kind. " * 600
    async with desk(api) as (_, mind):
        first = await mind.reply(Prompt(instructions, PROMPT.messages, (FIND,)), _ignore)
        longer = (*PROMPT.messages, Message("agent", SAYS), Message("caller", "Thank you."))
        second = await mind.reply(Prompt(instructions, longer, (FIND,)), _ignore)
        assert first.tokens_cached == 0
        assert second.tokens_cached > 1024


def _ignore(piece: TextDelta | ToolCall) -> None:
    return None


@both
async def test_a_torn_and_odd_stream_is_a_reply(api: Api) -> None:
    async with desk(api) as (twin, mind):
        twin.faults = Faults(torn=True)
        twin.quirks = Quirks(odd=True)
        assert await say(mind) == SAYS


@both
async def test_a_refusal_is_spoken(api: Api) -> None:
    async with desk(api) as (twin, mind):
        twin.quirks = Quirks(refuses=True)
        assert await say(mind) == SAYS


async def test_the_agents_model_is_asked() -> None:
    async with desk() as (twin, mind):
        await say(mind, Prompt("", PROMPT.messages, model="gpt-5.6-luna"))
        assert twin.bodies[0]["model"] == "gpt-5.6-luna"


async def test_a_server_that_wants_no_key_gets_none() -> None:
    """Local servers have none to check."""
    async with open_twin(OpenAiTwin(Scripted(SAYS, token_s=0), key="")) as twin:
        settings = OpenAiSettings(base_url=twin.base_url, ready=0)
        async with OpenAi(SecretStr(""), settings) as mind:
            assert await say(mind) == SAYS


async def test_a_reply_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates are trusted as the environment says; a connection is used again there, too."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with open_twin(OpenAiTwin(Scripted(SAYS, token_s=0)), tls=context) as twin:
        settings = OpenAiSettings(base_url=twin.base_url, ready=0)
        async with OpenAi(SecretStr(KEY), settings) as mind:
            assert [await say(mind), await say(mind)] == [SAYS] * 2
            assert twin.accepted == 1
        await until(lambda: twin.connections == 0)


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "saying", "error", "retryable", "words"),
    [
        (400, "", ProviderRefused, False, "Invalid request"),
        (401, "", ProviderRefused, False, "check OPENAI_API_KEY"),
        (403, "", ProviderRefused, False, "check OPENAI_API_KEY"),
        (402, "", ProviderRefused, False, "credit"),
        (404, "", ProviderRefused, False, "model_not_found: The model `nobody` does not exist"),
        (408, "", ProviderLost, True, "in trouble"),
        (429, "", ProviderBusy, True, "too much at once"),
        (429, QUOTA.body.decode(), ProviderRefused, False, "quota is used up"),
        (429, "slow down", ProviderBusy, True, "too much at once"),
        (500, "", ProviderLost, True, "in trouble"),
        (503, "<html>Bad gateway</html>", ProviderLost, True, r"in trouble \(503\)$"),
    ],
)
@both
async def test_a_refusal_says_whose_fault_it_is(
    api: Api, status: int, saying: str, error: type[ProviderError], retryable: bool, words: str
) -> None:
    """With OpenAI's name for the request, and never the key."""
    async with desk(api) as (twin, mind):
        twin.faults = Faults(refuse=status, saying=saying)
        with pytest.raises(error, match=words) as raised:
            await say(mind)
        assert type(raised.value) is error
        assert raised.value.retryable is retryable
        assert str(raised.value).startswith(("openai (request req_1)", "openai refused the key"))
        assert "req_1" in str(raised.value)
        assert KEY not in repr(raised.value)
        assert len(twin.requests) == 1  # the engine decides on another try, not the SDK
        twin.faults = Faults()
        assert await say(mind) == SAYS


async def test_a_wrong_key_is_never_shown() -> None:
    """Though OpenAI quotes it: not in an error, a log or a repr."""
    with structlog.testing.capture_logs() as logs:
        async with desk(key="sk-wrong-key", ready=1) as (_, mind):
            with pytest.raises(ProviderRefused, match="check OPENAI_API_KEY") as raised:
                await say(mind)
            await until(lambda: bool(logs))
            assert "sk-wrong" not in f"{raised.value!r} {mind!r} {vars(mind)} {logs}"


async def test_a_model_that_is_not_there() -> None:
    async with desk() as (_, mind):
        with pytest.raises(ProviderRefused, match="The model `gpt-0` does not exist"):
            await say(mind, Prompt("", PROMPT.messages, model="gpt-0"))


@both
async def test_nobody_there(api: Api) -> None:
    """That OpenAI is away is told when it matters, not when the service starts."""
    async with open_twin(OpenAiTwin()) as twin:
        pass
    with structlog.testing.capture_logs() as logs:
        settings = OpenAiSettings(api=api, base_url=twin.base_url, ready=1)
        async with OpenAi(SecretStr(KEY), settings) as mind:
            with pytest.raises(ProviderLost, match="openai cannot be reached: ") as raised:
                await say(mind)
            assert raised.value.retryable
            await until(lambda: bool(logs))
    assert [_shown(line) for line in logs] == [("not_warm", "openai")]


def _shown(line: EventDict) -> tuple[str, str]:
    return line["event"], line["vendor"]


async def test_a_connection_that_is_not_made_in_time() -> None:
    """A server whose queue of connections is full."""
    with trio.socket.socket() as listener:
        await listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        async with await trio.open_tcp_stream(*address), trio.open_nursery() as nursery:

            async def fill() -> None:
                await trio.open_tcp_stream(*address)

            nursery.start_soon(fill)
            await trio.testing.wait_all_tasks_blocked()
            url = f"http://127.0.0.1:{address[1]}/v1"
            settings = OpenAiSettings(base_url=url, ready=0, connect_s=0.2)
            async with OpenAi(SecretStr(KEY), settings) as mind:
                with pytest.raises(ProviderTimeout, match="did not answer in time"):
                    await say(mind)
            nursery.cancel_scope.cancel()


@both
async def test_silence_is_the_engines_to_end(api: Api) -> None:
    """However long the first token takes, the adapter waits until it is cancelled."""
    async with desk(api) as (twin, mind):
        twin.faults = Faults(stall_s=0.3)
        with trio.move_on_after(0.1) as patience:
            await mind.reply(PROMPT, _ignore)
        assert patience.cancelled_caught
        twin.faults = Faults()
        assert await say(mind) == SAYS


@both
@pytest.mark.parametrize("lose_after", [1, 3, 5])
async def test_a_lost_connection_is_told(api: Api, lose_after: int) -> None:
    """With what the reply was until then, and its request."""
    async with desk(api) as (twin, mind):
        twin.faults = Faults(lose_after=lose_after)
        with pytest.raises(ProviderLost, match=r"openai \(request req_1\) broke off"):
            await say(mind)
        twin.faults = Faults()
        assert await say(mind) == SAYS


@both
async def test_a_stream_that_ends_in_the_middle_is_lost(api: Api) -> None:
    async with desk(api) as (twin, mind):
        twin.quirks = Quirks(end_after=3)
        with pytest.raises(ProviderLost, match="in the middle of a reply"):
            await say(mind)


@both
async def test_an_error_in_the_stream_comes_after_the_words_before_it(api: Api) -> None:
    """And the connection is closed, whatever the server has still to say."""
    async with desk(api) as (twin, mind):
        twin.quirks = Quirks(error_after=2, error_code="rate_limit_exceeded", lingers_s=60)
        pieces: list[TextDelta | ToolCall] = []
        with pytest.raises(ProviderBusy, match=r"openai \(request req_1\)"):
            await mind.reply(PROMPT, pieces.append)
        assert len(pieces) == 2
        await until(lambda: twin.connections == 0)


async def test_a_bug_in_the_engine_comes_out_as_it_is() -> None:
    def emit(piece: TextDelta | ToolCall) -> None:
        raise KeyError("mine")

    async with desk() as (_, mind):
        with pytest.raises(KeyError, match="mine"):
            await mind.reply(PROMPT, emit)


# --- connections ----------------------------------------------------------------------------


@both
async def test_a_connection_is_used_again(api: Api) -> None:
    """After a reply that is complete, also where the body stays open a little longer."""
    async with desk(api) as (twin, mind):
        twin.quirks = Quirks(lingers_s=0.03)
        for _ in range(3):
            await say(mind)
        assert twin.connections == twin.accepted == 1


@both
async def test_a_body_that_does_not_end_is_not_waited_for(api: Api) -> None:
    """The reply is complete; its connection is given up."""
    async with desk(api) as (twin, mind):
        twin.quirks = Quirks(lingers_s=60)
        assert await say(mind) == SAYS
        await until(lambda: twin.connections == 0)


async def test_connections_are_ready_before_they_are_needed() -> None:
    async with desk(ready=2) as (twin, mind):
        await until(lambda: twin.connections == 2 and len(twin.requests) == 2)
        await trio.testing.wait_all_tasks_blocked(0.05)  # the answers are read
        await say(mind)
        assert twin.accepted == 2


async def test_a_lost_connection_is_replaced_in_the_background() -> None:
    """A draft that is called off must not cost the next one a handshake."""
    async with desk(ready=1, brain=Halting()) as (twin, mind):
        await until(lambda: twin.connections == 1 and len(twin.requests) == 1)
        with trio.move_on_after(0.05):
            await mind.reply(PROMPT, _ignore)
        await until(lambda: twin.accepted == 2)


@both
async def test_cancelling_stops_the_generation_at_once(api: Api) -> None:
    """The server sees its connection gone, though it has nothing to send at the moment."""
    async with desk(api, brain=Halting()) as (twin, mind), trio.open_nursery() as nursery:
        heard: list[TextDelta | ToolCall] = []
        nursery.start_soon(mind.reply, PROMPT, heard.append)
        await until(lambda: bool(heard))
        nursery.cancel_scope.cancel()
    assert twin.connections == 0


class CancelAt(trio.abc.Instrument):
    """Cancels a scope at the k-th time that its task is run."""

    def __init__(self, k: int) -> None:
        self.scope = trio.CancelScope()
        self._left = k
        self._task = trio.lowlevel.current_task()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self.scope.cancel()


@both
async def test_cancelling_anywhere_leaves_nothing(api: Api) -> None:
    """At every await of a whole exchange: no connection in use, no generation, nothing emitted
    afterwards, and the next reply is whole."""
    async with desk(api) as (twin, mind):
        k, cancelled = 0, True
        while cancelled:
            k += 1
            pieces: list[TextDelta | ToolCall] = []
            with trio.fail_after(SOON_S):
                cancelled = await _cancelled_at(k, mind, pieces)
            count = len(pieces)
            await until(lambda: twin.generating == 0)
            assert len(pieces) == count
        assert k > 10
        assert await say(mind) == SAYS
        assert twin.connections <= 1


async def _cancelled_at(k: int, mind: OpenAi, pieces: list[TextDelta | ToolCall]) -> bool:
    instrument = CancelAt(k)
    trio.lowlevel.add_instrument(instrument)
    try:
        with instrument.scope:
            await mind.reply(PROMPT, pieces.append)
    finally:
        trio.lowlevel.remove_instrument(instrument)
    return instrument.scope.cancelled_caught


async def test_a_hundred_calls_at_once() -> None:
    """Each has its connection, and all replies are whole."""
    async with desk() as (_, mind):
        said: list[str] = []

        async def call() -> None:
            said.append(await say(mind))

        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(call)
        assert said == [SAYS] * 100
