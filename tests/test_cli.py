"""The command line as a user meets it: bad input gives one clear line and exit code 2."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from typer.testing import CliRunner

from adapters.twilio.recording import CallRecord, Recording, Stretch
from engine import phone_cli
from engine.chart import default_chart_path, parse_chart
from engine.check import is_proven
from engine.cli import COMMANDS, application
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import simulate
from engine.vocabulary import VOCABULARY

ANTIPHON = [sys.executable, "-c", "from engine.cli import main; main()"]
DEMO_WAV = "engine/demo_call/3-yes.wav"


def antiphon(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ANTIPHON, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that was used wrongly: one line, code 2, no traceback."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def write_wav(path: Path, *, rate: int = 8000, channels: int = 1, width: int = 2) -> str:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(width)
        wav.setframerate(rate)
        wav.writeframes(bytes(rate * channels * width))
    return str(path)


@pytest.mark.parametrize(
    ("shape", "named"),
    [({"rate": 44100}, "44.1 kHz"), ({"channels": 2}, "stereo"), ({"width": 1}, "8-bit")],
)
def test_a_wav_that_is_no_telephone_sound(
    tmp_path: Path, shape: dict[str, int], named: str
) -> None:
    """The line says what the file is, what is needed, and how to convert it."""
    error = one_line(antiphon("call", write_wav(tmp_path / "in.wav", **shape)))
    assert named in error
    assert "sox" in error


def test_a_wav_that_is_none_and_one_that_is_not_there(tmp_path: Path) -> None:
    """Neither is taken for silence."""
    (tmp_path / "text.wav").write_text("hello")
    assert "not a WAV file" in one_line(antiphon("call", str(tmp_path / "text.wav")))
    assert "cannot be read" in one_line(antiphon("call", str(tmp_path / "none.wav")))


def test_nobody_there() -> None:
    """A refused connection says where and what to do."""
    error = one_line(antiphon("call", DEMO_WAV, "--url", "ws://127.0.0.1:9/media"))
    assert "127.0.0.1:9" in error


@contextmanager
def a_server(answer: bytes) -> Iterator[str]:
    """Something else that listens: it answers the first connection so, and closes it."""
    code = (
        "import socket,sys\n"
        "s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True)\n"
        f"c,_=s.accept(); c.recv(4096); c.sendall({answer!r}); c.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        yield f"ws://127.0.0.1:{int(it.stdout.readline())}/media"
        it.kill()


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"],
)
def test_a_port_that_is_not_ours(answer: bytes) -> None:
    """A server that hangs up at once, a web server, and something else are told apart from
    a call server, in one line each."""
    with a_server(answer) as url:
        assert url.removeprefix("ws://").split("/")[0] in one_line(
            antiphon("call", DEMO_WAV, "--url", url)
        )


def test_a_busy_port() -> None:
    """The line names the port and the option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        error = one_line(antiphon("serve", "--port", port))  # nothing is loaded before
    assert port in error
    assert "--port" in error


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve", "--agent", "parcle"], "did you mean 'parcel'"),
        (["serve", "--config", "none.toml"], "none.toml"),
        (["check", "none.yaml"], "none.yaml"),
        (["replay", "none.jsonl"], "none.jsonl"),
        (["call", DEMO_WAV, "--dtmf", "12x@1"], "--dtmf"),
        (["call", DEMO_WAV + "@soon"], "seconds"),
        (["call", DEMO_WAV + "@-1"], "3-yes.wav@-1: a time is in seconds, and zero or more"),
        (["call", DEMO_WAV, "--barge-in", "nan"], "--barge-in nan: a time is in seconds"),
        (["call", DEMO_WAV, "--hang-up", "-0.5"], "--hang-up -0.5: a time is in seconds"),
        (["call", DEMO_WAV, "--dtmf", "1@inf"], "1@inf: a time is in seconds"),
        (["call", "--barge-in", "1"], "--barge-in: there is no WAV file"),
        (["call", "--record", f"{DEMO_WAV}/calls"], "cannot write the recording"),
        (["call", "--url", "http://127.0.0.1/media"], "http://127.0.0.1/media"),
    ],
)
def test_other_mistakes(arguments: list[str], named: str) -> None:
    """Each says what is wrong and where."""
    assert named in one_line(antiphon(*arguments))


def test_a_format_that_there_is_not() -> None:
    """The message names those there are."""
    result = antiphon("diagram", "-f", "png")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert all(word in result.stderr for word in ("png", "svg", "mermaid", "table", "graphviz"))


@pytest.mark.parametrize(
    ("record", "code", "says"),
    [
        (CallRecord(outcome="hung_up"), 0, ""),
        (CallRecord(outcome="server_closed", close_code=1000, finished=True), 0, ""),
        (
            CallRecord(outcome="server_closed", detail="closed with 1000", close_code=1000),
            1,
            "the server ended the call before it had answered everything (closed with 1000)",
        ),
        (
            CallRecord(outcome="server_closed", detail="closed with 1011", close_code=1011),
            1,
            "closed with 1011",
        ),
        (
            CallRecord(outcome="server_closed", detail="it was lost", finished=True),
            1,
            "the server ended the call (it was lost)",
        ),
        (CallRecord(outcome="gave_up"), 1, "the caller gave up: the server said nothing more"),
    ],
)
def test_how_a_call_ended_is_its_exit_code(
    record: CallRecord, code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 if the caller had their say, else 1 and a line that says why; recorded in any case."""
    record.heard = [Stretch(0.0, 1.0)]
    record.recording = Recording()

    async def place_call(*_: object, **__: object) -> CallRecord:
        return record

    monkeypatch.setattr(phone_cli, "place_call", place_call)
    result = CliRunner().invoke(application("call"), ["call", DEMO_WAV, "--record", str(tmp_path)])
    assert result.exit_code == code
    assert says in result.stderr
    assert bool(says) == bool(result.stderr)
    assert len(list(tmp_path.glob("*.wav"))) == 1


def test_a_chart_with_a_misspelt_guard(tmp_path: Path) -> None:
    """The line says the file, the line, the name, and the nearest one there is."""
    chart = tmp_path / "mine.yaml"
    chart.write_text(default_chart_path().read_text().replace("draft_fits", "draft_fist"))
    error = one_line(antiphon("check", str(chart)))
    assert "mine.yaml:" in error
    assert "unknown guard 'draft_fist'; did you mean 'draft_fits'?" in error


def test_the_shipped_chart_passes_its_proofs() -> None:
    """``antiphon check`` finds no error in it."""
    assert antiphon("check").returncode == 0


def test_the_shipped_chart_is_not_proved_at_each_start() -> None:
    """It is known by its digest (``scripts/diagram`` notes it); any other chart is proved."""
    text = default_chart_path().read_text(encoding="utf-8")
    assert is_proven(parse_chart(text, "call.yaml", VOCABULARY)), "run: scripts/diagram"
    assert not is_proven(parse_chart(f"{text}\n# mine", "call.yaml", VOCABULARY))


@pytest.mark.parametrize("format", ["svg", "mermaid", "table", "graphviz"])
def test_diagrams_are_deterministic(format: str) -> None:
    """The same chart gives the same text, in whatever process."""
    first, second = (antiphon("diagram", "-f", format) for _ in range(2))
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert "speaking" in first.stdout


def journal_file(tmp_path: Path) -> Path:
    trace = simulate(Scenario(says="", caller=[Act(at=2.0, say="hello there")], ends_at=6.0))
    path = tmp_path / "call.jsonl"
    path.write_bytes(b"\n".join(trace.journal) + b"\n")
    return path


def test_a_journal_replays(tmp_path: Path) -> None:
    """The same chart takes the same transitions."""
    result = CliRunner().invoke(application("replay"), ["replay", str(journal_file(tmp_path))])
    assert result.exit_code == 0, result.output


def test_a_journal_on_another_chart_shows_the_first_difference(tmp_path: Path) -> None:
    """A chart that would have gone another way is told so, with the event."""
    chart = tmp_path / "other.yaml"
    text = default_chart_path().read_text()
    chart.write_text(text.replace("cond: words_stand, target: thinking", "target: waiting"))
    result = CliRunner().invoke(
        application("replay"), ["replay", str(journal_file(tmp_path)), "--chart", str(chart)]
    )
    assert result.exit_code == 1, result.output
    assert "pause_over" in result.output


def test_a_journal_that_was_cut_off_replays_as_far_as_it_goes(tmp_path: Path) -> None:
    """What there is agrees: code 0, and the output says that there is no more."""
    path = journal_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    result = CliRunner().invoke(application("replay"), ["replay", str(path)])
    assert result.exit_code == 0, result.output
    assert "the same transitions\nthe journal was cut off" in result.output


def test_a_journal_with_nothing_in_it(tmp_path: Path) -> None:
    """The line names the file and the line."""
    (tmp_path / "empty.jsonl").touch()
    assert "empty.jsonl:1: nothing in it" in one_line(
        antiphon("replay", str(tmp_path / "empty.jsonl"))
    )


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("serve", ["parcel", "8765", "503", "SIGTERM"]),
        ("call", ["Exit code 0", "1 if the server", "2 if"]),
        ("replay", ["Exit code 1", "no end"]),
        ("diagram", ["svg|mermaid|table|graphviz"]),
    ],
)
def test_help_names_what_one_can_choose_and_what_comes_of_it(
    command: str, named: list[str]
) -> None:
    """Agents, formats, defaults and exit codes need no look into the source."""
    output = (
        CliRunner().invoke(application(command), [command, "--help"], env={"COLUMNS": "120"}).output
    )
    assert [words for words in named if words not in output] == []


def test_the_table_of_commands_is_what_there_is() -> None:
    """What the help lists, in its order, is the table; the groups come last."""
    app = application()
    commands = [
        one.name or one.callback.__name__ for one in app.registered_commands if one.callback
    ]
    assert [*commands, *(group.name for group in app.registered_groups)] == list(COMMANDS)


def test_a_command_that_is_alone_keeps_its_name() -> None:
    """``application`` with one command takes that command, and no other."""
    app = application("check")
    assert CliRunner().invoke(app, ["check", "--help"]).exit_code == 0
    assert CliRunner().invoke(app, ["show", "--help"]).exit_code == 2


def test_an_unknown_command_is_told_of_the_like() -> None:
    """All commands are known to who mistypes one."""
    result = antiphon("shw")
    assert result.returncode == 2
    assert "show" in result.stderr


def imported_by(command: str) -> set[str]:
    """The modules that a process has which is about to run a command."""
    program = (
        "import sys; from engine.cli import application;"
        f"application('{command}'); print(*sys.modules)"
    )
    return set(subprocess.check_output([sys.executable, "-c", program], text=True).split())


def test_a_command_does_not_wait_for_the_others() -> None:
    """Only its own module is imported, of all commands."""
    assert imported_by("show") & set(COMMANDS.values()) == {"engine.show_cli"}


def test_a_service_does_not_wait_for_what_it_may_never_need() -> None:
    """Redis, the database, the vendors' SDKs and the simulation are imported by who uses them."""
    late = {"coredis", "alembic", "sqlalchemy", "openai", "elevenlabs", "engine.simulation"}
    assert imported_by("serve") & late == set()


def test_every_command_has_help_that_teaches() -> None:
    """Help exits well and says more than the usage."""
    for command in ("demo", "serve", "call", "check", "diagram", "replay"):
        result = CliRunner().invoke(application(command), [command, "--help"])
        assert result.exit_code == 0
        assert len(result.output) > 300


def test_serve_takes_calls_and_ends_when_told(tmp_path: Path) -> None:
    """Ctrl-C closes the service with code 0; a call made before that has its journal, and one
    that is going on is closed, recorded and told so."""
    config = tmp_path / "antiphon.toml"
    config.write_text(f'port = 0\ncalls = "{tmp_path}/calls"\ndata = "{tmp_path}/data"\n')
    command = [*ANTIPHON, "serve", "--show", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        address = line_with(server.stderr, "ws://")
        url = address[address.index("ws://") :].split(";")[0].strip()
        calling = ["call", DEMO_WAV, "--url", url, "--record", str(tmp_path)]
        made = antiphon(*calling, "--hang-up", "3")
        assert made.returncode == 0, made.stderr
        line_with(server.stderr, "over (completed: ended)")
        with subprocess.Popen(
            [*ANTIPHON, *calling], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as caller:
            line_with(caller.stdout, "agent is heard")
            server.send_signal(signal.SIGINT)
            _, said = caller.communicate(timeout=30)
        line_with(server.stderr, "over (failed: stopped)")
        assert server.wait(30) == 0
    assert (caller.returncode, said.count("\n")) == (1, 1)
    assert "the server ended the call" in said
    assert len(list(tmp_path.glob("*.wav"))) == 2
    journals = [path.read_text() for path in (tmp_path / "calls").glob("*.jsonl")]
    assert [text.count('"line":"end"') for text in journals] == [1, 1]


def line_with(output: IO[str] | None, words: str) -> str:
    """The next line of a process's output with these words; it must come."""
    assert output is not None
    for line in output:
        if words in line:
            return line
    pytest.fail(f"it ended without a line with: {words}")
