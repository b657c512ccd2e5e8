"""The stack: what serves all calls is entered together and left in order."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import pytest
import trio
from pydantic import BaseModel
from trio.testing import MockClock

from effects.call_tools import call_tools
from effects.ports import ProviderRefused, ToolContext
from effects.toolkit import tool
from engine.agents import AGENTS
from engine.config import Config
from engine.errors import ConfigError
from engine.stack import entered, fixed_lines, open_desk


class Loading:
    """A provider that loads for a while and keeps a task running in a nursery of its own."""

    def __init__(
        self,
        loads_s: float = 1.0,
        *,
        refuses: bool = False,
        in_a_thread: bool = False,
        breaks_s: float = float("inf"),
        leaves_s: float = 0,
    ) -> None:
        self.loads_s, self.refuses = loads_s, refuses
        self.in_a_thread = in_a_thread
        self.breaks_s, self.leaves_s = breaks_s, leaves_s
        self.is_open = self.was_opened = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        with trio.CancelScope(shield=self.in_a_thread):  # which cannot be cancelled
            await trio.sleep(self.loads_s)
        if self.refuses:
            raise ProviderRefused("no key: get one")
        nursery = await self._stack.enter_async_context(trio.open_nursery())
        nursery.start_soon(self._work)
        self._stack.callback(nursery.cancel_scope.cancel)
        self.is_open = self.was_opened = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.is_open = False
        await self._stack.aclose()
        await trio.sleep(self.leaves_s)

    async def _work(self) -> None:
        await trio.sleep(self.breaks_s)
        raise ZeroDivisionError


async def test_providers_are_loaded_at_the_same_time(autojump_clock: MockClock) -> None:
    """As long as the slowest takes, each with a nursery of its own, and all are left."""
    slow, quick = Loading(3), Loading(1)
    async with entered(slow, quick):
        assert trio.current_time() == pytest.approx(3)
        assert slow.is_open
        assert quick.is_open
    assert not slow.is_open
    assert not quick.is_open


async def test_cancelling_lets_the_calls_close_first(autojump_clock: MockClock) -> None:
    """A provider is there until the body is over, which may need it to hang up."""
    provider = Loading()
    with trio.move_on_after(2) as scope:
        async with entered(provider):
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                assert provider.is_open
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(3)
    assert not provider.is_open


async def test_leaving_can_be_cancelled(autojump_clock: MockClock) -> None:
    """A provider that takes its time to close does not hold up a service that is told to stop."""
    with trio.move_on_after(2):
        async with entered(Loading(leaves_s=100)):
            await trio.sleep_forever()
    assert trio.current_time() == pytest.approx(2)


async def test_loading_can_be_cancelled(autojump_clock: MockClock) -> None:
    """Ctrl-C does not wait for the models."""
    quick = Loading(1)
    with trio.move_on_after(2):
        async with entered(Loading(100), quick):
            pytest.fail("nothing was loaded")
    assert trio.current_time() == pytest.approx(2)
    assert quick.was_opened
    assert not quick.is_open


async def test_what_loads_in_a_thread_is_left_as_soon_as_it_is_there(
    autojump_clock: MockClock,
) -> None:
    """A model that is being loaded cannot be stopped. When another provider refuses, or on Ctrl-C,
    it is waited for and left, not kept for ever."""
    slow = Loading(3, in_a_thread=True)
    with pytest.raises(ExceptionGroup) as errors:
        async with entered(slow, Loading(1, refuses=True)):
            pytest.fail("one of them refused")
    assert errors.group_contains(ConfigError, match="no key: get one")
    with trio.move_on_after(1):
        async with entered(slow):
            pytest.fail("nothing was loaded")
    assert trio.current_time() == pytest.approx(6)
    assert slow.was_opened
    assert not slow.is_open


async def test_one_that_refuses_is_a_configuration_error(autojump_clock: MockClock) -> None:
    """It says what the provider said; the others are left again."""
    quick = Loading(1)
    with pytest.raises(ExceptionGroup) as errors:
        async with entered(quick, Loading(2, refuses=True), Loading(100)):
            pytest.fail("one of them refused")
    assert errors.group_contains(ConfigError, match="no key: get one")
    assert trio.current_time() == pytest.approx(2)
    assert quick.was_opened
    assert not quick.is_open


async def test_one_that_breaks_ends_the_service(autojump_clock: MockClock) -> None:
    """A bug in its own task is not passed over in silence."""
    with pytest.raises(ExceptionGroup) as errors:
        async with entered(Loading(1, breaks_s=1), Loading(1)):
            await trio.sleep_forever()
    assert errors.group_contains(ZeroDivisionError)
    assert trio.current_time() == pytest.approx(2)


@pytest.mark.parametrize("named", ["calls", "data"])
async def test_a_folder_that_cannot_be_is_named(tmp_path: Path, named: str) -> None:
    """The one that is wrong, before the models are loaded."""
    folders = {"calls": tmp_path / "calls", "data": tmp_path / "data"}
    folders[named].write_text("a file")
    config = Config(calls=str(folders["calls"]), data=str(folders["data"]))
    with pytest.raises(ConfigError) as error:
        async with open_desk(config, lambda text: pytest.fail(text)):
            pass
    assert str(folders[named]) in str(error.value)


def test_what_is_said_while_a_tool_runs_is_a_fixed_line() -> None:
    """It is wanted at once, so it is rendered beforehand, like the agent's own."""

    class Wait(BaseModel):
        """Wait."""

    @tool(Wait, holding="Let me look.")
    async def wait(arguments: Wait, context: ToolContext) -> None:
        return None

    agent = AGENTS["parcel"].agent
    assert fixed_lines(agent, [wait, *call_tools(agent)]) == (*agent.phrases, "Let me look.")
