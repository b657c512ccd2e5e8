"""Whole calls on the vendors' twins, over real sockets and in real time: how a conversation goes
on when a vendor goes away in its middle, or will not serve it at all."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trio

from adapters.deepgram.settings import DeepgramSettings
from adapters.twilio.script import AfterAgent, IntoReply, Script, Utterance
from engine.journal import AnyLine, Event, Note
from engine.keys import VARIABLES
from states import events, notes
from states.settings import Settings
from tests.sockets_kit import until
from tests.vendor_kit import (
    APOLOGY,
    CARTESIA,
    ELEVENLABS,
    LIMIT_S,
    LONG,
    NUMBER,
    NUMBER_SPOKEN,
    SPARE,
    YES,
    YES_SPOKEN,
    Held,
    Vendors,
    on_call,
    open_vendors,
)

SHORT = "Here it is."
GAP = AfterAgent(gap_ms=250)
TWO_TURNS = Script(
    (Utterance(NUMBER_SPOKEN, GAP), Utterance(YES_SPOKEN, GAP)),
    hang_up=AfterAgent(gap_ms=300, gives_up=True),
    limit_ms=30_000,
)
FLUX = {"model": "flux-general-en", "eager_eot_threshold": 0.5}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


def is_event(line: AnyLine, kind: type[events.Event]) -> bool:
    return isinstance(line, Event) and isinstance(line.event, kind)


def is_note(line: AnyLine, kind: type[notes.Note]) -> bool:
    return isinstance(line, Note) and isinstance(line.note, kind)


async def wait_for(held: Held, kind: type[events.Event] | type[notes.Note]) -> None:
    await held.moment(lambda line: is_event(line, kind) or is_note(line, kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [{}, FLUX], ids=["nova", "flux"])
async def test_three_turns_and_a_barge_in(tmp_path: Path, model: dict[str, object]) -> None:
    """What is said and heard is the history, an interrupted reply as far as it was heard; the
    journal replays; and neither the call nor the service leaves anything at a vendor."""
    script = Script(
        (
            Utterance(NUMBER_SPOKEN, GAP),
            Utterance(NUMBER_SPOKEN, IntoReply(500)),
            Utterance(YES_SPOKEN, GAP),
        ),
        hang_up=AfterAgent(gap_ms=300, gives_up=True),
        limit_ms=30_000,
    )
    with trio.fail_after(LIMIT_S):
        async with open_vendors(NUMBER, "No wait, stop.", YES) as vendors:
            deepgram = DeepgramSettings(base_url=vendors.deepgram.ws_url)
            deepgram = msgspec.convert(
                msgspec.to_builtins(deepgram) | model, type(deepgram), strict=False
            )
            async with on_call(vendors.config(tmp_path, deepgram=deepgram), script) as held:
                await wait_for(held, events.HungUp)
                await until(lambda: not any(vendors.left().values()))
            await until(lambda: not any(twin.connections for twin in vendors.all))
    held.check(tmp_path)
    assert held.record.outcome == "hung_up"
    said = [text for _, text in held.history]
    cut = said.pop(2)
    assert said == ["Hello.", NUMBER, "No wait, stop.", LONG, YES, LONG]
    assert cut.startswith("I have it here.")
    assert LONG.startswith(cut)
    assert cut != LONG
    assert len(held.record.clears) == 1
    assert held.voices == [ELEVENLABS]
    assert vendors.elevenlabs.contexts_most <= 5


async def test_the_recogniser_dies_while_the_caller_speaks(tmp_path: Path) -> None:
    """The next one hears the speech from its beginning, and the turn is answered."""
    with trio.fail_after(LIMIT_S):
        async with open_vendors(NUMBER, YES, says=SHORT) as vendors:
            config = vendors.config(tmp_path, speech_to_text=("deepgram", "embedded"))
            async with on_call(config, TWO_TURNS) as held:
                await wait_for(held, events.SpeechStarted)
                vendors.kill("deepgram")
                await wait_for(held, events.HungUp)
    held.check(tmp_path)
    assert [failed.instead for failed in held.events(events.SttFailed)] == ["embedded"]
    started = [note.provider for note in held.notes(notes.RecogniserStarted)]
    assert started == ["deepgram", "embedded"]
    callers = [text.lower() for role, text in held.history if role == "caller"]
    assert "nine three four zero" in callers[0]
    assert [text for role, text in held.history if role == "agent"] == ["Hello.", SHORT, SHORT]


async def test_the_only_recogniser_dies_and_comes_back(tmp_path: Path) -> None:
    """It is tried again; what was said meanwhile is heard then or asked for again, and the next
    turn is answered."""
    with trio.fail_after(LIMIT_S):
        async with (
            open_vendors(NUMBER, YES, says=SHORT) as vendors,
            on_call(vendors.config(tmp_path), TWO_TURNS) as held,
        ):
            await wait_for(held, events.SpeechStarted)
            vendors.kill("deepgram")
            await wait_for(held, events.SttFailed)
            await vendors.open(vendors.deepgram)
            await wait_for(held, events.HungUp)
    held.check(tmp_path)
    assert {failed.instead for failed in held.events(events.SttFailed)} == {""}
    assert held.history[-1] == ("agent", SHORT)


async def test_the_mind_dies_while_it_writes(tmp_path: Path) -> None:
    """The next one composes the reply anew, and the caller notices nothing."""
    with trio.fail_after(LIMIT_S):
        async with (
            open_vendors(NUMBER, YES) as vendors,
            on_call(vendors.config(tmp_path), TWO_TURNS) as held,
        ):
            await wait_for(held, notes.FirstToken)
            vendors.kill("openai")
            await wait_for(held, events.HungUp)
    held.check(tmp_path)
    assert held.events(events.ReplyFailed)[0].instead == "spare"
    assert [text for _, text in held.history] == ["Hello.", NUMBER, SPARE, YES, SPARE]
    assert held.notes(notes.ReplyComposed)[-1].provider == "spare"


async def test_the_only_mind_dies_and_comes_back(tmp_path: Path) -> None:
    """The caller is told that something went wrong, and the next turn is answered."""
    with trio.fail_after(LIMIT_S):
        async with open_vendors(NUMBER, YES) as vendors:
            config = vendors.config(tmp_path, language_model=("openai",))
            async with on_call(config, TWO_TURNS) as held:
                await wait_for(held, notes.FirstToken)
                vendors.kill("openai")
                await held.moment(lambda line: _says(line, APOLOGY))
                await vendors.open(vendors.openai)
                await wait_for(held, events.HungUp)
    held.check(tmp_path)
    said = [text for _, text in held.history]
    assert said == ["Hello.", NUMBER, APOLOGY, YES, LONG]


async def test_the_voice_dies_while_it_speaks(tmp_path: Path) -> None:
    """The next one begins again with the clause that was not said to its end, and the history has
    what was heard of it twice. The call keeps that voice."""
    with trio.fail_after(LIMIT_S):
        async with (
            open_vendors(NUMBER, YES) as vendors,
            on_call(vendors.config(tmp_path), TWO_TURNS) as held,
        ):
            await wait_for(held, notes.FirstToken)
            await wait_for(held, notes.ClauseSent)
            vendors.kill("elevenlabs")
            await wait_for(held, events.HungUp)
    held.check(tmp_path)
    assert held.events(events.VoiceFailed)[0].instead == "cartesia"
    said = [text for _, text in held.history]
    begun, found, rest = said.pop(2).rpartition(LONG)
    assert (found, rest) == (LONG, "")
    assert LONG.startswith(begun.rstrip())
    assert said == ["Hello.", NUMBER, YES, LONG]
    assert held.voices == [ELEVENLABS, CARTESIA]


async def test_the_only_voice_dies_and_comes_back(tmp_path: Path) -> None:
    """The apology was rendered before; the next turn is answered."""
    with trio.fail_after(LIMIT_S):
        async with open_vendors(NUMBER, YES) as vendors:
            config = vendors.config(tmp_path, voice=("elevenlabs",))
            async with on_call(config, TWO_TURNS) as held:
                await held.desk.ports.phrases.wait_for(APOLOGY)
                await wait_for(held, notes.FirstSpeech)
                vendors.kill("elevenlabs")
                await wait_for(held, events.VoiceFailed)
                await vendors.open(vendors.elevenlabs)
                await wait_for(held, events.HungUp)
    held.check(tmp_path)
    said = [text for role, text in held.history if role == "agent"]
    assert any(text.endswith(APOLOGY) for text in said)
    assert held.history[-1] == ("agent", LONG)


REFUSALS = (401, 402, 429)


async def _all_refuse(folder: Path, status: int) -> None:
    async with open_vendors(NUMBER, YES) as vendors:
        for twin in (vendors.deepgram, vendors.openai, vendors.elevenlabs):
            twin.faults.refuse = status
        config = vendors.config(folder, speech_to_text=("deepgram", "embedded"))
        async with on_call(config, TWO_TURNS) as held:
            await wait_for(held, events.HungUp)
    held.check(folder)
    assert held.events(events.SttFailed)[0].instead == "embedded"
    assert held.events(events.ReplyFailed)[0].instead == "spare"
    assert {failed.instead for failed in held.events(events.VoiceFailed)} == {"cartesia"}
    assert [text for role, text in held.history if role == "agent"] == ["Hello.", SPARE, SPARE]
    assert held.voices == [CARTESIA]


async def test_all_refuse_at_the_beginning(tmp_path: Path) -> None:
    """The key, the money, too much at once: the next provider of each port serves the call from
    its first word on."""
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for status in REFUSALS:
                nursery.start_soon(_all_refuse, tmp_path / str(status), status)


async def _only_mind_refuses(folder: Path, status: int) -> None:
    async with open_vendors(NUMBER, YES, says=SHORT) as vendors:
        vendors.openai.faults.refuse = status
        config = vendors.config(folder, language_model=("openai",))
        async with on_call(config, TWO_TURNS) as held:
            await held.moment(lambda line: _says(line, APOLOGY))
            vendors.openai.faults.refuse = 0
            await wait_for(held, events.HungUp)
    held.check(folder)
    assert [text for _, text in held.history] == ["Hello.", NUMBER, APOLOGY, YES, SHORT]


async def test_the_only_mind_refuses(tmp_path: Path) -> None:
    """The caller hears the apology, and an answer to what they say once it no longer refuses."""
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for status in REFUSALS:
                nursery.start_soon(_only_mind_refuses, tmp_path / str(status), status)


def _says(line: AnyLine, text: str) -> bool:
    return (
        isinstance(line, Event)
        and isinstance(line.event, events.PlayedOut)
        and line.event.heard == text
    )


async def test_a_mind_that_is_late_gets_company(tmp_path: Path) -> None:
    """The second is asked after ``mind_hedge_ms`` and composes the reply; the request to the first
    is called off."""
    with trio.fail_after(LIMIT_S):
        async with open_vendors(NUMBER, YES) as vendors:
            config = vendors.config(tmp_path, settings=Settings(mind_hedge_ms=150))
            async with on_call(config, TWO_TURNS) as held:
                await wait_for(held, events.SpeechStarted)
                vendors.openai.faults.stall_s = 3
                await wait_for(held, events.HungUp)
            await until(lambda: not vendors.openai.connections)
    held.check(tmp_path)
    assert not held.events(events.ReplyFailed)
    asked = [(note.provider, note.hedge) for note in held.notes(notes.ReplyRequested)]
    assert set(asked) == {("openai", False), ("spare", True)}
    assert {note.provider for note in held.notes(notes.ReplyComposed)} == {"spare"}
    assert [text for _, text in held.history] == ["Hello.", NUMBER, SPARE, YES, SPARE]


async def _stopped_while(vendors: Vendors, folder: Path, kind: type[notes.Note]) -> Held:
    """A call that is stopped with its service at this note."""
    with trio.CancelScope() as service:
        async with on_call(vendors.config(folder), TWO_TURNS) as held:
            await wait_for(held, kind)
            service.cancel()
    return held


@pytest.mark.parametrize("kind", [notes.FirstToken, notes.FirstSpeech, notes.ClauseSent])
async def test_a_service_that_is_stopped_leaves_nothing_behind(
    tmp_path: Path, kind: type[notes.Note]
) -> None:
    """In the middle of a reply: the vendors' sockets are closed within seconds, warm ones too."""
    with trio.fail_after(LIMIT_S):
        async with open_vendors(NUMBER, YES) as vendors:
            held = await _stopped_while(vendors, tmp_path, kind)
            await until(lambda: not any(twin.connections for twin in vendors.all))
            assert not any(vendors.left().values())
    assert held.lines
