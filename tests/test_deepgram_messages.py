"""Deepgram's messages held against the SDK's own types, and what they become."""

from __future__ import annotations

import inspect
import json
import warnings
from urllib.parse import parse_qs, urlsplit

import pydantic
import pytest
from deepgram.listen.v1 import types as v1
from deepgram.listen.v2 import types as v2

from adapters.deepgram.backlog import Backlog
from adapters.deepgram.lines import FluxLine, Line, NovaLine
from adapters.deepgram.messages import VENDOR, Words, address, told
from adapters.deepgram.segments import Segments
from adapters.deepgram.settings import DeepgramSettings
from adapters.sockets import Endpoint, SocketClosed, open_socket
from effects.ports import Frame, Heard, ProviderLost, ProviderRefused
from tests.sockets_kit import until
from tests.twins.deepgram_messages import Dialect, Flux, Message, Nova
from tests.twins.server import Conversation, Twin, open_twin

with warnings.catch_warnings():  # the SDK imports what its websockets library gives up
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram.listen.v1.client import AsyncV1Client
    from deepgram.listen.v2.client import AsyncV2Client

# --- contracts with the SDK -------------------------------------------------------------------

SENT: dict[str, type[pydantic.BaseModel]] = {
    "KeepAlive": v1.ListenV1KeepAlive,
    "Finalize": v1.ListenV1Finalize,
    "CloseStream": v1.ListenV1CloseStream,
    "ForceEndTurn": v2.ListenV2ForceEndTurn,
}
NOVA_SAYS: dict[str, type[pydantic.BaseModel]] = {
    "Results": v1.ListenV1Results,
    "UtteranceEnd": v1.ListenV1UtteranceEnd,
    "Metadata": v1.ListenV1Metadata,
    "Error": v1.ListenV1Error,
}
FLUX_SAYS: dict[str, type[pydantic.BaseModel]] = {
    "Connected": v2.ListenV2Connected,
    "TurnInfo": v2.ListenV2TurnInfo,
    "Warning": v2.ListenV2Warning,
    "Error": v2.ListenV2FatalError,
}


class Recorder(Twin):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str | bytes] = []

    async def converse(self, conversation: Conversation) -> None:
        while True:
            self.told.append(await conversation.receive())


@pytest.mark.parametrize("is_flux", [False, True])
async def test_what_we_send_parses_with_the_sdks_types(is_flux: bool) -> None:
    async with open_twin(Recorder()) as twin:
        async with open_socket(Endpoint(VENDOR, twin.ws_url, "KEY")) as socket:
            line: Line = (
                FluxLine(socket, silence_ms=80) if is_flux else NovaLine(socket, finalize=True)
            )
            await line.send(b"x" * 640)
            assert await line.keep_alive() == (80 if is_flux else 0)
            await line.speech_ended()
            await line.finish(is_open=True)
            await until(lambda: "CloseStream" in str(twin.told[-1:]))
        texts = [json.loads(message) for message in twin.told if isinstance(message, str)]
        assert [text["type"] for text in texts] == (
            ["ForceEndTurn", "CloseStream"] if is_flux else ["KeepAlive", "Finalize", "CloseStream"]
        )
        for text in texts:
            SENT[text["type"]].model_validate(text)
        assert all(message for message in twin.told), "an empty message makes Deepgram hang up"


@pytest.mark.parametrize(
    ("settings", "client"),
    [
        (DeepgramSettings(keyterms=("a",), language="sv"), AsyncV1Client),
        (
            DeepgramSettings(
                model="flux-general-multi",
                keyterms=("a",),
                language="sv",
                eager_eot_threshold=0.5,
            ),
            AsyncV2Client,
        ),
    ],
)
def test_all_that_is_asked_for_is_known_to_the_sdk(
    settings: DeepgramSettings, client: type[object]
) -> None:
    asked = parse_qs(urlsplit(address(settings)).query)
    connect = client.connect  # type: ignore[attr-defined]
    assert len(asked) >= 10
    assert set(asked) <= set(inspect.signature(connect).parameters)


def all_said_by(dialect: Dialect) -> list[Message]:
    """A conversation that goes through all that a twin says."""
    dialect.listened(20.0)
    dialect.asked(20.0)
    for begin_ms in (1000.0, 4000.0):
        dialect.speaking = dialect.pending = True
        dialect.heard(Heard(0, "one", False, begin_ms))
        dialect.listened(begin_ms + 300)
        dialect.speaking = False
        dialect.heard(Heard(0, "one", True, begin_ms))
        if begin_ms == 1000:
            dialect.speaking = dialect.pending = True
            dialect.heard(Heard(1, "two", False, begin_ms + 300))
            dialect.speaking = False
            dialect.heard(Heard(1, "two", True, begin_ms + 300))
        dialect.listened(begin_ms + 2900)
    dialect.listened(11_000.0)
    dialect.closed(11_020.0)
    dialect.unknown("?")
    return [*dialect.messages(), *([dialect.fatal] if dialect.fatal else [])]


@pytest.mark.parametrize(
    ("dialect", "types"),
    [
        (Nova({"utterance_end_ms": "1000"}), NOVA_SAYS),
        (Flux({"eager_eot_threshold": "0.5"}), FLUX_SAYS),
    ],
)
def test_what_the_twin_says_parses_with_the_sdks_types(
    dialect: Dialect, types: dict[str, type[pydantic.BaseModel]]
) -> None:
    """Strictly: nothing is missing, and nothing of another type."""
    messages = all_said_by(dialect)
    for message in messages:
        types[str(message["type"])].model_validate(message)
    assert {message["type"] for message in messages} == set(types)
    if types is FLUX_SAYS:
        events = {message.get("event") for message in messages} - {None}
        assert events == {"StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"}
        numbers = [message["sequence_id"] for message in messages]
        assert numbers == list(range(len(messages)))


@pytest.mark.parametrize(
    ("reason", "error", "words"),
    [
        ("DATA-0000", ProviderRefused, "cannot decode"),
        ("See https://dpgr.am/data0000", ProviderRefused, "cannot decode"),
        ("NET-0000", ProviderLost, "could not answer"),
        ("See https://dpgr.am/net0001", ProviderLost, "no audio from us"),
        ("", SocketClosed, "closed the connection"),
    ],
)
def test_close_reasons_are_told_in_words(reason: str, error: type[Exception], words: str) -> None:
    """As the documentation names them, and as they come."""
    closed = told(SocketClosed(VENDOR, 1011, reason))
    assert type(closed) is error
    assert words in str(closed)


# --- segments ---------------------------------------------------------------------------------


def taken(segments: Segments, *words: Words) -> list[Heard]:
    return [heard for one in words for heard in segments.take(one, one.through_ms)]


def test_an_utterance_end_ends_the_turn_of_the_final_words_once() -> None:
    segments = Segments()
    taken(segments, Words("one", 500, final=True))
    assert list(segments.utterance_end()) == [Heard(0, "one", True, 500, endpoint=True)]
    assert list(segments.utterance_end()) == []


def test_an_utterance_end_before_the_final_words_is_remembered() -> None:
    segments = Segments()
    taken(segments, Words("one", 500, final=False))
    assert list(segments.utterance_end()) == []
    assert taken(segments, Words("one", 600, final=True))[-1].endpoint


def test_an_utterance_end_that_words_contradict_is_forgotten() -> None:
    segments = Segments()
    taken(segments, Words("one", 500, final=False))
    assert list(segments.utterance_end()) == []
    heard = taken(segments, Words("one two", 900, final=False), Words("one two", 950, final=True))
    assert not heard[-1].endpoint


def test_an_empty_final_result_says_how_far_the_last_words_reach() -> None:
    """Where it was asked for, or ends the turn; else it says nothing."""
    segments = Segments()
    taken(segments, Words("one", 500, final=True))
    assert taken(segments, Words("", 600, final=True)) == []
    assert taken(segments, Words("", 700, final=True, asked=True)) == [Heard(0, "one", True, 700)]
    assert taken(segments, Words("", 900, final=True, endpoint=True)) == [
        Heard(0, "one", True, 900, endpoint=True)
    ]
    assert taken(segments, Words("", 950, final=True, endpoint=True)) == []


def test_words_of_a_turn_that_is_over_come_too_late() -> None:
    segments = Segments()
    taken(segments, Words("one", 500, final=True, endpoint=True, turn=0))
    assert taken(segments, Words("one", 600, final=False, turn=0)) == []
    assert taken(segments, Words("two", 700, final=False, turn=1))[0].segment == 1


def test_a_new_connection_does_not_take_words_back_while_it_hears_them_again() -> None:
    segments = Segments()
    taken(segments, Words("one two three", 900, final=False, turn=4))
    segments.reconnected(keep=False)
    assert taken(segments, Words("one", 300, final=False, turn=0)) == []
    assert taken(segments, Words("one two three four", 1200, final=False, turn=0)) == [
        Heard(0, "one two three four", False, 1200)
    ]


# --- the backlog ------------------------------------------------------------------------------


def frames(*at_ms: float) -> list[Frame]:
    return [Frame(bytes(160), at) for at in at_ms]


def test_times_are_the_calls_and_gaps_are_none_of_the_audio() -> None:
    backlog = Backlog(1000)
    for frame in frames(100, 120, 500):
        backlog.add(frame)
    backlog.add_silence(80)
    backlog.add(Frame(bytes(160), 900))
    assert [backlog.call_ms(ms) for ms in (10, 20, 40, 50, 60, 100, 150, 999)] == [
        110,
        120,
        140,
        510,
        520,
        520,
        910,
        920,
    ]


def test_what_is_finalised_is_not_heard_again() -> None:
    backlog = Backlog(1000)
    for frame in frames(0, 20, 40, 60):
        backlog.add(frame)
    backlog.settle(39.9)
    assert [frame.at_ms for frame in backlog.replay()] == [40, 60]
    assert backlog.call_ms(20) == 60, "a new connection counts from its own beginning"
    assert backlog.call_ms(0) == 40


def test_the_oldest_is_dropped_and_counted_until_it_is_finalised() -> None:
    backlog = Backlog(60)
    for frame in frames(0, 20, 40, 60, 80):
        backlog.add(frame)
    assert backlog.dropped_ms == 40
    backlog.settle(20)
    assert backlog.dropped_ms == 40
    backlog.settle(60)
    assert backlog.dropped_ms == 0
    assert [frame.at_ms for frame in backlog.replay()] == [60, 80]


def test_frames_that_came_at_once_are_told_apart() -> None:
    """A burst: their times in the call are nearly one."""
    backlog = Backlog(1000)
    for frame in frames(100.0, 100.1, 100.2):
        backlog.add(frame)
    backlog.settle(20)
    assert len(backlog.replay()) == 2
