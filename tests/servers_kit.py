"""Real servers for tests: Redis and PostgreSQL.

The URLs come from ``ANTIPHON_TEST_REDIS`` and ``ANTIPHON_TEST_POSTGRES`` where these are set;
otherwise a server of this machine's own packages is started on a free port in a temporary folder.
Where there is neither, the tests are skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_READY_S = 20.0


@contextmanager
def a_redis() -> Iterator[str]:
    """The URL of a Redis, empty where it is ours."""
    if url := os.environ.get("ANTIPHON_TEST_REDIS"):
        yield url
        return
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here (apt install redis-server), nor ANTIPHON_TEST_REDIS")
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--save", "", "--dir", folder, "--bind", "127.0.0.1"]
        with _running([program, *options], port):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def a_postgres() -> Iterator[str]:
    """The URL of a database of PostgreSQL's, for SQLAlchemy, empty where it is ours."""
    if url := os.environ.get("ANTIPHON_TEST_POSTGRES"):
        yield url
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL here (apt install postgresql), nor ANTIPHON_TEST_POSTGRES")
    port, programs = _free_port(), found[-1].parent
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        as_user: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres")
            as_user = ["runuser", "-u", pwd.getpwnam("postgres").pw_name, "--"]
        make = ["initdb", "-D", str(data), "-A", "trust", "-U", "antiphon", "--no-sync"]
        make[0] = str(programs / "initdb")
        subprocess.run([*as_user, *make], check=True, capture_output=True, cwd="/")
        options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
        with _running([*as_user, str(programs / "postgres"), *options], port):
            url = f"postgresql+psycopg://antiphon@127.0.0.1:{port}/postgres"
            _wait_for_postgres(url)
            yield url


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        _wait_for_port(port, server)
        yield
    finally:
        server.terminate()
        server.wait(timeout=_READY_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _READY_S
    while time.monotonic() < until_s:
        assert server.poll() is None, f"the server ended with {server.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port} within {_READY_S:g} s")


def _wait_for_postgres(url: str) -> None:
    """It listens a moment before it takes questions."""
    import psycopg

    until_s = time.monotonic() + _READY_S
    while True:
        try:
            with psycopg.connect(url.replace("+psycopg", "")):
                return
        except psycopg.OperationalError:
            assert time.monotonic() < until_s, "PostgreSQL takes no questions"
            time.sleep(0.05)
