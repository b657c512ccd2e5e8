"""What the vendors' adapters cost, beside a raw socket.

    python -m bench.adapters

The figures of :mod:`bench.vendors_deepgram`, :mod:`bench.vendors_openai`,
:mod:`bench.vendors_elevenlabs` and :mod:`bench.vendors_cartesia`, each with the vendor's twin at
the other end. About a minute.
(:mod:`bench.vendors_whisper` has figures of its own: it plays recordings in real time.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from bench import vendors_cartesia, vendors_deepgram, vendors_elevenlabs, vendors_openai
from bench.report import Figure, at_most, finish, this_machine

MEASURES: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "deepgram": vendors_deepgram.measure,
    "openai": vendors_openai.measure,
    "elevenlabs": vendors_elevenlabs.measure,
    "cartesia": vendors_cartesia.measure,
}


async def measure() -> list[Figure]:
    """All of it, one after the other."""
    figures: list[Figure] = []
    for vendor, one in MEASURES.items():
        figures += [named(vendor, figure) for figure in await one()]
    return figures


def named(vendor: str, figure: Figure) -> Figure:
    """The figure under a name that says whose it is."""
    if figure.name.lower().startswith(vendor):
        return figure
    return at_most(f"{vendor}, {figure.name}", figure.value, figure.unit, figure.budget, figure.how)


if __name__ == "__main__":
    finish("adapters", this_machine(), trio.run(measure))
