"""Calls over the carrier's protocol to a service in this process: what callers say, and a desk
whose providers answer by the clock (:mod:`bench.scripted`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import trio

from bench.scripted import Spoken, TimedRecogniser, scripted_desk
from effects.choice import Choice
from effects.ports import CallStore
from engine.journal import AnyLine, End
from engine.session import Desk
from engine.simulation.providers import ScriptedVad
from states import mulaw
from tests.test_service import NoStore


def says(words: str, length_ms: int = 1000, *, partials: bool = True) -> Spoken:
    """An utterance of that length, which stands for these words."""
    return Spoken(words, b"\x10" * (length_ms * mulaw.BYTES_PER_MS), partials)


QUESTION = says("can you come today at two thirty")
"""It has a short answer."""


def a_desk(said: Sequence[Spoken], store: CallStore | None = None) -> Desk:
    """A desk that understands these utterances, which every caller makes in this order."""
    desk = scripted_desk(store or NoStore(), ScriptedVad())
    ports = replace(desk.ports, speech_to_text=Choice(TimedRecogniser(said, trio.sleep)))
    return replace(desk, ports=ports)


def end_of(lines: Sequence[AnyLine]) -> End:
    """The end of a call, which it has to have."""
    assert isinstance(lines[-1], End)
    return lines[-1]
