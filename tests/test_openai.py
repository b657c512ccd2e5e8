"""OpenAI over real sockets: replies by both APIs, and errors in the ports' words."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import structlog
import trio
import trio.testing
import trustme
from pydantic import SecretStr
from structlog.typing import EventDict

from adapters.openai.language_model import OpenAi
from adapters.openai.settings import OpenAiSettings
from effects.ports import (
    Message,
    Prompt,
    ProviderBusy,
    ProviderDeclined,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
    TextDelta,
    ToolCall,
)
from tests.openai_kit import FIND, KEY, PROMPT, SAYS, Api, Halting, both, desk, ignore, say
from tests.sockets_kit import SOON_S, until
from tests.twins.openai import OpenAiTwin, Quirks, Scripted
from tests.twins.openai_requests import QUOTA, ApiError
from tests.twins.server import Faults, open_twin

LENGTH = "Your messages are longer than the model's context."
TOO_LONG = ApiError(400, LENGTH, "context_length_exceeded").body.decode()

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
        first = await mind.reply(Prompt(instructions, PROMPT.messages, (FIND,)), ignore)
        longer = (*PROMPT.messages, Message("agent", SAYS), Message("caller", "Thank you."))
        second = await mind.reply(Prompt(instructions, longer, (FIND,)), ignore)
        assert first.tokens_cached == 0
        assert second.tokens_cached > 1024


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
        (400, TOO_LONG, ProviderDeclined, False, "declined the prompt .*: context_length_exceeded"),
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


@pytest.mark.parametrize("key", ["sk-wröng", "sk-wrong\x00", "sk-\nwrong"])
async def test_what_cannot_be_a_key_is_told_when_the_service_starts(key: str) -> None:
    """And not shown: HTTP would quote it."""
    with pytest.raises(ProviderRefused, match="OPENAI_API_KEY holds characters") as raised:
        await OpenAi(SecretStr(key)).__aenter__()
    assert "wr" not in repr(raised.value)


async def test_a_key_from_a_file_has_a_line_end() -> None:
    async with desk(key=f"{KEY}\n") as (_, mind):
        assert await say(mind) == SAYS


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
            await mind.reply(PROMPT, ignore)
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
            with trio.fail_after(SOON_S):
                await mind.reply(PROMPT, pieces.append)
        assert len(pieces) == 2
        await until(lambda: twin.connections == 0)


async def test_a_bug_in_the_engine_comes_out_as_it_is() -> None:
    def emit(piece: TextDelta | ToolCall) -> None:
        raise KeyError("mine")

    async with desk() as (_, mind):
        with pytest.raises(KeyError, match="mine"):
            await mind.reply(PROMPT, emit)
