"""A call that is held by voice: a real Chromium with a recording as its microphone calls
``antiphon serve``, which hears, thinks and speaks with the embedded models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from engine.journal import AnyLine, End, Event
from engine.turns import Turns
from states import events, notes
from tests.browser.conftest import Launch
from tests.browser.phone_kit import Service, opened, serving, until, write_microphone

if TYPE_CHECKING:
    from playwright.sync_api import Page

MICROPHONE = (
    6.0,  # the greeting takes three
    "2-two-nine-three-four-zero.wav",
    5.0,  # on a busy machine the answer may take four; it lasts for ten
    "4-today-two-thirty-pm.wav",
    "4-today-two-thirty-pm.wav",
    120.0,
)
"""What the caller says, and when: the microphone begins with the call."""

LIMIT_S = 90.0
CLEARED = "document.getElementById('cleared').textContent !== ''"
SILENT = "antiphon.page.call.buffered_ms === 0 && antiphon.page.sound.levels().agent === 0"
ANSWERED = "antiphon.page.sound.levels().agent > 0 && antiphon.page.sound.levels().caller < 0.01"
KIND = TypeVar("KIND")


@pytest.fixture(scope="module")
def service(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for this module. That it needs a browser comes first: without one nothing is loaded."""
    with serving(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def locked(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One with a token door."""
    with serving(tmp_path_factory.mktemp("locked"), TWILIO_AUTH_TOKEN="0" * 32) as service:
        yield service


def until_page_says(page: Page, expression: str) -> None:
    """Wait until it is true. (Playwright's own waiting is forbidden by the page's policy.)"""
    until(lambda: page.evaluate(expression), LIMIT_S, f"never true in the page: {expression}")


def happened(lines: list[AnyLine], kind: type[KIND]) -> list[KIND]:
    """The events and notes of a kind, in order."""
    what = [
        line.event if isinstance(line, Event) else getattr(line, "note", None) for line in lines
    ]
    return [one for one in what if isinstance(one, kind)]


def words(lines: list[AnyLine]) -> str:
    """What the caller said, of the turns that were taken up."""
    return " ".join(line.words for line in lines if isinstance(line, Event)).lower()


def floors(lines: list[AnyLine]) -> str:
    """The states of the floor in the order they were entered, with blanks between."""
    names = ("listening", "thinking", "speaking", "interrupted", "ended")
    seen: list[str] = []
    for line in lines:
        if isinstance(line, Event):
            seen += [name for name in names if name in line.states and seen[-1:] != [name]]
    return " ".join(seen)


def test_a_call_is_held_by_voice(service: Service, launch: Launch, tmp_path: Path) -> None:
    """The agent greets; the caller asks by voice and is answered; interrupts, and the agent stops
    at once, and answers that; keys a number in; and hangs up. No word in the browser's console."""
    microphone = write_microphone(tmp_path / "microphone.wav", MICROPHONE)
    browser = launch(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    )
    page, troubles = opened(browser, service.url)
    page.set_default_timeout(LIMIT_S * 1000)
    page.click("#call")
    page.wait_for_selector("body[data-state=talking]")
    call_id = page.evaluate("antiphon.page.call.call_id")
    assert re.fullmatch("CA[0-9a-f]{32}", call_id)

    def lines_with(kind: type[KIND], text: str = "") -> list[AnyLine]:
        def found() -> list[AnyLine] | None:
            lines = service.journal(call_id)
            return lines if any(text in repr(one) for one in happened(lines, kind)) else None

        return until(found, LIMIT_S, f"no {kind.__name__} {text} in the journal")

    lines_with(events.PlayedOut)  # the greeting
    lines_with(notes.MarkEchoed)
    until_page_says(page, CLEARED)
    assert "The agent stopped at once" in page.inner_text("#cleared")
    until_page_says(page, "document.getElementById('why').textContent.includes('overlap_held')")
    until_page_says(page, SILENT)
    until(lambda: "today" in words(service.journal(call_id)), LIMIT_S, "'today' is not heard")
    until_page_says(page, ANSWERED)
    page.keyboard.type("29340")
    lines_with(events.Dtmf, "'0'")
    page.click("#hang-up")
    lines = until(lambda: ended(service, call_id), LIMIT_S, "the call does not end")

    assert floors(lines).startswith("thinking speaking listening thinking")
    assert "thinking speaking interrupted listening" in floors(lines)
    assert floors(lines).endswith("ended")
    assert "two nine three four zero" in words(lines)
    assert [key.digit for key in happened(lines, events.Dtmf)] == list("29340")
    assert "interrupted" in [turn.outcome for turn in Turns.of(lines).records]
    end = lines[-1]
    assert isinstance(end, End)
    assert end.outcome == "completed"
    assert troubles.seen == []
    browser.close()


def ended(service: Service, call_id: str) -> list[AnyLine] | None:
    """The call's journal, if it is whole."""
    lines = service.journal(call_id)
    return lines if lines and isinstance(lines[-1], End) else None


def test_where_streams_need_a_token_the_phone_gets_one(locked: Service, launch: Launch) -> None:
    """With it its call is held; without, the very same call is not, and the page says so."""
    browser = launch("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    page, troubles = opened(browser, locked.url)
    page.click("#call")
    page.wait_for_selector("body[data-state=talking]")
    until_page_says(page, "antiphon.page.call.received > 0")
    page.click("#hang-up")
    assert troubles.seen == []
    page.route("**/phone/token?*", lambda route: route.fulfill(json={"token": ""}))
    page.click("#call")
    page.wait_for_selector("#trouble:not(:empty)")
    assert "no token for this call" in page.inner_text("#trouble")
    browser.close()


def test_closing_the_page_hangs_up(service: Service, launch: Launch) -> None:
    """The agent knows at once, by the page's last word or because the connection is gone: it does
    not wait for more of a caller who is not there."""
    browser = launch("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    page, _ = opened(browser, service.url)
    page.click("#call")
    page.wait_for_selector("body[data-state=talking]")
    call_id = page.evaluate("antiphon.page.call.call_id")
    until_page_says(page, "antiphon.page.call.received > 0")
    page.goto("about:blank")
    lines = until(lambda: ended(service, call_id), LIMIT_S, "the call does not end")
    (hung_up,) = happened(lines, events.HungUp)
    assert "no audio" not in hung_up.reason
    browser.close()
