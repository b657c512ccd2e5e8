"""What can be set for calls of an Asterisk of one's own."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import SecretStr

Path = Annotated[str, msgspec.Meta(pattern="^(/.+)?$")]
Silence = Annotated[float, msgspec.Meta(ge=1)]


class AsteriskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether and how calls come from Asterisk's chan_websocket.

    Attributes:
        path: where they come, as in ``/asterisk``. Empty: none are taken.
        username: what ``websocket_client.conf`` says under this name.
        password: likewise. Without one, calls are for this machine alone.
        silence_s: for how long no sound of the caller's may come before the call counts as lost.
            Longer than elsewhere: a telephone that holds the line may send none.
    """

    path: Path = ""
    username: str = "antiphon"
    password: SecretStr | None = None
    silence_s: Silence = 60.0


class AudioSocketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether and how calls come over AudioSocket, which proves nothing: it is for one machine, or
    a network of one's own.

    Attributes:
        port: where they come; 0: none are taken.
        host: the address that is listened at.
        calls: so many connections at once; one more is closed again.
        silence_s: as in :class:`AsteriskSettings`.
    """

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    host: str = "127.0.0.1"
    calls: Annotated[int, msgspec.Meta(ge=1)] = 100
    silence_s: Silence = 60.0
