"""What can be set for calls of Telnyx's."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import SecretStr

Path = Annotated[str, msgspec.Meta(pattern="^(/.+)?$")]


class TelnyxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether and how calls come from Telnyx.

    Attributes:
        path: where its media streams come, as in ``/telnyx``. Empty: none are taken.
        stream_token: what Telnyx shows when it comes, the ``stream_auth_token`` of the command
            that starts the stream. Without one, streams are for this machine alone.
    """

    path: Path = ""
    stream_token: SecretStr | None = None
