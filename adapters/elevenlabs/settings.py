"""What can be set of ElevenLabs' voices."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from states.settings import Limit, Seconds, Share

HttpUrl = Annotated[str, msgspec.Meta(pattern="^https?://.")]


class ElevenLabsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one voice.

    What is heard
        ``voice`` is a voice's id, ``model`` one that the websocket takes (any but ``eleven_v3``).
        ``language`` is an ISO 639-1 code; empty for models that take none, such as
        ``eleven_multilingual_v2``. ``stability``, ``similarity_boost``, ``style``, ``speed``
        (0.7 to 1.2) and ``use_speaker_boost`` are the vendor's voice settings.
    How it is reached
        ``base_url`` is where the vendor is; its websocket is at the same place. ``transport``:
        ``websocket`` (with HTTP when that is away) or ``http``. ``auto_mode`` generates each
        clause without waiting for more text.
        ``contexts``: so many clauses of a reply are synthesized ahead of what is taken; the
        vendor allows 5 at once on a socket.
        ``ready``: sockets that are kept open for replies to come; ``most`` are kept of those that
        were used. ``inactivity_timeout_s``: the vendor closes what is silent for longer.
    When it is given up
        ``connect_s`` for a websocket to open, less than a voice has before another takes over,
        so that HTTP can step in; ``silence_s`` for the next piece of a clause.
    """

    voice: str = "JBFqnCBsd6RMkjVDRZzb"
    model: str = "eleven_flash_v2_5"
    language: str = "en"
    stability: Share = 0.5
    similarity_boost: Share = 0.75
    style: Share = 0.0
    speed: Annotated[float, msgspec.Meta(ge=0.7, le=1.2)] = 1.0
    use_speaker_boost: bool = True

    base_url: HttpUrl = "https://api.elevenlabs.io"
    transport: Literal["websocket", "http"] = "websocket"
    auto_mode: bool = True
    contexts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    ready: Limit = 1
    most: Limit = 4
    inactivity_timeout_s: Annotated[int, msgspec.Meta(ge=5, le=180)] = 180

    connect_s: Seconds = 1.0
    silence_s: Seconds = 2.0

    @property
    def identity(self) -> str:
        """Names how a text is said: two settings of one identity sound the same."""
        sound = self.stability, self.similarity_boost, self.style, self.speed
        return " ".join(
            ["elevenlabs", self.voice, self.model, self.language or "-"]
            + [f"{value:g}" for value in sound]
            + ["boost" if self.use_speaker_boost else "plain", OUTPUT_FORMAT]
        )


OUTPUT_FORMAT = "ulaw_8000"
"""The telephone's own sound: it passes through untouched."""
