"""The log: of which call and turn a line is, one JSON object a line, and nobody's words."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import trio

from engine import logs
from engine.errors import without_message
from engine.observing_settings import LogSettings
from engine.simulation.world import simulate
from tests.laws_kit import PLAIN

WORDS = "my secret is a walrus"
LINES = simulate(PLAIN).lines
log = structlog.get_logger()


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Other tests log as they did."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged for programs: every line has to be an object."""
    told = capsys.readouterr()
    assert told.err == ""
    return [json.loads(line) for line in told.out.splitlines()]


def for_programs(**settings: Any) -> None:
    logs.configure(LogSettings(format="json", **settings))


def raised(error: Exception) -> Exception:
    """The error, raised from another that says words as well."""

    def fail() -> None:
        raise error from KeyError(WORDS)

    try:
        fail()
    except Exception as caught:
        return caught
    raise AssertionError


def test_every_line_is_an_object_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of libraries and warnings, too, which know nothing of ours."""
    for_programs(level="info")
    log.info("one", text='a "quote"\nand a line \udcff', data=b"\x00\xff", thing=object())
    logging.getLogger("some.library").warning("two %s", "arguments")
    logging.getLogger("some.library").info("what libraries say in passing is not for the log")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(True)  # which the block has undone
        warnings.warn("three", stacklevel=1)
    log.debug("left out")
    one, two, three = entries(capsys)
    assert (one["event"], one["level"]) == ("one", "info")
    assert one["timestamp"].endswith("Z")
    assert (two["event"], two["level"]) == ("two arguments", "warning")
    assert "three" in three["event"]


async def test_a_line_says_of_which_call_and_turn_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In every task of the call, as the turn is then; and nothing of that outside."""
    for_programs()

    async def an_effect(go: trio.Event) -> None:
        await go.wait()
        log.warning("in an effect")

    async with trio.open_nursery() as nursery:
        go = trio.Event()
        with logs.of_call("CA1") as count_turns:
            nursery.start_soon(an_effect, go)
            log.warning("first")
            for line in LINES:
                count_turns(line)
            log.warning("then")
        log.warning("outside")
        go.set()
    told = {entry["event"]: (entry.get("call"), entry.get("turn")) for entry in entries(capsys)}
    assert told == {
        "first": ("CA1", 0),
        "then": ("CA1", 1),
        "in an effect": ("CA1", 1),
        "outside": (None, None),
    }


@pytest.mark.parametrize("output", ["json", "console"])
def test_an_error_is_told_without_what_it_says(
    output: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its kind and its place, those that it came of and those in a group; for it may quote a
    caller. Only what the system says is told."""
    logs.configure(LogSettings(format=output))
    log.error("failed", exc_info=raised(ValueError(WORDS)))
    log.error("failed", exc_info=ExceptionGroup(WORDS, [raised(TypeError(WORDS))]))
    log.error("failed", exc_info=OSError(28, "No space left on device"))
    error = raised(RuntimeError(WORDS))
    log.exception("failed", exc_info=error)
    logging.getLogger("some.library").error("failed", exc_info=error)
    told = "".join(capsys.readouterr())
    assert WORDS not in told
    for kind in ("ValueError", "KeyError", "TypeError", "RuntimeError", "test_logs.py"):
        assert kind in told
    assert "No space left on device" in told


def test_why_a_call_failed_is_told_without_what_the_error_said() -> None:
    """The journal of the call has it."""
    assert without_message(f"compose: ValueError: {WORDS}: {WORDS}") == "compose: ValueError"
    assert without_message("ended") == "ended"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("+15551230987", "…987"),
        ("call to +1 (555) 123-0987 failed", "call to …987 failed"),
        ("sip:+15551230987@example.com", "sip:…987@example.com"),
        ("127.0.0.1:8765", "127.0.0.1:8765"),
        ("after 5000 ms, 3 of 12345", "after 5000 ms, 3 of 12345"),
        ("req_0123456789abc", "req_0123456789abc"),
    ],
)
def test_telephone_numbers_are_shown_by_their_end(
    value: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is none as it is; the ids of calls stay whole, or nobody would find them."""
    for_programs()
    log.warning("told", value=value, call="12345678901")
    (entry,) = entries(capsys)
    assert (entry["value"], entry["call"]) == (shown, "12345678901")
