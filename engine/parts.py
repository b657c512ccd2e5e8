"""What a service carries beside its calls: the inspector, metrics, traces, the store."""

from __future__ import annotations

from typing import Protocol

from adapters.front.http import Routes
from engine.session import Watcher


class Part(Protocol):
    """Watches calls, and answers questions about them. It never decides anything in a call."""

    @property
    def routes(self) -> Routes:
        """What it answers; it guards them itself where not everybody may ask."""
        ...

    def watchers(self) -> list[Watcher]:
        """Who watches one call, from its head to its end: quickly, for it is on the call's way."""
        ...
