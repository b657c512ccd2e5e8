"""What can be chosen of Cartesia's voice."""

from __future__ import annotations

from typing import Annotated

import msgspec

from states.settings import Limit, Seconds

WebsocketUrl = Annotated[str, msgspec.Meta(pattern="^wss?://.")]
Speed = Annotated[float, msgspec.Meta(ge=0.6, le=1.5)]
Volume = Annotated[float, msgspec.Meta(ge=0.5, le=2.0)]


class CartesiaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The voice, and how it is reached.

    ``voice`` is an id of the vendor's library (Katie, whom it recommends for telephone agents),
    ``model`` a dated snapshot, so that a voice does not change unasked. ``speed`` and ``volume``
    are multiples of the voice's own, and ``emotion`` is a word such as "calm"; left out, the model
    goes by the text (docs.cartesia.ai, "Choosing a Voice", "Volume, Speed, and Emotion"; not every
    model takes all three).

    ``ready_sockets`` are kept open so that no caller waits for a handshake, ``kept_sockets`` at
    most when calls are over. One that was idle for ``idle_s`` is renewed: the vendor closes it
    after five minutes ("Concurrency Limits and Timeouts"). ``connect_s`` is the time to open
    one, ``answer_s`` the longest silence of the vendor while it owes a clause.
    """

    voice: str = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
    model: str = "sonic-3.5-2026-05-04"
    language: str = "en"
    speed: Speed | None = None
    volume: Volume | None = None
    emotion: str | None = None
    ready_sockets: Limit = 1
    kept_sockets: Limit = 8
    idle_s: Seconds = 240.0
    connect_s: Seconds = 3.0
    answer_s: Seconds = 5.0
    base_url: WebsocketUrl = "wss://api.cartesia.ai"
