"""ElevenLabs' messages without a socket: what we send, what we make of what comes."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from elevenlabs import types as sdk

from adapters.elevenlabs import messages
from adapters.elevenlabs.errors import closed_error, http_error
from adapters.elevenlabs.saying import CLAUSE_LIMIT_MS, Saying
from adapters.elevenlabs.settings import ElevenLabsSettings
from adapters.elevenlabs.timings import Aligned, Timeline
from adapters.sockets import SocketClosed
from effects.ports import (
    ProviderBusy,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    Timing,
)
from effects.spoken import clause_of
from tests.twins.elevenlabs import SAID
from tests.twins.elevenlabs_audio import pieces_of

SETTINGS = ElevenLabsSettings(stability=0.4, speed=1.1, use_speaker_boost=False)

# --- what we send ---


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (messages.open_context("7", SETTINGS), sdk.InitializeConnectionMulti),
        (messages.send_text("7", "Hello, Ann."), sdk.SendTextMulti),
        (messages.send_text("7", "Hello, Ann."), sdk.FlushContext),
        (messages.close_context("7"), sdk.CloseContext),
    ],
)
def test_what_we_send_is_what_the_sdk_would_send(ours: str, theirs: type[Any]) -> None:
    """Field by field, with none besides."""
    assert theirs.model_validate_json(ours).dict() == json.loads(ours)
    assert set(json.loads(ours)) <= set(theirs.model_fields)


def test_a_context_is_opened_by_a_space_with_all_voice_settings() -> None:
    opening = json.loads(messages.open_context("7", SETTINGS))
    assert opening["text"] == " "
    assert set(opening["voice_settings"]) == set(sdk.RealtimeVoiceSettings.model_fields)
    assert opening["voice_settings"]["stability"] == 0.4
    assert opening["voice_settings"]["use_speaker_boost"] is False


def test_a_text_ends_with_a_space_and_is_flushed() -> None:
    """Without the space the vendor waits for the rest of the word."""
    sent = json.loads(messages.send_text("7", "Hello, Ann."))
    assert sent == {"context_id": "7", "text": "Hello, Ann. ", "flush": True}


def test_the_socket_is_asked_for_telephone_sound_and_alignments() -> None:
    url = messages.socket_url(msgspec.structs.replace(SETTINGS, voice="a/b"))
    assert url == (
        "wss://api.elevenlabs.io/v1/text-to-speech/a%2Fb/multi-stream-input"
        "?model_id=eleven_flash_v2_5&output_format=ulaw_8000&auto_mode=true&sync_alignment=true"
        "&inactivity_timeout=180&apply_text_normalization=off&language_code=en"
    )


def test_a_model_without_languages_is_sent_none() -> None:
    url = messages.socket_url(
        ElevenLabsSettings(language="", base_url="http://localhost:1/eleven/")
    )
    assert url.startswith("ws://localhost:1/eleven/v1/text-to-speech/")
    assert "language" not in url


@pytest.mark.parametrize("field", ["voice", "model", "language", "stability", "style", "speed"])
def test_another_sound_is_another_identity(field: str) -> None:
    """What one has rendered will not do for the other."""
    other = {"voice": "v", "model": "m", "language": "de"}.get(field, 0.9)
    changed = msgspec.structs.replace(ElevenLabsSettings(), **{field: other})
    assert changed.identity != ElevenLabsSettings().identity
    assert "elevenlabs" in changed.identity
    assert "ulaw_8000" in changed.identity


def test_another_way_there_is_the_same_identity() -> None:
    assert ElevenLabsSettings(transport="http", contexts=5).identity == (
        ElevenLabsSettings().identity
    )


# --- what comes ---


def test_audio_comes_with_its_context_and_alignment() -> None:
    piece = next(iter(pieces_of("Hi. ", bytes(160 * 6), 200, 1)))
    raw = json.dumps(piece.on_websocket() | {"contextId": "7", "isFinal": None, "new": [1]})
    received = messages.parse(raw)
    assert received is not None
    assert received.audio == piece.audio
    assert received.context_id == "7"
    assert not received.ends_context
    assert received.failure is None
    assert received.aligned == Aligned(list("Hi. "), [60, 120, 120, 120])


@pytest.mark.parametrize(
    "final",
    [
        {"isFinal": True, "contextId": "7"},
        {"isFinal": True, "contextId": "7", "audio": ""},
        {"isFinal": True, "contextId": "7", "audio": None},
        {"is_final": True, "contextId": "7"},
    ],
)
def test_the_end_of_a_context_in_all_its_spellings(final: dict[str, Any]) -> None:
    received = messages.parse(json.dumps(final))
    assert received is not None
    assert received.ends_context
    assert not received.audio


@pytest.mark.parametrize("odd", ["", "{", "[]", "7", '{"audio": 3}', '{"audio": "%%"}', b"\xff"])
def test_what_is_no_message_is_none(odd: str | bytes) -> None:
    assert messages.parse(odd) is None


def test_an_error_is_never_the_end_of_a_context() -> None:
    """To the SDK it is one: that is why its types do not read our messages."""
    frame = {"message": "no", "error": "quota_exceeded", "code": 1008}
    assert sdk.FinalOutputMulti.model_validate(frame).is_final
    received = messages.parse(json.dumps(frame))
    assert received is not None
    assert not received.ends_context
    assert isinstance(received.failure, ProviderRefused)


# --- errors ---

NAMES = [
    ("quota_exceeded", ProviderRefused, "quota is used up"),
    ("voice_id_does_not_exist", ProviderRefused, "voice_id_does_not_exist: A voice"),
    ("detected_unusual_activity", ProviderRefused, "detected_unusual_activity"),
    ("invalid_api_key", ProviderRefused, "check ELEVENLABS_API_KEY"),
    ("too_many_concurrent_requests", ProviderBusy, "too much at once"),
    ("max_active_conversations", ProviderBusy, "too much at once"),
    ("system_busy", ProviderBusy, "too much at once"),
    ("input_timeout_exceeded", ProviderLost, "input_timeout_exceeded"),
    ("something_new", ProviderRefused, "something_new"),
]


@pytest.mark.parametrize(("name", "kind", "words"), NAMES)
def test_an_error_frame_is_an_error_of_the_ports(
    name: str, kind: type[ProviderError], words: str
) -> None:
    frame = {"message": SAID.get(name, "secret"), "error": name, "code": 1008}
    received = messages.parse(json.dumps(frame))
    assert received is not None
    assert type(received.failure) is kind
    assert words in str(received.failure)


@pytest.mark.parametrize("code", [1011, "internal", None])
def test_an_unknown_error_that_is_no_matter_of_policy_may_pass(code: object) -> None:
    received = messages.parse(json.dumps({"error": "odd", "code": code}))
    assert received is not None
    assert type(received.failure) is ProviderLost


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1008, SAID["max_active_conversations"], ProviderBusy),
        (1008, SAID["input_timeout_exceeded"], SocketClosed),
        (1008, "A voice with this voice_id does not exist.", ProviderRefused),
        (1008, "", ProviderRefused),
        (1011, "", SocketClosed),
        (1006, "", SocketClosed),
        (1000, "", SocketClosed),
    ],
)
def test_a_close_code_is_an_error_of_the_ports(
    code: int, reason: str, kind: type[ProviderError]
) -> None:
    assert type(closed_error(SocketClosed("elevenlabs", code, reason))) is kind


def _detail(name: str) -> dict[str, Any]:
    return {"detail": {"status": name, "message": "words"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, _detail("invalid_api_key"), ProviderRefused, "check ELEVENLABS_API_KEY"),
        (401, _detail("quota_exceeded"), ProviderRefused, "quota is used up"),
        (402, _detail("payment"), ProviderRefused, "credit"),
        (403, None, ProviderRefused, "check ELEVENLABS_API_KEY"),
        (404, _detail("voice_not_found"), ProviderRefused, "voice_not_found: words"),
        (422, {"detail": [{"loc": ["body"]}]}, ProviderRefused, "422"),
        (429, _detail("system_busy"), ProviderBusy, "system_busy"),
        (429, "slow down", ProviderBusy, "slow down"),
        (400, _detail("concurrent_limit_exceeded"), ProviderBusy, "too much"),
        (500, "oh", ProviderLost, "500"),
    ],
)
def test_an_http_error_is_an_error_of_the_ports(
    status: int, body: object, kind: type[ProviderError], words: str
) -> None:
    """The name in its body counts for more than its status."""
    error = http_error(status, body)
    assert type(error) is kind
    assert words in str(error)


# --- timings ---


def chunk(text: str, char_ms: float = 10, absolute_from_ms: float | None = None) -> Aligned:
    first_ms = absolute_from_ms or 0.0
    ends = [first_ms + (at + 1) * char_ms for at in range(len(text))]
    return Aligned(list(text), ends, absolute_from_ms is not None)


def test_times_are_relative_to_their_chunk() -> None:
    """And a word that is cut by two chunks is over when its end is."""
    timeline = Timeline("Hello there, Ann.")
    assert timeline.take(chunk("Hello the"), 0) == (Timing(5, 50), Timing(9, 90))
    assert timeline.take(chunk("re, Ann. "), 100) == (Timing(12, 130), Timing(17, 180))


def test_a_chunk_whose_alignment_reaches_beyond_its_audio() -> None:
    """The next one begins where it ends, not where the audio of its message did."""
    timeline = Timeline("one two")
    timeline.take(chunk("one ", char_ms=50), 0)
    assert timeline.take(chunk("two"), 100) == (Timing(7, 230),)


def test_over_http_times_are_those_of_the_whole_answer() -> None:
    timeline = Timeline("one two")
    assert timeline.take(chunk("one ", absolute_from_ms=0), 0) == (Timing(3, 30),)
    assert timeline.take(chunk("two", absolute_from_ms=40), 500) == (Timing(7, 70),)


def test_a_space_before_the_text_is_no_letter() -> None:
    """Normalized alignments begin with one."""
    assert Timeline("one").take(chunk(" one "), 0) == (Timing(3, 40),)


def test_an_alignment_that_is_sent_again_whole_replaces_the_first() -> None:
    timeline = Timeline("one two three")
    timeline.take(chunk("one tw"), 0)
    assert timeline.take(chunk("one two three "), 60)[-1] == Timing(13, 130)


def test_a_word_that_is_said_twice_is_not_an_alignment_sent_again() -> None:
    timeline = Timeline("no no no.")
    timeline.take(chunk("no "), 0)
    assert timeline.take(chunk("no "), 30) == (Timing(5, 50),)
    assert timeline.take(chunk("no. "), 60) == (Timing(9, 90),)


def test_letters_are_never_more_than_there_are() -> None:
    assert Timeline("one").take(chunk("one and more"), 0)[-1].letters == 3


def test_a_clause_without_end_is_given_up() -> None:
    """What waits to be handed on is bounded."""
    saying = Saying(clause_of(0, "Hello."))
    for _ in range(CLAUSE_LIMIT_MS // 1000):
        saying.add(bytes(8000))
    with pytest.raises(ProviderLost, match="one clause"):
        saying.add(bytes(8))


# --- the twin's messages ---


@pytest.mark.parametrize("aligned_pieces", [1, 3])
def test_what_the_twin_sends_is_what_the_sdk_understands(aligned_pieces: int) -> None:
    for piece in pieces_of("Hello, Ann. ", bytes(8000), 200, aligned_pieces):
        on_websocket = piece.on_websocket() | {"contextId": "7"}
        parsed = sdk.AudioOutputMulti.model_validate(on_websocket)
        assert base64.b64decode(parsed.audio) == piece.audio
        assert parsed.context_id == "7"
        assert bool(parsed.alignment) == bool(piece.chars)
        in_http = sdk.StreamingAudioChunkWithTimestampsResponse.model_validate_json(piece.in_http())
        assert base64.b64decode(in_http.audio_base_64) == piece.audio
        if in_http.alignment is not None:
            assert in_http.alignment.characters == piece.chars
