"""The caller's side of the command line: places calls and tells what was heard."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from rich.console import Console

from adapters.twilio.dialing import CannotDial
from adapters.twilio.phone import place_call
from adapters.twilio.recording import CallRecord, Observation
from adapters.twilio.script import AfterAgent, AtTime, IntoReply, KeyPress, Script, Utterance, When
from adapters.twilio.wav import UnusableWav, read_caller_wav
from engine.errors import ConfigError

_CLOSE_NORMAL = 1000  # RFC 6455, section 7.4.1

DEMO_CALL: tuple[tuple[str, When], ...] = (
    ("1-customer-support.wav", AfterAgent()),
    ("2-two-nine-three-four-zero.wav", AfterAgent()),
    ("3-yes.wav", IntoReply(into_reply_ms=2500)),  # a backchannel: it must not stop the agent
    ("4-today-two-thirty-pm.wav", IntoReply(into_reply_ms=8000)),  # a barge-in
    ("3-yes.wav", AfterAgent()),
)
"""The demo: which recording is spoken when."""


def demo_script() -> Script:
    """The demo's caller: three turns about a parcel, a backchannel, a barge-in, an answer."""
    folder = Path(str(files("engine").joinpath("demo_call")))
    return Script(
        tuple(Utterance(_read(folder / name), when) for name, when in DEMO_CALL),
        hang_up=AfterAgent(gap_ms=1000),
        limit_ms=120_000,
    )


def script_for(
    wavs: list[str],
    *,
    barge_in_s: float | None,
    keys: list[str],
    hang_up_s: float | None,
) -> Script:
    """The caller's script of ``antiphon call``.

    ``FILE.wav@S`` is spoken S seconds into the agent's reply; ``barge_in_s`` does that to the
    last file. ``keys`` are ``DIGITS@S`` with S a time of the call. A caller to whom nothing is
    said after all that gives up. Raises :class:`~engine.errors.ConfigError`.
    """
    if barge_in_s is not None:
        _check_time(barge_in_s, f"--barge-in {barge_in_s:g}")
        if not wavs:
            raise ConfigError("--barge-in: there is no WAV file to speak into the agent's reply")
    if hang_up_s is not None:
        _check_time(hang_up_s, f"--hang-up {hang_up_s:g}")
    utterances = []
    for number, argument in enumerate(wavs):
        name, into_s = _at(argument, "a WAV file")
        if into_s is None and barge_in_s is not None and number == len(wavs) - 1:
            into_s = barge_in_s
        when: When = AfterAgent() if into_s is None else IntoReply(into_reply_ms=into_s * 1000)
        utterances.append(Utterance(_read(Path(name)), when))
    hang_up: When = AfterAgent(gap_ms=1500, gives_up=True)
    if hang_up_s is not None:
        hang_up = AtTime(hang_up_s * 1000)
    return Script(tuple(utterances), keys=tuple(_keys(keys)), hang_up=hang_up)


def _keys(arguments: list[str]) -> list[KeyPress]:
    presses = []
    for argument in arguments:
        digits, at_s = _at(argument, "keys")
        if at_s is None or not digits or any(digit not in "0123456789*#" for digit in digits):
            raise ConfigError(
                f"--dtmf {argument}: write keys and the time of the call, as in 29340#@4.5"
            )
        presses += [
            KeyPress(digit, (at_s + 0.25 * place) * 1000) for place, digit in enumerate(digits)
        ]
    return presses


def _at(argument: str, what: str) -> tuple[str, float | None]:
    """``NAME@SECONDS`` apart; without ``@`` there is no time."""
    name, separator, seconds = argument.rpartition("@")
    if not separator:
        return argument, None
    try:
        at_s = float(seconds)
    except ValueError as error:
        raise ConfigError(
            f"{argument}: after {what} and '@' comes a time in seconds, as in stop.wav@1.2"
        ) from error
    _check_time(at_s, argument)
    return name, at_s


def _check_time(at_s: float, argument: str) -> None:
    if not (math.isfinite(at_s) and at_s >= 0):
        raise ConfigError(f"{argument}: a time is in seconds, and zero or more, as in 1.2")


def _read(path: Path) -> bytes:
    try:
        return read_caller_wav(path)
    except UnusableWav as error:
        raise ConfigError(str(error)) from error


async def call(url: str, script: Script, observe: Callable[[Observation], None]) -> CallRecord:
    """Place a call. Raises :class:`~engine.errors.ConfigError` when it cannot be placed."""
    try:
        record = await place_call(url, script, observe=observe)
    except CannotDial as error:
        raise ConfigError(str(error)) from error
    if record.outcome == "server_closed" and not record.heard:
        raise ConfigError(
            f"{url}: it answered and hung up before a word ({record.detail}): is it taking calls?"
        )
    return record


def why_cut_short(record: CallRecord) -> str:
    """Why a call did not go the caller's way to its end; empty if it did."""
    if record.outcome == "gave_up":
        return "the caller gave up: the server said nothing more"
    if record.outcome == "hung_up" or (record.finished and record.close_code == _CLOSE_NORMAL):
        return ""
    early = "" if record.finished else " before it had answered everything"
    return f"the server ended the call{early} ({record.detail})"


def waits_ms(record: CallRecord) -> list[float | None]:
    """From the end of each recording (its silence included) to the next first sound of the agent;
    None where the agent spoke on, or said nothing before the caller's next words."""
    begins = [said.start_s for said in record.said[1:]] + [float("inf")]
    waits: list[float | None] = []
    for said, until_s in zip(record.said, begins, strict=False):
        after = (one.start_s for one in record.heard if said.end_s <= one.start_s < until_s)
        first_s = next(after, None)
        waits.append(None if first_s is None else (first_s - said.end_s) * 1000)
    return waits


def print_waits(record: CallRecord, console: Console) -> None:
    """Print them on one line, if the caller said anything."""
    waits = ["-" if wait_ms is None else f"{wait_ms:.0f}" for wait_ms in waits_ms(record)]
    if waits:
        console.print(
            f"heard at the line, ms from the end of each recording to the first sound: "
            f"{', '.join(waits)}",
            soft_wrap=True,
        )


_TEXTS = {
    "started": "connected",
    "speech_start": "caller speaks",
    "speech_end": "caller stops",
    "agent_start": "agent is heard",
    "agent_end": "agent is silent",
    "clear": "clear: the agent stops at once",
    "key": "caller presses",
    "refused": "refused a message of the server's:",
    "ended": "call over:",
}


class LinePrinter:
    """Prints what a caller at the telephone notices."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, seen: Observation) -> None:
        """Print one observation."""
        text = _TEXTS.get(seen.what)
        if text is None:
            return
        detail = "" if seen.what in ("speech_start", "speech_end") else seen.detail
        self._console.print(
            f"[dim]{seen.at_s:7.2f}[/dim] [bold]   line[/bold]  [dim]{text} {detail}[/dim]",
            soft_wrap=True,
        )


def recording_path(folder: Path) -> Path:
    """Where the recording of a call goes that is about to be made.

    Raises :class:`~engine.errors.ConfigError` if nothing can be written there: better now than
    after the call.
    """
    path = folder / f"call-{secrets.token_hex(4)}.wav"
    with _writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.unlink()
    return path


def save_recording(record: CallRecord, path: Path) -> None:
    """Write the two-channel recording (caller left, agent right)."""
    with _writing(path):
        record.recording.write_wav(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot write the recording {path}: {error.strerror}") from error
