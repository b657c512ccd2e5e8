"""The vendors' keys: from the environment, or from the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import SecretStr

from engine.config import Keys
from engine.errors import ConfigError

VARIABLES: Mapping[str, str] = {
    "deepgram": "DEEPGRAM_API_KEY",
    "openai": "OPENAI_API_KEY",
    "elevenlabs": "ELEVENLABS_API_KEY",
    "cartesia": "CARTESIA_API_KEY",
    "transcription": "TRANSCRIPTION_API_KEY",
    "twilio": "TWILIO_AUTH_TOKEN",
}
"""Where a vendor's key is looked for first."""


def key_of(
    vendor: str, keys: Keys, environment: Mapping[str, str] = os.environ
) -> SecretStr | None:
    """The vendor's key, if there is one. Raises :class:`ConfigError` for one that cannot be sent.
    It is never quoted: a library that could not send it might do that."""
    where, plain = VARIABLES[vendor], environment.get(VARIABLES[vendor], "").strip()
    kept: SecretStr | None = getattr(keys, vendor)
    if not plain and kept is not None:
        where, plain = f"{vendor} in [keys]", kept.get_secret_value().strip()
    if not (plain.isascii() and plain.isprintable()) or " " in plain:
        raise ConfigError(f"{where} holds characters that no key has: set it anew")
    return SecretStr(plain) if plain else None
