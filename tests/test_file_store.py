"""Journals on disk: written in order, off the event loop, readable after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.stores.files import FileStore
from engine.errors import JournalError
from engine.journal import End, Event, Head, Journal, read_journal
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import simulate
from states.events import Answered


async def test_every_line_is_there_in_order_when_the_call_is_over(tmp_path: Path) -> None:
    """Leaving the journal waits until all of it is written."""
    async with FileStore(tmp_path) as store:
        async with store.open("CA1") as sink:
            for number in range(5000):
                sink.write(b"line %d" % number)
        (path,) = tmp_path.glob("*.jsonl")
        assert path.read_bytes().split(b"\n")[:-1] == [b"line %d" % n for n in range(5000)]


async def test_calls_do_not_mix(tmp_path: Path) -> None:
    """Each call has its own file, whatever its name would do to a path."""
    async with FileStore(tmp_path) as store:
        async with store.open("../CA/1") as one, store.open("CA2") as two:
            one.write(b"one")
            two.write(b"two")
        texts = {path.name.split("-", 1)[1]: path.read_text() for path in tmp_path.iterdir()}
    assert texts == {"___CA_1.jsonl": "one\n", "CA2.jsonl": "two\n"}


async def test_a_folder_that_cannot_be_made_says_so_at_once(tmp_path: Path) -> None:
    """The store fails before a call is taken, not in the middle of one."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        async with FileStore(tmp_path / "file" / "calls"):
            pass


async def test_several_workers_open_one_folder_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one of them tries the folder with may be gone before the other removes it."""
    touch = Path.touch

    def another_is_faster(path: Path) -> None:
        touch(path)
        path.unlink()

    monkeypatch.setattr(Path, "touch", another_is_faster)
    async with FileStore(tmp_path) as store, store.open("CA1") as sink:
        sink.write(b"a line")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"a line\n"]


def journal_of_a_call(path: Path) -> list[bytes]:
    trace = simulate(Scenario(says="", caller=[Act(at=2.0, say="hello there")], ends_at=6.0))
    path.write_bytes(b"\n".join(trace.journal) + b"\n")
    return trace.journal


def test_a_journal_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Reading gives typed lines that encode to the same bytes."""
    written = journal_of_a_call(tmp_path / "call.jsonl")
    lines = list(read_journal(tmp_path / "call.jsonl"))
    assert isinstance(lines[0], Head)
    assert isinstance(lines[-1], End)

    again: list[bytes] = []

    class Sink:
        def write(self, line: bytes) -> None:
            again.append(line)

    copy = Journal(Sink(), ())
    for line in lines:
        copy.write(line)
    assert again == written


def test_a_journal_cut_off_by_a_crash_reads_up_to_the_last_whole_line(tmp_path: Path) -> None:
    """A half-written last line is left out, and the rest is as good as ever."""
    path = tmp_path / "call.jsonl"
    journal_of_a_call(path)
    whole = list(read_journal(path))
    text = path.read_bytes()
    path.write_bytes(text[:-20])
    assert list(read_journal(path)) == whole[:-1]


def test_a_file_that_is_no_journal_is_refused_with_its_line(tmp_path: Path) -> None:
    """The error names the file and the line."""
    path = tmp_path / "call.jsonl"
    journal_of_a_call(path)
    lines = path.read_bytes().split(b"\n")
    lines[2] = b'{"line":"event","seq":"two"}'
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(JournalError, match=r"call\.jsonl:3: not a journal line"):
        list(read_journal(path))
    with pytest.raises(JournalError, match="cannot read"):
        list(read_journal(tmp_path / "missing.jsonl"))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], r"call\.jsonl:1: nothing in it"),
        ([b"", b" "], r"call\.jsonl:1: nothing in it"),
        ([b'{"line":"event","seq":1}'], r"call\.jsonl:1: not a journal line"),
        ([b"", b'{"line":"note","note":{'], r"call\.jsonl:2: not a journal line"),
        (
            [b"", b'{"line":"event","seq":1,"by":"call","event":{"event":"answered","at_ms":0}}'],
            r"call\.jsonl:2: a journal begins with a head line, not with: event",
        ),
    ],
)
def test_a_journal_without_a_head_is_refused(
    tmp_path: Path, lines: list[bytes], complaint: str
) -> None:
    """An empty file, too; the error names the file and the line."""
    path = tmp_path / "call.jsonl"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(JournalError, match=complaint):
        list(read_journal(path))


async def test_what_is_written_after_the_end_is_dropped(tmp_path: Path) -> None:
    """An effect that ignored its cancellation may write late: the closed file is not opened
    again, and the log says so once."""
    with capture_logs() as logs:
        async with FileStore(tmp_path) as store:
            async with store.open("CA1") as late:
                late.write(b"in time")
            (path,) = tmp_path.glob("*.jsonl")
            path.unlink()
            for _ in range(3):
                late.write(b"too late")
            async with store.open("CA2") as other:
                other.write(b"another call")
        (path_of_other,) = tmp_path.glob("*.jsonl")
    assert path_of_other.read_bytes() == b"another call\n"
    assert [(entry["event"], entry["path"]) for entry in logs] == [
        ("journal_lines_too_late", str(path))
    ]


def test_a_watcher_sees_each_line() -> None:
    """Watchers get the typed line, after it was handed to the sink."""
    seen: list[object] = []

    class Sink:
        def write(self, line: bytes) -> None:
            seen.append(line)

    line = Event(seq=1, by="call", event=Answered(at_ms=0.0))
    Journal(Sink(), (seen.append,)).write(line)
    assert seen[1] is line
