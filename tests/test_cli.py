"""The command line as a user meets it: bad input gives one clear line and exit code 2."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import cli
from engine.chart import default_chart_path
from engine.simulation.scenario import Act, Scenario
from engine.simulation.world import simulate

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


def test_a_busy_port(tmp_path: Path) -> None:
    """The line names the port and the option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "antiphon.toml"
        config.write_text(f'calls = "{tmp_path}"\ndata = "{tmp_path}"\n')
        port = str(taken.getsockname()[1])
        result = antiphon("serve", "--port", port, "--config", str(config))
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    error = result.stderr.strip().splitlines()[-1]  # after the progress of loading
    assert port in error
    assert "--port" in error


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve", "--agent", "parcle"], "did you mean 'parcel'"),
        (["serve", "--config", "none.toml"], "none.toml"),
        (["check", "none.yaml"], "none.yaml"),
        (["diagram", "-f", "png"], "unknown format 'png'"),
        (["replay", "none.jsonl"], "none.jsonl"),
        (["call", DEMO_WAV, "--dtmf", "12x@1"], "--dtmf"),
        (["call", DEMO_WAV + "@soon"], "seconds"),
        (["call", "--url", "http://127.0.0.1/media"], "http://127.0.0.1/media"),
    ],
)
def test_other_mistakes(arguments: list[str], named: str) -> None:
    """Each says what is wrong and where."""
    assert named in one_line(antiphon(*arguments))


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


@pytest.mark.parametrize("format", ["mermaid", "graphviz", "matrix"])
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
    result = CliRunner().invoke(cli.app, ["replay", str(journal_file(tmp_path))])
    assert result.exit_code == 0, result.output


def test_a_journal_on_another_chart_shows_the_first_difference(tmp_path: Path) -> None:
    """A chart that would have gone another way is told so, with the event."""
    chart = tmp_path / "other.yaml"
    text = default_chart_path().read_text()
    chart.write_text(text.replace("cond: words_stand, target: thinking", "target: waiting"))
    result = CliRunner().invoke(
        cli.app, ["replay", str(journal_file(tmp_path)), "--chart", str(chart)]
    )
    assert result.exit_code == 1, result.output
    assert "pause_over" in result.output


def test_every_command_has_help_that_teaches() -> None:
    """Help exits well and says more than the usage."""
    for command in ("demo", "serve", "call", "check", "diagram", "replay"):
        result = CliRunner().invoke(cli.app, [command, "--help"])
        assert result.exit_code == 0
        assert len(result.output) > 300


def test_serve_takes_calls_and_ends_when_told(tmp_path: Path) -> None:
    """SIGTERM closes the service with code 0; a call made before that has its journal."""
    config = tmp_path / "antiphon.toml"
    config.write_text(f'port = 0\ncalls = "{tmp_path}/calls"\ndata = "{tmp_path}/data"\n')
    command = [*ANTIPHON, "serve", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        address = ""
        while "ws://" not in address:
            address = server.stderr.readline()
            assert address, "the server ended before it listened"
        url = address[address.index("ws://") :].split(";")[0].strip()
        made = antiphon("call", DEMO_WAV, "--url", url, "--hang-up", "3", "--record", str(tmp_path))
        assert made.returncode == 0, made.stderr
        deadline = time.monotonic() + 30
        while not any(b'"end"' in p.read_bytes() for p in (tmp_path / "calls").glob("*.jsonl")):
            assert time.monotonic() < deadline, "the call left no journal"
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert list(tmp_path.glob("*.wav"))
