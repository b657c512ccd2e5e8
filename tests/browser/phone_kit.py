"""What the tests of the phone in the browser share: a service, a caller's voice, a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import soxr

from adapters.twilio.wav import read_caller_wav
from engine.journal import AnyLine, read_what_there_is
from engine.keys import VARIABLES
from states.mulaw import SAMPLE_RATE_HZ, to_float

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent.parent
PHONE = ROOT / "engine" / "inspector" / "phone"
DEMO_CALL = ROOT / "engine" / "demo_call"

MICROPHONE_HZ = 48_000
READY_S = 90.0
"""For the models to load; on a busy machine that takes a while."""

CONFIG = """\
calls = "{folder}/calls"
data = "{folder}/data"
speech_to_text = ["embedded"]
language_model = ["agent"]
voice = ["embedded"]
[limits]
lag_ms = 0  # on a busy machine there are calls, too
"""

_ANSWERS = re.compile(r"answers calls on ws://([^/]+)/media")
T = TypeVar("T")


# --- the service ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """``antiphon serve`` in a process of its own."""

    url: str
    calls: Path

    def journal(self, call_id: str) -> list[AnyLine]:
        """What was written of a call so far."""
        found = list(self.calls.glob(f"*-{call_id}.jsonl"))
        return read_what_there_is(found[0]).lines if found else []


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Service]:
    """A service on a free port, with the embedded models; its files go to ``folder``.
    ``variables`` are set in its environment."""
    config, log = folder / "antiphon.toml", folder / "serve.log"
    config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name not in KEYS}
    environment |= variables
    command = [sys.executable, "-m", "engine.cli", "serve", "--port", "0", "--config", str(config)]
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=errors) as process,
    ):
        try:

            def listening() -> re.Match[str] | None:
                told = log.read_text(encoding="utf-8")
                assert process.poll() is None, told
                return _ANSWERS.search(told)

            address = until(listening, READY_S, "the service does not listen")
            yield Service(f"http://{address[1]}", folder / "calls")
        finally:
            process.terminate()


KEYS = frozenset(VARIABLES.values())


@contextmanager
def serving_files() -> Iterator[str]:
    """The phone's page and its files alone, and no engine: its url."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class Files(SimpleHTTPRequestHandler):
    """GET /phone, and /phone/<file>."""

    def do_GET(self) -> None:
        if self.path.startswith("/phone/token?"):  # no door here
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"token": ""}')
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        return str(PHONE / (Path(path).name if path != "/phone" else "index.html"))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def until(found: Callable[[], T | None], limit_s: float, complaint: str) -> T:
    """What ``found`` returns as soon as it is something; fails after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while not (value := found()):
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)
    return value


# --- the caller -----------------------------------------------------------------------------


def write_microphone(path: Path, parts: Sequence[float | str]) -> Path:
    """A WAV for Chromium's microphone: seconds of silence, and recordings of the demo call."""
    pieces = [
        np.zeros(round(part * MICROPHONE_HZ), np.float32)
        if isinstance(part, int | float)
        else resampled(read_caller_wav(DEMO_CALL / part))
        for part in parts
    ]
    samples = (np.clip(np.concatenate(pieces), -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_HZ)
        file.writeframes(samples.tobytes())
    return path


def resampled(mulaw: bytes) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Telephone sound at the microphone's rate."""
    made: np.ndarray[tuple[int], np.dtype[np.float32]]
    made = soxr.resample(to_float(mulaw), SAMPLE_RATE_HZ, MICROPHONE_HZ)
    return made


# --- the page -------------------------------------------------------------------------------


class Troubles:
    """What a page complained of in its console, and what it threw."""

    def __init__(self, page: Page) -> None:
        self.seen: list[str] = []
        page.on("pageerror", lambda error: self.seen.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.seen.append(message.text) if message.type in ("error", "warning") else None
            ),
        )


def opened(browser: Browser, url: str, **options: object) -> tuple[Page, Troubles]:
    """The phone's page in a context of its own."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    troubles = Troubles(page)
    page.goto(f"{url}/phone")
    return page, troubles
