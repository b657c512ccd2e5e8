"""Ids of carriers, made safe for file names and log lines."""

from __future__ import annotations

import re

_CHARS_MAX = 64
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def safe_id(text: str) -> str:
    """The same id for the same text, of at most 64 of ``A-Z a-z 0-9 _ -``."""
    return _UNSAFE.sub("-", text)[:_CHARS_MAX]
