"""What all tests share."""

from __future__ import annotations

from typing import NoReturn

import pytest
import structlog

from engine.keys import VARIABLES


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


# A processor and not a filter by level: structlog's own capturing of logs puts itself in its place.
structlog.configure(processors=[_drop])


@pytest.fixture(autouse=True)
def no_keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment would have a test call the vendor; only live tests are to."""
    if request.node.get_closest_marker("live") is None:
        for variable in VARIABLES.values():
            monkeypatch.delenv(variable, raising=False)
