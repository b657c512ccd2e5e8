"""The adapter that docs/providers.md shows: what it says there is so."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import trio
from pydantic import SecretStr

from effects.ports import Clause, ProviderBusy, ProviderLost, ProviderRefused, Speech, TextToSpeech
from effects.spoken import clause_of
from tests.twins.server import Conversation, Faults, Twin, open_twin

DOCS = Path(__file__).parent.parent / "docs"
EXAMPLE = DOCS / "examples" / "whistle.py"


def whistle() -> Any:
    """The example, as a module."""
    spec = importlib.util.spec_from_file_location("whistle", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class WhistleTwin(Twin):
    """One byte of audio a letter; an error for "Psst.", and none that can be read for "Hush."."""

    async def converse(self, conversation: Conversation) -> None:
        while True:
            text = await conversation.receive()
            assert isinstance(text, str)
            if text == "Psst.":
                await conversation.send("429 too many whistles")
                continue
            if text == "Hush.":
                await conversation.send("not now")
                continue
            for piece in (bytes(len(text)), b""):
                await conversation.send(piece)


async def said(twin: WhistleTwin, *texts: str) -> list[Speech]:
    """What the voice says of these clauses."""
    heard: list[Speech] = []

    async def speech(piece: Speech) -> None:
        heard.append(piece)

    voice: TextToSpeech
    with trio.fail_after(5):
        async with whistle().Whistle(SecretStr("key"), twin.ws_url) as voice:
            send, receive = trio.open_memory_channel[Clause](len(texts))
            with send:
                for index, text in enumerate(texts):
                    send.send_nowait(clause_of(index, text))
            await voice.speak(receive, speech)
    return heard


async def test_it_speaks() -> None:
    """Each clause, in order, with its end."""
    async with open_twin(WhistleTwin()) as twin:
        assert await said(twin, "One moment.", "Yes.") == [
            Speech(0, bytes(11), ends_clause=False),
            Speech(0, b"", ends_clause=True),
            Speech(1, bytes(4), ends_clause=False),
            Speech(1, b"", ends_clause=True),
        ]


async def test_its_errors_are_the_ports() -> None:
    """Those of its messages, and those of the handshake."""
    async with open_twin(WhistleTwin()) as twin:
        with pytest.raises(ProviderBusy, match="too many whistles"):
            await said(twin, "Psst.")
        with pytest.raises(ProviderLost, match="no status: not now"):
            await said(twin, "Hush.")
        twin.faults = Faults(refuse=401)
        with pytest.raises(ProviderRefused, match="check WHISTLE_API_KEY"):
            await said(twin, "Yes.")


def test_the_page_shows_it_as_it_is() -> None:
    """Class and function stand on the page as they run."""
    code = EXAMPLE.read_text()
    assert (
        indent(code[code.index("class Whistle") :], "    ") in (DOCS / "providers.md").read_text()
    )
