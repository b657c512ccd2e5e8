"""Fixed lines: rendered once, kept on disk, played from memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest
import structlog
import trio
from trio.testing import MockClock

from adapters.stores.phrase_files import PhraseFiles
from effects.phrases import Phrases, phrase_key
from effects.ports import Clause, ProviderLost, Speech

LINES = ("Hello.", "One moment.", "Goodbye.")


class Parrot:
    """A voice whose sound is the text itself. It remembers what it said."""

    name = "parrot"

    def __init__(
        self, identity: str = "parrot 1", *, loses: str = "", mute: str = "", takes_s: float = 0.0
    ) -> None:
        self.identity, self._takes_s = identity, takes_s
        self.said: list[str] = []
        self._loses, self._mute = loses, mute

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        async for clause in clauses:
            self.said.append(clause.text)
            half = len(clause.text) // 2
            sound = b"" if clause.text == self._mute else clause.text.encode()
            await speech(Speech(clause.index, sound[:half], ends_clause=False))
            await trio.sleep(self._takes_s)
            if clause.text == self._loses:
                raise ProviderLost("the parrot flew away")
            await speech(Speech(clause.index, sound[half:], ends_clause=True))


async def start(folder: Path, voice: Parrot) -> Phrases:
    """What a service does when it starts."""
    phrases = Phrases(LINES, PhraseFiles(folder))
    await phrases.recall(voice)
    await phrases.render(voice)
    return phrases


def audio(phrases: Phrases) -> list[bytes | None]:
    return [phrases.get(text) for text in LINES]


ALL = [text.encode() for text in LINES]


async def test_a_second_start_renders_nothing(tmp_path: Path) -> None:
    """Everything is in memory once it was recalled, exactly as it was rendered."""
    assert audio(await start(tmp_path / "phrases", Parrot())) == ALL
    again = Parrot()
    phrases = Phrases(LINES, PhraseFiles(tmp_path / "phrases"))
    await phrases.recall(again)
    assert audio(phrases) == ALL
    await phrases.render(again)
    assert again.said == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-3],
        lambda data: data[:20],
        lambda data: b"",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data + b"\x00",
        lambda data: b"antiphon phrase 0\n" + data[18:],
    ],
)
async def test_a_damaged_file_is_rendered_again(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """Cut short, flipped, longer, of another format: said anew, and replaced."""
    await start(tmp_path, Parrot())
    path = PhraseFiles(tmp_path).path_for(phrase_key("One moment.", "parrot 1"))
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    voice = Parrot()
    assert audio(await start(tmp_path, voice)) == ALL
    assert voice.said == ["One moment."]
    assert path.read_bytes() == whole


async def test_a_file_under_another_name_is_not_believed(tmp_path: Path) -> None:
    """It is whole, but it says something else."""
    await start(tmp_path, Parrot())
    files = PhraseFiles(tmp_path)
    hello, goodbye = (files.path_for(phrase_key(text, "parrot 1")) for text in (LINES[0], LINES[2]))
    hello.write_bytes(goodbye.read_bytes())
    voice = Parrot()
    assert audio(await start(tmp_path, voice)) == ALL
    assert voice.said == ["Hello."]


async def test_another_voice_says_it_itself(tmp_path: Path) -> None:
    """A new version of a voice is another voice; the old one's files stay its own."""
    await start(tmp_path, Parrot("parrot 1"))
    other, first = Parrot("parrot 2"), Parrot("parrot 1")
    await start(tmp_path, other)
    await start(tmp_path, first)
    assert other.said == list(LINES)
    assert first.said == []


@pytest.mark.parametrize("what", ["file", "below a file"])
async def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, what: str) -> None:
    """The lines are rendered at each start, as if nothing could be kept."""
    in_the_way = tmp_path / "phrases"
    in_the_way.write_text("no folder")
    folder = in_the_way if what == "file" else in_the_way / "deeper"
    with structlog.testing.capture_logs() as logs:
        assert audio(await start(folder, Parrot())) == ALL
    assert "phrase_not_kept" in {entry["event"] for entry in logs}
    assert {entry["log_level"] for entry in logs} == {"warning"}


async def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither half a file under the name nor the one beside it."""

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        assert audio(await start(tmp_path, Parrot())) == ALL
    assert list(tmp_path.iterdir()) == []


async def test_files_have_nothing_beside_them(tmp_path: Path) -> None:
    """One file a line, and no remains of writing them."""
    await start(tmp_path, Parrot())
    assert len(list(tmp_path.iterdir())) == len(LINES)
    assert {path.suffix for path in tmp_path.iterdir()} == {".ulaw"}


@pytest.mark.parametrize("voice", [Parrot(loses="One moment."), Parrot(mute="One moment.")])
async def test_a_line_that_fails_is_left_out(tmp_path: Path, voice: Parrot) -> None:
    """Half a line is not kept, nor silence; it is tried again at the next start."""
    assert audio(await start(tmp_path, voice)) == [ALL[0], None, ALL[2]]
    again = Parrot()
    assert audio(await start(tmp_path, again)) == ALL
    assert again.said == ["One moment."]


async def test_waiting_for_a_line(autojump_clock: MockClock) -> None:
    """Without a store: until it was rendered; what nobody asked for is not waited for."""
    phrases = Phrases(LINES)
    voice = Parrot(takes_s=1.0)
    await phrases.recall(voice)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(phrases.render, voice)
        await phrases.wait_for("One moment.")
        assert trio.current_time() == pytest.approx(2)
        assert audio(phrases) == [*ALL[:2], None]
        await phrases.wait_for("What?")
