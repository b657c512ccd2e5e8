"""A real Chromium for the tests of the pages; they are skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

Launch = Callable[..., "Browser"]
"""Starts a Chromium with further flags; the test that did closes it, or the end of the package."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Of the package and not of the session: while it runs there is an asyncio loop in this thread, and
# the other tests are to have none.
@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    """Playwright, or a skip."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def launch(driver: Playwright) -> Iterator[Launch]:
    """Starts browsers, or a skip."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    started: list[Browser] = []

    def start(*flags: str) -> Browser:
        browser = driver.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        started.append(browser)
        return browser

    yield start
    for browser in started:
        browser.close()


@pytest.fixture(scope="package")
def browser(launch: Launch) -> Browser:
    """One that tests share; each opens a page of its own."""
    return launch(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
    )
