"""What signals mean to a worker, and what its supervisor's end means."""

from __future__ import annotations

import os
import signal
import socket

import pytest
import trio
import trio.testing

from engine.errors import ConfigError
from engine.serve_cli import _obey
from engine.supervisor import Inherited, listening_on

SOON_S = 10.0


async def test_a_first_signal_drains_and_a_second_hurries() -> None:
    """A rolling restart that the whole group of processes was told of is no affair of a worker's:
    it goes on as if nothing had been said."""
    draining = trio.Event()
    with trio.fail_after(SOON_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_obey, nursery.cancel_scope, draining, True)
            await trio.testing.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            await draining.wait()
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            await trio.sleep_forever()


async def test_a_supervisor_that_died_before_it_read_is_gone_all_the_same() -> None:
    """Its end of the pipe is reset then, which is no failure of the worker's."""
    ours, theirs = socket.socketpair()
    with trio.fail_after(SOON_S), theirs:
        worker = Inherited(0, theirs.fileno(), 0)
        worker.say_ready()
        ours.close()
        await worker.wait_for_its_end()


def test_a_port_that_does_not_exist_is_said() -> None:
    """Before any worker is started."""
    with pytest.raises(ConfigError, match="port 70000 does not exist"), listening_on("::1", 70000):
        pass
