"""The phone's page in a real Chromium, with an agent that is played by the test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from adapters.twilio.protocol import ServerStream
from effects.ports import CallInfo, CarrierMessage, Dtmf, Mark, Media, Stop
from states.mulaw import SILENCE
from tests.browser.phone_kit import PHONE, Troubles, opened, serving_files, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route, WebSocketRoute

SECOND = b"\x20" * 8000  # something loud
NARROW = {"width": 340, "height": 700}
WIDE = {"width": 1280, "height": 860}
NO_INSPECTOR = "Failed to load resource: the server responded with a status of 404 (File not found)"


class Agent:
    """The server's end of the page's calls, from when the page is loaded again: takes what the
    engine takes, and nothing else."""

    def __init__(self, page: Page) -> None:
        self.heard: list[CallInfo | CarrierMessage] = []
        """Of the latest call."""
        self.stream = ServerStream()
        self._page = page
        self._websocket: WebSocketRoute | None = None
        page.route_web_socket(re.compile(r"/media$"), self._answer)
        page.reload()

    def _answer(self, websocket: WebSocketRoute) -> None:
        self.heard, self.stream, self._websocket = [], ServerStream(), websocket
        websocket.on_message(self._take)

    def _take(self, text: str | bytes) -> None:
        if (message := self.stream.receive(text)) is not None:
            self.heard.append(message)

    def send(self, *texts: str) -> None:
        """Have the page get these messages."""
        assert self._websocket is not None
        for text in texts:
            self._websocket.send(text)

    def hang_up(self) -> None:
        assert self._websocket is not None
        self._websocket.close(code=1000, reason="we hung up")

    def wait_for(self, kind: type[Media | Dtmf | Mark | Stop], count: int = 1) -> list[object]:
        """So many of the page's messages of a kind, when they have come."""

        def found() -> list[object] | None:
            self._page.evaluate("0")  # lets what came in be delivered
            those: list[object] = [one for one in self.heard if isinstance(one, kind)]
            return those if len(those) >= count else None

        return until(found, 20, f"no {count} {kind.__name__} among {len(self.heard)} messages")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the page is served, without an engine behind it."""
    with serving_files() as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page that is not yet in a call."""
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.goto(f"{url}/phone")
    yield page
    page.context.close()


@pytest.fixture
def agent(page: Page) -> Agent:
    """An agent that the page has called."""
    agent = Agent(page)
    page.click("#call")
    page.wait_for_selector("body[data-state=talking]")
    return agent


# --- the carrier's protocol -----------------------------------------------------------------


def test_the_page_speaks_as_the_carrier_does(agent: Agent, page: Page) -> None:
    """The engine's own reading of the protocol takes all of it: a Twilio-like call id, 20 ms of
    sound a message, a key, the echo of a mark, and in the end a stop."""
    agent.wait_for(Media, 50)
    page.keyboard.press("7")
    agent.wait_for(Dtmf)
    agent.send(agent.stream.media(SECOND[:1600]), agent.stream.mark("one"))
    agent.wait_for(Mark)
    page.click("#hang-up")
    agent.wait_for(Stop)
    info = agent.heard[0]
    assert isinstance(info, CallInfo)
    assert re.fullmatch("CA[0-9a-f]{32}", info.call_id)
    assert info.parameters == {"phone": "browser"}
    frames = [one for one in agent.heard if isinstance(one, Media)]
    assert {len(frame.mulaw) for frame in frames} == {160}
    assert Dtmf("7") in agent.heard
    assert Mark("one") in agent.heard


def test_the_page_brings_the_token_it_is_given(page: Page) -> None:
    """For the very call that it begins."""
    asked: list[str] = []

    def token(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(json={"token": "lets-it-in"})

    page.route("**/phone/token?*", token)
    agent = Agent(page)
    page.click("#call")
    agent.wait_for(Media)
    info = agent.heard[0]
    assert isinstance(info, CallInfo)
    assert info.parameters == {"phone": "browser", "token": "lets-it-in"}
    assert asked[0].endswith(f"/phone/token?id={info.call_id}")


def test_a_clear_empties_the_buffer_and_brings_every_mark_back(agent: Agent, page: Page) -> None:
    """Nine seconds are waiting when the agent takes them back: none are played."""
    stream = agent.stream
    agent.send(*[text for name in "abc" for text in (stream.media(SECOND * 3), stream.mark(name))])
    page.wait_for_function("antiphon.page.call.buffered_ms > 5000")
    agent.send(stream.clear())
    assert agent.wait_for(Mark, 3) == [Mark("a"), Mark("b"), Mark("c")]
    page.wait_for_function("antiphon.page.call.buffered_ms === 0")
    assert page.evaluate("antiphon.page.call.dropped_ms") > 5000
    assert "ms of its sound were not played" in page.inner_text("#cleared")


def test_a_mark_comes_back_after_the_sound_before_it(agent: Agent, page: Page) -> None:
    """Not when it arrives: the agent reckons from it what the caller has heard."""
    agent.send(agent.stream.media(SECOND), agent.stream.mark("end"))
    page.wait_for_function("antiphon.page.call.buffered_ms > 0")
    assert Mark("end") not in agent.heard
    agent.wait_for(Mark)
    page.wait_for_function("antiphon.page.call.buffered_ms === 0")


def test_what_the_agent_sends_is_heard(agent: Agent, page: Page) -> None:
    """Its level is shown, and is gone when there is no more."""
    agent.send(agent.stream.media(SECOND), agent.stream.mark("end"))
    page.wait_for_function("antiphon.page.sound.levels().agent > 0.1")
    agent.wait_for(Mark)
    page.wait_for_function("antiphon.page.sound.levels().agent === 0")


def test_messages_that_are_none_do_no_harm(agent: Agent, page: Page) -> None:
    """They are counted, as are those of another stream; the call goes on."""
    troubles = Troubles(page)
    agent.send("{", "7", '{"event": "clear", "streamSid": "MZ0"}', '{"event": "media"}')
    page.wait_for_function("antiphon.page.call.refused === 4")
    agent.wait_for(Media, len(agent.heard) + 10)
    assert troubles.seen == []


# --- buttons and keys -----------------------------------------------------------------------


def test_while_muted_the_caller_is_silent(agent: Agent, page: Page) -> None:
    """Frames go on, as they must, but hold nothing; afterwards the caller is heard again."""
    page.click("#mute")
    assert page.get_attribute("#mute", "aria-pressed") == "true"
    # Chromium's make-believe microphone beeps once a second: two seconds of nothing tell.
    quiet = SILENCE * 160
    until(lambda: frames(agent, 100) == [quiet] * 100 or None, 20, "it is heard though muted")
    page.click("#mute")
    until(lambda: set(frames(agent, 50)) != {quiet} or None, 20, "it is not heard any more")


def frames(agent: Agent, count: int) -> list[bytes]:
    """The latest frames of the caller."""
    media = agent.wait_for(Media, count)
    return [one.mulaw for one in media[-count:] if isinstance(one, Media)]


def test_keys_are_pressed_by_mouse_and_by_keyboard(agent: Agent, page: Page) -> None:
    """All twelve, in order, and they are shown."""
    for key in "123456":
        page.click(f"[data-key='{key}']")
    page.keyboard.type("789*0#")
    assert agent.wait_for(Dtmf, 12) == [Dtmf(key) for key in "123456789*0#"]
    assert page.inner_text("#keys") == "123456789*0#"


def test_keys_do_nothing_without_a_call(page: Page) -> None:
    """There is nobody to be told of them."""
    page.keyboard.type("12")
    assert page.inner_text("#keys") == ""
    assert page.is_disabled("[data-key='1']")


def test_a_call_can_be_held_with_the_keyboard_alone(browser: Browser, url: str) -> None:
    """The first tab stop calls; then the focus is where one hangs up, and then where one calls."""
    page, troubles = opened(browser, url)
    agent = Agent(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-state=talking]")
    page.wait_for_selector("#hang-up:focus")
    page.keyboard.press("Enter")
    agent.wait_for(Stop)
    page.wait_for_selector("#call:focus")
    assert page.inner_text("#status") == "Call over"
    assert set(troubles.seen) == {NO_INSPECTOR}
    page.context.close()


def test_the_agent_may_hang_up(agent: Agent, page: Page) -> None:
    """The page says so, gives the microphone back, and can call again."""
    track = page.evaluate_handle("antiphon.page.sound._stream.getAudioTracks()[0]")
    agent.hang_up()
    page.wait_for_selector("body[data-state=ready]")
    assert page.inner_text("[role=status] + [role=alert]") == "The agent hung up."
    assert track.evaluate("(track) => track.readyState") == "ended"
    page.click("#call")
    page.wait_for_selector("body[data-state=talking]")


def test_another_microphone_can_be_chosen_in_a_call(agent: Agent, page: Page) -> None:
    """The call goes on with it."""
    page.wait_for_function("document.querySelectorAll('#microphone option').length > 1")
    chosen = page.locator("#microphone option").last.get_attribute("value")
    page.select_option("#microphone", chosen)
    page.wait_for_function("(id) => antiphon.page.sound.device_id === id", arg=chosen)
    agent.wait_for(Media, len(agent.heard) + 50)


# --- what can go wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("NotAllowedError", "The microphone is blocked"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "another program may have it"),
        ("StrangeError", "The microphone cannot be used: it is strange."),
    ],
)
def test_why_there_is_no_microphone_is_said(page: Page, name: str, says: str) -> None:
    """No call is placed; the person is told what to do, and may try again."""
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia = async () => {"
        " throw new DOMException('it is strange', name); }; }",
        name,
    )
    page.click("#call")
    page.wait_for_function("document.getElementById('trouble').textContent !== ''")
    assert says in page.inner_text("#trouble")
    assert page.inner_text("#status") == "No call"
    assert page.is_enabled("#call")


def test_a_page_that_is_not_secure_is_told_of(browser: Browser) -> None:
    """Browsers give the microphone to localhost and to https alone."""
    page = browser.new_page()
    page.route(
        "http://phone.test/**",
        lambda route: (
            route.fulfill(path=PHONE / (route.request.url.rpartition("/phone/")[2] or "index.html"))
            if "/phone/" in route.request.url
            else route.fulfill(path=PHONE / "index.html")
            if route.request.url.endswith("/phone")
            else route.fulfill(status=404)
        ),
    )
    page.goto("http://phone.test/phone")
    page.click("#call")
    page.wait_for_function("document.getElementById('trouble').textContent !== ''")
    assert "by the name localhost" in page.inner_text("#trouble")
    page.close()


@pytest.mark.parametrize(
    ("why_not", "told"),
    [
        ("loading", "The models are still loading"),
        ("lagging", "The machine has too much to do"),
        (None, "The call was not taken"),
    ],
)
def test_why_no_call_is_taken_is_told(page: Page, why_not: str | None, told: str) -> None:
    """Then calls are answered with 503: the person may try again."""
    page.route("**/readyz", lambda route: route.fulfill(status=503, json={"why_not": why_not}))
    page.click("#call")
    page.wait_for_selector(f"text={told}")
    assert page.is_enabled("#call")


def test_without_an_inspector_there_is_a_phone(page: Page, agent: Agent) -> None:
    """The page says that the chart is not served, and links nowhere."""
    assert page.is_visible("#no-inspector")
    assert page.is_hidden("#chart")
    assert page.is_hidden("#inspector")
    agent.wait_for(Media, 10)


def test_what_the_inspector_tells_is_shown(page: Page) -> None:
    """The chart of the call that was placed, the state of the floor, by which transition the agent
    stopped, the latest latency."""
    told = (
        'event: line\ndata: {"n": 7, "line": {"line": "event", "event": {"event": "output_ready"},'
        ' "states": ["live", "floor", "speaking", "alone"]}}\n\n'
        'event: line\ndata: {"n": 8, "line": {"line": "event", "event": {"event": "overlap_held"},'
        ' "states": ["live", "floor", "interrupted"], "took": [[115, "overlap_held"]],'
        ' "guards": [["only_backchannel", false], ["only_backchannel", false]]}}\n\n'
        'event: turns\ndata: [{"latency_ms": 811.6}, {"latency_ms": null}]\n\n'
        "event: over\ndata: {}\n\n"
    )
    page.route("**/inspect?*", lambda route: route.fulfill(body="the chart"))
    page.route("**/inspect", lambda route: route.fulfill(body=""))
    page.route(
        "**/inspect/live?*",
        lambda route: route.fulfill(body=told, content_type="text/event-stream"),
    )
    agent = Agent(page)
    page.click("#call")
    agent.wait_for(Media)
    agent.send(agent.stream.mark("one"))
    page.wait_for_selector("text=812 ms")
    assert page.inner_text("#floor") == "interrupted"
    assert page.inner_text("#why") == "Why: t115 on overlap_held, only_backchannel: no"
    info = agent.heard[0]
    assert isinstance(info, CallInfo)
    assert page.get_attribute("#chart", "src") == f"/inspect?id={info.call_id}&only=chart"
    assert page.get_attribute("#inspector", "href") == f"/inspect?id={info.call_id}"


# --- how it looks ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_everybody_can_use_it(
    browser: Browser, url: str, scheme: str, size: dict[str, int]
) -> None:
    """By axe: no fault of WCAG 2.2 AA (contrast, names, roles), in a call and out of one; and
    nothing lies beyond the edge of a narrow screen."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    page, _ = opened(browser, url, viewport=size, color_scheme=scheme)
    Agent(page)
    levels = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    for state in ("ready", "talking"):
        if state == "talking":
            page.click("#call")
            page.click("summary")
        page.wait_for_selector(f"body[data-state={state}]")
        found = axe.Axe().run(page, options=levels)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()
