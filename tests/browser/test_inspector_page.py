"""The inspector's page in a real browser: what it shows at which moment, and how it is moved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import pytest

from engine.inspector.laws import Violation
from engine.inspector.report import report_of
from engine.journal import Event
from states.events import OutputHeld, SpeechStarted
from tests.browser.page_kit import PICTURE, Service, lines_of, serving, view

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

INTERRUPTED = "an_interrupted_reply_leaves_no_tail"
NOISE = "a_noise_over_the_agent_is_a_false_alarm"
ANSWERED = "a_question_is_answered"
LOADED = "Boolean(antiphon.page && antiphon.page.call)"
FAILED = "a_voice_that_fails_is_an_apology"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which every complaint of the browser fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def until(page: Page, holds: str, limit_s: float = 20) -> None:
    """Wait for what JavaScript says. Playwright's own way is forbidden by the page's policy."""
    deadline = time.monotonic() + limit_s
    while not page.evaluate(holds):
        assert time.monotonic() < deadline, f"it never came: {holds}"
        page.wait_for_timeout(20)


def open_report(page: Page, folder: Path, html: str) -> None:
    path = folder / "call.html"
    path.write_text(html, encoding="utf-8")
    page.goto(path.as_uri())
    until(page, LOADED)


def moment_of(scenario: str, kind: type) -> float:
    events = (line.event for line in lines_of(scenario) if isinstance(line, Event))
    return next(event.at_ms for event in events if isinstance(event, kind))


def seek(page: Page, ms: float) -> None:
    page.evaluate("ms => antiphon.page.seek(ms, null)", ms)


def test_at_each_moment_the_states_of_that_moment_are_lit(page: Page, tmp_path: Path) -> None:
    """After the caller was heard the chart shows it, with the arrow that led there; while the agent
    is silenced, that; the guards stand beside it with their values."""
    open_report(page, tmp_path, report_of(view(NOISE), PICTURE))
    seek(page, moment_of(NOISE, SpeechStarted))
    page.locator("#state-hearing.lit.leaf").wait_for()
    assert page.locator("#from-waiting-to-hearing.taken").count() == 1
    assert page.locator("#state-waiting.lit").count() == 0
    seek(page, moment_of(NOISE, OutputHeld))
    page.locator("#state-interrupted.lit").wait_for()
    assert page.locator("#state-contested.lit.leaf").count() == 1
    assert page.locator("#state-hearing.lit").count() == 0
    assert page.locator(".guards li").count() >= 1


def test_a_transition_that_was_taken_is_found_on_the_chart(page: Page, tmp_path: Path) -> None:
    """Its button brings its line into sight; the chart follows the states no longer."""
    open_report(page, tmp_path, report_of(view(NOISE), PICTURE))
    seek(page, moment_of(NOISE, SpeechStarted))
    page.evaluate("antiphon.page.picture.look({x: 300, y: 200, width: 50, height: 50})")
    page.locator(".taken-list button", has_text="t19").click()
    seen = "(({x, y, width, height}) => x < 4 && y < 10 && x + width > 20 && y + height > 20)"
    until(page, f"{seen}(antiphon.page.picture.box)")
    assert page.get_attribute("#chart-follow", "aria-pressed") == "false"


def test_the_keys_step_from_event_to_event(page: Page, tmp_path: Path) -> None:
    """Arrows go one on or back, Home and End to the ends, also with the list out of sight; + and 0
    change what of the call is in sight; ? tells of it all."""
    open_report(page, tmp_path, report_of(view(ANSWERED), PICTURE))
    last = len(lines_of(ANSWERED)) - 1
    index = "antiphon.page.index"
    page.keyboard.press("Home")
    assert page.evaluate(index) == 0
    for key, there in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", last)]:
        page.keyboard.press(key)
        assert page.evaluate(index) == there
    page.keyboard.press("Home")
    assert page.evaluate(index) == 0
    span = "antiphon.page.timeline.to - antiphon.page.timeline.from"
    whole = page.evaluate(span)
    page.keyboard.press("+")
    assert page.evaluate(span) < whole
    page.keyboard.press("0")
    assert page.evaluate(span) == whole
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_the_timeline_zooms_pans_and_scrubs(page: Page, tmp_path: Path) -> None:
    """The wheel zooms about the mouse, a drag pans, a drag of the ruler moves the moment, and a
    click chooses it."""
    open_report(page, tmp_path, report_of(view(INTERRUPTED), PICTURE))
    sight = "[antiphon.page.timeline.from, antiphon.page.timeline.to]"
    lanes = page.locator("#lanes").bounding_box()
    assert lanes is not None
    x, y = lanes["x"] + lanes["width"] / 2, lanes["y"] + 60
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    until(page, f"(([a, b]) => a > 0 && b < antiphon.page.call.endMs)({sight})")
    before = page.evaluate(sight)
    page.mouse.down()
    page.mouse.move(x - 200, y, steps=4)
    page.mouse.up()
    after = page.evaluate(sight)
    assert after[0] > before[0]
    assert after[1] - after[0] == pytest.approx(before[1] - before[0])
    page.mouse.click(x, y)
    middle = page.evaluate("antiphon.page.ms")
    assert after[0] < middle < after[1]
    page.mouse.move(x, lanes["y"] - 8)
    page.mouse.down()
    page.mouse.move(x + 200, lanes["y"] - 8, steps=4)
    page.mouse.up()
    assert page.evaluate("antiphon.page.ms") > middle


def test_a_search_leaves_what_fits_and_a_click_goes_there(page: Page, tmp_path: Path) -> None:
    """The list of events is found in by kind, name and text; the row chosen is the moment."""
    open_report(page, tmp_path, report_of(view(INTERRUPTED), PICTURE))
    page.keyboard.press("/")
    page.keyboard.type("output_held")
    rows = page.locator("#event-list [role=option]")
    rows.first.wait_for()
    until(page, "document.querySelector('#search-count').textContent == '1 found'")
    assert rows.count() == 1
    rows.first.click()
    held_ms = moment_of(INTERRUPTED, OutputHeld)
    assert page.evaluate("antiphon.page.ms") == pytest.approx(held_ms)
    assert rows.first.get_attribute("aria-selected") == "true"


def test_what_went_wrong_is_said(page: Page, tmp_path: Path) -> None:
    """Troubles of the journal stand in a banner; a law that was broken has a lane and a list. What
    a caller says is text, whatever it looks like."""
    shown = view(ANSWERED, troubles=("call.jsonl:4: not a journal line: <b>",))
    law = Violation(law="L6", text="9000 ms of silence", at_ms=5000)
    open_report(page, tmp_path, report_of(msgspec.structs.replace(shown, laws=[law]), PICTURE))
    assert "call.jsonl:4: not a journal line: <b>" in page.locator("#banner").inner_text()
    page.locator("#tab-laws").click()
    assert page.locator("#laws .law").inner_text().startswith("L6")
    names = page.evaluate("antiphon.page.timeline.lanes.map(one => one.name)")
    assert names[0] == "laws broken"


def test_the_list_of_calls_is_filtered_and_copied_from(page: Page) -> None:
    """Calls can be narrowed down to those worth a look; the one that is open is copied as a
    scenario, or as the command that replays it."""
    with serving(Service([ANSWERED, INTERRUPTED, FAILED])) as service:
        page.goto(service.url)
        until(page, LOADED)
        calls = page.locator("#call-list .call")
        assert calls.count() == 3
        page.locator("#call-filters button", has_text="interrupted").click()
        assert calls.count() == 1
        calls.first.click()
        until(page, f"antiphon.page.call.summary.call_id === '{INTERRUPTED}'")
        page.locator("#copy-replay").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == f".venv/bin/antiphon replay calls/{INTERRUPTED}.jsonl"
        page.locator("#copy-scenario").click()
        until(page, "document.querySelector('#said').textContent.startsWith('Scenario')")
        assert page.evaluate("navigator.clipboard.readText()") == f"says: {INTERRUPTED}\n"
        assert page.url.endswith(f"?id={INTERRUPTED}")


def test_older_calls_are_asked_for(page: Page) -> None:
    """The list has the newest; a button brings those before, as long as there are any."""
    with serving(Service([INTERRUPTED], older=[ANSWERED])) as service:
        page.goto(service.url)
        until(page, LOADED)
        calls = page.locator("#call-list .call")
        assert calls.count() == 1
        page.locator("#calls-older").click()
        until(page, "document.querySelectorAll('#call-list .call').length === 2")
        assert page.locator("#calls-older").is_hidden()
        calls.last.click()
        until(page, f"antiphon.page.call.summary.call_id === '{ANSWERED}'")


def test_a_live_call_is_followed_to_its_end(page: Page) -> None:
    """New lines are taken in as they come, and the moment stays at the end; when the call is over,
    its laws are judged."""
    with serving(Service([ANSWERED], live=INTERRUPTED)) as service:
        page.goto(f"{service.url}?id={INTERRUPTED}")
        until(page, "Boolean(antiphon.page.live)")
        assert page.evaluate("antiphon.page.call.lines.length") == service.known
        assert page.locator("#follow-end").get_attribute("aria-pressed") == "true"
        service.release.set()
        until(page, "antiphon.page.call.summary.outcome === 'completed'")
        assert page.evaluate("antiphon.page.call.lines.length") == len(lines_of(INTERRUPTED))
        assert page.evaluate("antiphon.page.call.judged.length") > 0
        assert page.locator("#turns .turn").count() >= 2


def test_who_scrubs_away_from_a_live_call_is_left_alone(page: Page) -> None:
    """The moment they look at stays, whatever else happens in the call."""
    with serving(Service([], live=INTERRUPTED)) as service:
        page.goto(f"{service.url}?id={INTERRUPTED}")
        until(page, "Boolean(antiphon.page.live)")
        seek(page, 1000)
        service.release.set()
        until(page, "antiphon.page.call.summary.outcome === 'completed'")
        assert page.evaluate("antiphon.page.ms") == 1000


def test_the_chart_alone_shows_the_live_call(page: Page) -> None:
    """It is what the phone's page has beside it: no lists, no timeline."""
    with serving(Service([ANSWERED], live=INTERRUPTED)) as service:
        page.goto(f"{service.url}?only=chart")
        until(page, "Boolean(antiphon.page.live)")
        assert page.evaluate("antiphon.page.call.summary.call_id") == INTERRUPTED
        assert page.locator("#picture svg").is_visible()
        for part in ("#calls", "#timeline", "#side", "#bar"):
            assert page.locator(part).is_hidden()
        service.release.set()
        until(page, "antiphon.page.call.summary.outcome === 'completed'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390], ids=["wide", "narrow"])
def test_everybody_can_use_it(
    browser: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    """By axe: no fault of WCAG 2.2 AA (contrast, names, roles), whichever list is open, while the
    agent is silenced."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    levels = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    size: ViewportSize = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    with serving(Service([NOISE, FAILED], older=[ANSWERED])) as service:
        page.goto(service.url)
        until(page, LOADED)
        seek(page, moment_of(NOISE, OutputHeld))
        for tab in ("laws", "events", "turns"):
            page.locator(f"#tab-{tab}").click()
            found = axe.Axe().run(page, options=levels)
            assert found.violations_count == 0, found.generate_report()
    context.close()


def test_on_a_narrow_screen_nothing_is_cut_off(page: Page, tmp_path: Path) -> None:
    """All parts stand one below the other, and nothing is wider than the screen."""
    page.set_viewport_size({"width": 390, "height": 844})
    open_report(page, tmp_path, report_of(view(INTERRUPTED), PICTURE))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in ("#chart", "#timeline", "#moment", "#side"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["width"] <= 390
