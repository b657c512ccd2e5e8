"""What can be set for sessions (see :mod:`engine.sessions`)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import SecretStr


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may open sessions, and what they are told.

    ``token``: what clients show, as ``Authorization: Bearer …``; without it there are no sessions.
    ``media_url``: where clients reach the media stream, ``wss://…/media``; empty: by the name by
    which they asked for the session. ``region``: where this worker is, for clients that look for
    one near them.
    """

    token: SecretStr | None = None
    media_url: Annotated[str, msgspec.Meta(pattern="^(wss?://.+)?$")] = ""
    region: str = ""
