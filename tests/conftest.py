"""What all tests share."""

from __future__ import annotations

from typing import NoReturn

import structlog


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


# A processor and not a filter by level: structlog's own capturing of logs puts itself in its place.
structlog.configure(processors=[_drop])
