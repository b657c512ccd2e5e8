"""The embedded stack with real voices: how soon it answers, and what it understands.

    python -m bench.embedded

The demo's caller, and one caller who says the annotated clips of ../shared/audio one after the
other (where that folder is there), are heard over a real websocket at 8 kHz µ-law, in real time,
by the engine with all its models in this same process. Latency is that of the turn records: from
the caller's last voice to the first audio of the answer. Words are compared without case,
punctuation and the form of digits.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import trio

from adapters.front.server import Listening
from adapters.twilio.phone import place_call
from adapters.twilio.script import AfterAgent, Script, Utterance
from adapters.twilio.wav import read_caller_wav
from bench.report import Figure, at_most, finish, spread, this_machine
from engine.config import MEDIA_PATH
from engine.demo import demo_config
from engine.evaluation.words import edits
from engine.journal import AnyLine
from engine.phone_cli import demo_script
from engine.service import take_calls
from engine.session import Desk
from engine.show import STAGES
from engine.stack import open_desk
from engine.turns import TurnRecord, Turns
from states.words import normalized

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"
CLIPS = 16
"""Annotated clips that are spoken; the longest are left out."""
LONGEST_S = 8.0
DEMO_CALLS = 2


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and what is said in it."""

    path: Path
    words: str


def clips() -> list[Clip]:
    """The annotated clips, if they are there."""
    if not (AUDIO / "index.json").exists():
        return []
    index = json.loads((AUDIO / "index.json").read_text(encoding="utf-8"))
    chosen = [
        Clip(AUDIO / entry["file"], entry["transcript"])
        for entry in index
        if entry["transcript_status"] == "annotated"
        and entry["duration"] <= LONGEST_S
        and entry["kind"] in ("read", "command", "question", "slot-answer", "digits")
    ]
    return chosen[:CLIPS]


async def measure() -> list[Figure]:
    """Hold the calls and derive the figures."""
    spoken = clips()
    if not spoken:
        print(f"{AUDIO} is not there: no word error rate, latency on the demo only")
    with tempfile.TemporaryDirectory() as folder:
        config = demo_config(Path(folder), folder)
        async with open_desk(config) as desk:
            await desk.ports.phrases.wait_for(desk.agent.phrases[-1])
            records: list[TurnRecord] = []
            for _ in range(DEMO_CALLS):
                records += await _held(desk, demo_script())
            heard = await _held(desk, _script(spoken)) if spoken else []
    return [*_latency([*records, *heard]), *_errors(spoken, heard)]


def _script(spoken: Sequence[Clip]) -> Script:
    when = AfterAgent(gap_ms=400, patience_ms=12_000)
    said = tuple(Utterance(read_caller_wav(clip.path), when) for clip in spoken)
    return Script(said, limit_ms=600_000)


async def _held(desk: Desk, script: Script) -> list[TurnRecord]:
    """Hold one call over a socket and return its turns."""
    lines: list[AnyLine] = []
    async with trio.open_nursery() as nursery:
        listening: Listening = await nursery.start(
            lambda task_status: take_calls(
                desk, "127.0.0.1", 0, watch=lambda: lines.append, task_status=task_status
            )
        )
        await place_call(f"ws://127.0.0.1:{listening.port}{MEDIA_PATH}", script)
        nursery.cancel_scope.cancel()
    return Turns.of(lines).records


def _latency(records: Sequence[TurnRecord]) -> list[Figure]:
    answered = [turn for turn in records if turn.latency_ms is not None]
    how = "caller's last voice to first audio, over a websocket, models in the same process"
    figures = spread(
        "end of speech to first audio",
        [turn.latency_ms or 0.0 for turn in answered],
        "ms",
        (600.0, None),
        how,
    )
    for stage in STAGES:
        figures += spread(f"of that {stage}", [turn.stages[stage] for turn in answered], "ms")
    return figures


def _errors(spoken: Sequence[Clip], heard: Sequence[TurnRecord]) -> list[Figure]:
    """Word errors over the whole path. A clip that the pauses in it made several turns of, or a
    turn that grew, still counts word by word: all that was said against all that was heard."""
    if not spoken:
        return []
    said = [word for clip in spoken for word in normalized(clip.words)]
    understood = [
        word for turn in heard if turn.outcome != "retracted" for word in normalized(turn.words)
    ]
    rate = 100 * edits(said, understood) / len(said)
    how = f"{len(spoken)} annotated clips, {len(said)} words, in one call of {len(heard)} turns"
    return [at_most("word error rate over the whole path", rate, "%", None, how)]


def main() -> None:
    """Measure, save and show."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    machine = this_machine()
    finish("embedded", machine, trio.run(measure))


if __name__ == "__main__":
    main()
