"""The connection to Deepgram: what it asks for, what keeps it alive, who refuses it, what is odd
on it; and that cancelling leaves nothing of it."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import pytest
import trio
import trustme

from adapters import sockets
from adapters.deepgram.settings import DeepgramSettings
from effects.ports import ProviderBusy, ProviderError, ProviderLost, ProviderRefused
from tests.deepgram_kit import EAGER, FLUX, NOVA, Caller, Puppet, calling, deepgram, results
from tests.sockets_kit import SOON_S, cancelled_after, until
from tests.twins.deepgram import DeepgramTwin
from tests.twins.server import Conversation, Faults, open_twin


async def test_what_is_asked_for() -> None:
    """The settings of a model are in its address, and only those."""
    nova = msgspec.structs.replace(NOVA, keyterms=("Ann Arbor", "Göta"), utterance_end_ms=1000)
    flux = msgspec.structs.replace(EAGER, numerals=True, mip_opt_out=True)
    async with open_twin(DeepgramTwin()) as twin:
        for settings in (nova, flux):
            async with calling(twin, settings) as caller:
                caller.hangs_up()
                await caller.ended()
    asked = [(request.path, parse_qs(request.query)) for request in twin.requests]
    common = {"encoding": ["mulaw"], "sample_rate": ["8000"], "profanity_filter": ["false"]}
    assert asked == [
        (
            "/v1/listen",
            common
            | {
                "model": ["nova-3"],
                "keyterm": ["Ann Arbor", "Göta"],
                "numerals": ["false"],
                "mip_opt_out": ["false"],
                "smart_format": ["true"],
                "interim_results": ["true"],
                "endpointing": ["false"],
                "utterance_end_ms": ["1000"],
            },
        ),
        (
            "/v2/listen",
            common
            | {
                "model": ["flux-general-en"],
                "numerals": ["true"],
                "mip_opt_out": ["true"],
                "eot_threshold": ["0.7"],
                "eager_eot_threshold": ["0.4"],
                "eot_timeout_ms": ["5000"],
            },
        ),
    ]


@pytest.mark.parametrize(
    "wrong", [{"utterance_end_ms": 500}, {"eager_eot_threshold": 0.8}, {"eot_threshold": 0.2}]
)
def test_what_deepgram_would_not_take_is_refused_in_the_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, DeepgramSettings)


async def test_nova_is_kept_alive_without_sound() -> None:
    """A KeepAlive counts only after audio, so there is a little silence first."""
    settings = msgspec.structs.replace(NOVA, keep_alive_s=0.02)
    async with open_twin(DeepgramTwin(idle_s=1.0)) as twin, calling(twin, settings) as caller:
        await until(lambda: len(twin.calls[0].controls) >= 60 if twin.calls else False)
        caller.says("one")
        caller.speech_over()
        await caller.ended()
    assert len(twin.calls) == 1
    assert set(twin.calls[0].controls) == {"KeepAlive", "CloseStream"}
    assert caller.text == "one"


async def test_flux_gets_silence_where_there_is_no_sound() -> None:
    """It has no KeepAlive. The silence ends its turn, and is no time of the call."""
    settings = msgspec.structs.replace(FLUX, keep_alive_s=0.5)
    async with open_twin(DeepgramTwin()) as twin, calling(twin, settings) as caller:
        caller.says("one")
        await until(lambda: bool(caller.heard) and caller.heard[-1].final)
        assert caller.heard[-1].through_ms <= caller.at_ms
        caller.says("two")
        caller.speech_over()
        await caller.ended()
    assert caller.words == ["one", "two"]
    assert set(twin.calls[0].controls) == {"CloseStream"}


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (400, ProviderRefused, "No such model"),
        (401, ProviderRefused, "check DEEPGRAM_API_KEY"),
        (402, ProviderRefused, "credit"),
        (403, ProviderRefused, "check DEEPGRAM_API_KEY"),
        (429, ProviderBusy, "Too many requests"),
        (503, ProviderLost, "try again later"),
    ],
)
async def test_a_refusal_is_told_at_once(
    status: int, error: type[ProviderError], words: str
) -> None:
    async with open_twin(DeepgramTwin()) as twin:
        twin.faults = Faults(refuse=status)
        async with calling(twin) as caller:
            await caller.ended()
    assert type(caller.error) is error
    assert words in str(caller.error)
    assert len(twin.requests) == 1


async def test_a_wrong_key_is_not_told() -> None:
    async with open_twin(DeepgramTwin()) as twin, calling(twin, key="wrong-key") as caller:
        await caller.ended()
    assert isinstance(caller.error, ProviderRefused)
    assert "wrong-key" not in f"{caller.error!r} {deepgram(twin, NOVA, 'wrong-key')!r}"


async def test_a_vendor_that_does_not_answer_is_given_up() -> None:
    settings = msgspec.structs.replace(NOVA, connect_s=0.1)
    async with open_twin(DeepgramTwin()) as twin:
        twin.faults = Faults(stall_s=60)
        async with calling(twin, settings) as caller:
            await caller.ended()
    assert "did not answer within 0.1 s" in str(caller.error)


async def test_audio_that_cannot_be_decoded_is_refused() -> None:
    """It would not be the next time either."""
    async with open_twin(DeepgramTwin()) as twin, calling(twin) as caller:
        caller.sounds(b"RIFF" + bytes(156))
        await caller.ended()
    assert isinstance(caller.error, ProviderRefused)
    assert "cannot decode the audio (1008 DATA-0000)" in str(caller.error)
    assert len(twin.calls) == 1


ODD = [
    "",
    "no json",
    "[]",
    "null",
    '{"type": "Something New"}',
    '{"type": "Results"}',
    '{"type": "Results", "channel": 5, "start": 1, "duration": 2}',
    '{"type": "Results", "channel": {"alternatives": []}, "start": 1, "duration": 2}',
    '{"type": "Results", "channel": {"alternatives": [{}]}, "start": 1, "duration": 2}',
    '{"type": "Results", "channel": {"alternatives": [{"transcript": "x"}]}, "duration": "y"}',
    '{"type": "SpeechStarted", "channel": [0, 1], "timestamp": 9.54}',
    '{"type": "Metadata", "request_id": "r"}',
    '{"type": "UtteranceEnd"}',
    '{"type": "Error", "variant": "SchemaError", "description": "what?"}',
    '{"type": "TurnInfo"}',
    '{"type": "TurnInfo", "event": "Update", "transcript": "x", "audio_window_end": 1}',
    '{"type": "ConfigureFailure", "request_id": "r", "sequence_id": 1}',
    '{"type": "Warning", "code": "ODD", "description": "odd"}',
]


@pytest.mark.parametrize("odd", ODD)
async def test_what_is_odd_or_unknown_is_passed_over(odd: str) -> None:
    twin = Puppet(odd, results("one"))
    async with open_twin(twin), calling(twin) as caller:
        await until(lambda: caller.text == "one")
        assert not caller.over.is_set()


async def test_torn_messages_are_understood() -> None:
    async with open_twin(DeepgramTwin()) as twin:
        twin.faults = Faults(torn=True)
        async with calling(twin) as caller:
            caller.says("one two")
            caller.speech_over()
            await caller.ended()
    assert caller.words == ["one two"]


async def test_a_vendor_that_does_not_read_is_heard_all_the_same() -> None:
    """Sending waits for room in the socket; receiving does not wait for sending."""

    class Deaf(DeepgramTwin):
        async def converse(self, conversation: Conversation) -> None:
            await self.now.wait()
            await conversation.send(results("one"))
            await trio.sleep_forever()

        now = trio.Event()

    async with open_twin(Deaf()) as twin, calling(twin) as caller:
        for _ in range(4000):  # some megabytes, which no socket takes in
            caller.sounds_at_once(bytes(16_000))
        await until(lambda: twin.sockets == 1)
        await trio.testing.wait_all_tasks_blocked(0.05)
        twin.now.set()
        await until(lambda: caller.text == "one")


async def test_it_is_used_in_async_with() -> None:
    caller = Caller()
    with pytest.raises(RuntimeError, match="async with"):
        await deepgram(DeepgramTwin(), NOVA).transcribe(caller.sound, caller.heard.append)


async def test_over_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    sockets._tls.cache_clear()
    try:
        async with open_twin(DeepgramTwin(), tls=tls) as twin, calling(twin) as caller:
            assert twin.ws_url.startswith("wss://")
            caller.says("one")
            caller.speech_over()
            await caller.ended()
    finally:
        sockets._tls.cache_clear()
    assert caller.words == ["one"]


# --- cancellation -------------------------------------------------------------------------------


def of_adapters(task: trio.lowlevel.Task) -> bool:
    return "adapters" in str(task.coro.cr_code.co_filename)


@pytest.mark.parametrize("settings", [NOVA, FLUX])
async def test_cancelling_anywhere_leaves_nothing(settings: DeepgramSettings) -> None:
    """At each step of a whole call, losing its connection once: the socket is closed, no task is
    left."""
    step, cancelled = 0, 0
    async with open_twin(DeepgramTwin()) as twin, deepgram(twin, settings) as recogniser:
        while True:
            step += 9
            caller = Caller()
            caller.says("one two")
            with trio.fail_after(SOON_S), cancelled_after(step, of_adapters) as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(caller.run, recogniser)
                    await until(partial(caller.has_heard, "one two"))
                    twin.cut_off()
                    caller.speech_over()
            await until(lambda: twin.sockets == 0 and twin.connections == 0)
            if not scope.cancelled_caught:
                break
            cancelled += 1
    assert cancelled > 10
    assert caller.text == "one two"
