"""Audio of calls: kept only where it may be, as it was heard, and unreadable without the key."""

from __future__ import annotations

import base64
import io
import os
import struct
import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr
from structlog.testing import capture_logs
from trio.testing import MockClock
from typer.testing import CliRunner

from adapters.stores.audio import AudioFolder
from adapters.stores.recorder import Recorder
from adapters.stores.sealed import SealKey, Unsealable, unsealed
from adapters.stores.settings import AudioSettings
from adapters.stores.two_sides import TwoSides
from effects.ports import CallInfo, Carrier, CarrierMessage, Media, Stop
from engine.cli import application
from engine.errors import ConfigError
from engine.journal import Event
from engine.keeping import open_keeping
from engine.keeping.recording import Recording, open_recording
from states.events import ToolSettled
from states.mulaw import SILENCE
from tests.store_kit import config_of

CALLER, AGENT = b"c", b"a"
MS = 8  # bytes
KEY = SecretStr(base64.b64encode(bytes(range(32))).decode())


# --- both sides on one line of time -----------------------------------------------------------


def sides_of(both: bytes) -> tuple[bytes, bytes]:
    return both[0::2], both[1::2]


def test_each_side_stands_where_it_was_heard() -> None:
    """Audio that is sent ahead is heard in its turn; what was not said is silence."""
    sides = TwoSides()
    sides.say(100, CALLER * 20 * MS)
    sides.play(300, AGENT * 60 * MS)
    sides.play(310, AGENT * 40 * MS)
    caller, agent = sides_of(sides.take(500, last=True))
    assert caller == CALLER * 20 * MS + SILENCE * 480 * MS
    assert agent == SILENCE * 300 * MS + AGENT * 100 * MS + SILENCE * 100 * MS


def test_what_was_cleared_was_never_heard() -> None:
    """But for what had been played by then; what is sent after it is heard."""
    sides = TwoSides()
    sides.play(0, AGENT * 200 * MS)
    sides.clear(50)
    sides.play(80, b"b" * 10 * MS)
    _, agent = sides_of(sides.take(100, last=True))
    assert agent == AGENT * 50 * MS + SILENCE * 30 * MS + b"b" * 10 * MS + SILENCE * 10 * MS


def test_it_is_given_out_as_it_becomes_certain() -> None:
    """In pieces, with the same in the end; only the last second or two are held."""
    sides, whole = TwoSides(), TwoSides()
    out, longest = b"", 0
    for at_ms in range(20, 10_020, 20):
        for one in (sides, whole):
            one.say(at_ms, bytes([at_ms // 20 % 251]) * 20 * MS)
            one.play(at_ms, AGENT * 20 * MS)
        piece = sides.take(at_ms)
        out, longest = out + piece, max(longest, len(piece))
    out += sides.take(10_000, last=True)
    assert out == whole.take(10_000, last=True)
    assert longest == 2 * 1000 * MS


# --- encryption -------------------------------------------------------------------------------


def a_carrier(**parameters: str) -> Any:
    """A caller who says what the test puts in ``says``, and then hangs up."""

    class Line:
        def __init__(self) -> None:
            self.info = CallInfo("CA1", "MZ1", parameters)
            self.says: deque[CarrierMessage] = deque()

        async def receive(self) -> CarrierMessage:
            return self.says.popleft() if self.says else Stop("hung up")

        def send_audio(self, mulaw: bytes) -> None: ...

        def send_clear(self) -> None: ...

        def send_mark(self, name: str) -> None: ...

        async def hang_up(self) -> None: ...

    return Line()


async def a_call(carrier: Carrier, line: Any, clock: MockClock) -> None:
    """Three seconds: the caller speaks in the first, the agent in the second. The clock is moved by
    hand: it would not wait for the recorder's thread."""
    for frame in range(150):
        clock.jump(0.02)
        line.says.append(Media((CALLER if frame < 50 else SILENCE) * 20 * MS))
        await carrier.receive()
        if frame == 49:
            carrier.send_audio(AGENT * 1000 * MS)
    await carrier.hang_up()


async def recorded_call(folder: Path, key: SealKey | None, clock: MockClock) -> Path:
    line = a_carrier()
    async with Recorder(folder, key) as recorder:
        await a_call(recorder.listen(line, from_the_start=True), line, clock)
    (path,) = folder.iterdir()
    return path


EXPECTED = (
    CALLER * 1000 * MS + SILENCE * 2000 * MS,
    SILENCE * 1000 * MS + AGENT * 1000 * MS + SILENCE * 1000 * MS,
)


async def test_a_call_becomes_a_wav_of_two_channels(tmp_path: Path, mock_clock: MockClock) -> None:
    """µ-law at 8 kHz, caller left; readable by its owner alone."""
    path = await recorded_call(tmp_path / "audio", None, mock_clock)
    data = path.read_bytes()
    form, channels, rate_hz = struct.unpack_from("<HHI", data, 20)
    assert (data[:4], form, channels, rate_hz) == (b"RIFF", 7, 2, 8000)
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    _, _, sound = data.partition(b"data")
    assert struct.unpack_from("<I", sound) == (len(sound) - 4,)
    assert sides_of(sound[4:]) == EXPECTED
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.suffixes == [".wav"]


async def test_an_encrypted_call_reads_back_with_its_key_alone(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    """Nothing of the sound is in the file."""
    key = SealKey(KEY)
    path = await recorded_call(tmp_path / "audio", key, mock_clock)
    assert CALLER * 20 not in path.read_bytes()
    with path.open("rb") as file:
        assert sides_of(b"".join(unsealed(file, key))) == EXPECTED
    other = SealKey(SecretStr(base64.b64encode(bytes(32)).decode()))
    with path.open("rb") as file, pytest.raises(Unsealable, match="with another key"):
        list(unsealed(file, other))


async def test_what_was_cut_off_or_changed_is_found_out(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    """At any byte of it; what comes before is told, and nothing that is not the call's."""
    key = SealKey(KEY)
    path = await recorded_call(tmp_path / "audio", key, mock_clock)
    whole = path.read_bytes()
    with path.open("rb") as file:
        sound = b"".join(unsealed(file, key))
    spoilt = [whole[:at] for at in range(0, len(whole), 997)]
    spoilt += [
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 991)
    ]
    for data in spoilt:
        path.write_bytes(data)
        read = io.BytesIO()
        with path.open("rb") as file, pytest.raises(Unsealable):
            read.writelines(unsealed(file, key))
        assert sound.startswith(read.getvalue())
        assert len(read.getvalue()) < len(sound)


@pytest.mark.parametrize("key", ["", "short", "!" * 44, base64.b64encode(bytes(31)).decode()])
async def test_a_key_that_is_none_is_refused_at_the_start(tmp_path: Path, key: str) -> None:
    """Without being quoted; nothing is recorded in the clear instead."""
    with pytest.raises(ConfigError, match="32 bytes in base64") as error:
        async with open_recording(AudioSettings(keep="always", key=SecretStr(key)), tmp_path):
            pass
    assert not key or key not in str(error.value)


# --- who is recorded --------------------------------------------------------------------------


AGREED = Event(
    seq=1,
    by="call",
    event=ToolSettled(
        at_ms=1.0,
        reply=1,
        call_id="t",
        tool="agree_to_recording",
        arguments="{}",
        result="{}",
        outcome="done",
        changes=False,
    ),
)


@pytest.mark.parametrize(
    ("settings", "parameters", "kept"),
    [
        (AudioSettings(), {"audio_consent": "yes"}, False),
        (AudioSettings(keep="consent"), {}, False),
        (AudioSettings(keep="consent"), {"audio_consent": "no"}, False),
        (AudioSettings(keep="consent"), {"audio_consent": "yes"}, True),
        (AudioSettings(keep="consent", consent_tool="agree_to_recording"), {}, False),
        (AudioSettings(keep="always"), {}, True),
    ],
)
async def test_who_did_not_agree_is_not_recorded(
    tmp_path: Path,
    mock_clock: MockClock,
    settings: AudioSettings,
    parameters: dict[str, str],
    kept: bool,
) -> None:
    """Not a byte, and there is no file."""
    line = a_carrier(**parameters)
    async with open_recording(settings, tmp_path / "audio") as recording:
        carrier = recording.listened(line) if recording else line
        await a_call(carrier, line, mock_clock)
    assert (tmp_path / "audio").exists() is kept


async def test_who_agrees_in_the_call_is_recorded_from_then_on(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    """When the agent's tool for it has done its work, and not when it failed."""
    settings = AudioSettings(keep="consent", consent_tool="agree_to_recording")
    line = a_carrier()
    async with open_recording(settings, tmp_path / "audio") as recording:
        assert isinstance(recording, Recording)
        carrier = recording.listened(line)
        (watcher,) = recording.watchers("CA1")
        carrier.send_audio(b"x" * 500 * MS)
        mock_clock.jump(5)
        watcher(AGREED)
        watcher(AGREED)
        await a_call(carrier, line, mock_clock)
    (path,) = (tmp_path / "audio").iterdir()
    assert sides_of(path.read_bytes().partition(b"data")[2][4:]) == EXPECTED


async def test_a_disk_that_stands_still_costs_sound_and_nothing_else(tmp_path: Path) -> None:
    """The queue is bounded, what was left out is counted, and the call ends as it should."""
    line = a_carrier()
    recorder = Recorder(tmp_path / "audio", None, limit=10)
    carrier = recorder.listen(line, from_the_start=True)  # its thread does not run yet
    for _ in range(30):
        carrier.send_audio(AGENT * 20 * MS)
    await carrier.hang_up()
    assert recorder.dropped == 21
    async with recorder:
        pass
    assert len(list((tmp_path / "audio").iterdir())) == 1


async def test_a_folder_that_cannot_be_written_spoils_no_call(tmp_path: Path) -> None:
    """It is told of once a call, and other calls are recorded when it can be again."""
    (tmp_path / "audio").write_text("not a folder")
    with capture_logs() as logs:
        async with Recorder(tmp_path / "audio", None) as recorder:
            for _ in range(2):
                carrier = recorder.listen(a_carrier(), from_the_start=True)
                carrier.send_audio(AGENT)
                await carrier.hang_up()
    assert [log["event"] for log in logs] == ["audio_not_written"] * 2


async def test_a_service_listens_to_who_agreed(tmp_path: Path, mock_clock: MockClock) -> None:
    """The part that keeps calls has both: the carrier, and what watches the call."""
    config = replace(config_of(tmp_path, ""), audio=AudioSettings(keep="consent"))
    (tmp_path / "calls").mkdir()
    yes, no = a_carrier(audio_consent="yes"), a_carrier()
    async with open_keeping(config, tmp_path / "calls") as keeping:
        assert keeping.listened(no) is no
        carrier = keeping.listened(yes)
        await a_call(carrier, yes, mock_clock)
    assert len(list((tmp_path / "calls" / "audio").iterdir())) == 1


def test_audio_is_retired_by_age(tmp_path: Path) -> None:
    """What is younger stays."""
    for name, days in (("1-CA1.wav", 3), ("2-CA2.wav.sealed", 1)):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, time.time() - days * 86400))
    assert AudioFolder(tmp_path).retire(2) == ["1-CA1.wav"]
    assert [path.name for path in tmp_path.iterdir()] == ["2-CA2.wav.sealed"]


async def test_the_command_decrypts(
    tmp_path: Path, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a WAV file beside it; of what was cut off as much as there is, and says so."""
    path = await recorded_call(tmp_path / "audio", SealKey(KEY), mock_clock)

    def run(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(application("audio"), ["audio", "decrypt", str(path), *more])
        return result.exit_code, result.stderr

    assert run()[0] == 2
    monkeypatch.setenv("ANTIPHON_AUDIO__KEY", KEY.get_secret_value())
    assert run() == (0, "")
    wav = path.with_suffix("")
    assert wav.suffix == ".wav"
    assert sides_of(wav.read_bytes().partition(b"data")[2][4:]) == EXPECTED

    path.write_bytes(path.read_bytes()[:-1])
    code, said = run("--to", str(tmp_path / "part.wav"))
    assert (code, "cut off" in said) == (1, True)
    path.write_bytes(b"something else")
    code, said = run("--to", str(tmp_path / "none.wav"))
    assert (code, "not audio" in said) == (2, True)
    assert not (tmp_path / "none.wav").exists()
