"""What can be set for the audio of calls."""

from __future__ import annotations

from typing import Literal

import msgspec
from pydantic import SecretStr


class AudioSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether calls are recorded.

    Attributes:
        keep: never; with consent; or always, which is for where that is lawful.
        consent_tool: a call is recorded from the moment at which this tool of the agent's has
            done its work: the caller said yes. Consent that was given before comes with the call,
            as its parameter ``audio_consent`` = ``yes``.
        key: 32 bytes in base64, with which audio is encrypted at rest; left out, it is not.
    """

    keep: Literal["never", "consent", "always"] = "never"
    consent_tool: str = ""
    key: SecretStr | None = None
