"""A whole call in one word: what a person copies from a failure and runs again.

It is the scenario's data, without what is as usual, packed, compressed, and written in letters,
digits, ``-`` and ``_``, so that no shell needs quotes around it. It holds the call itself and not
a seed: it means the same call whatever becomes of the generator.
"""

from __future__ import annotations

import base64
import re
import zlib

import msgspec

from engine.errors import ConfigError
from engine.simulation.scenario import Scenario
from engine.simulation.scenario_files import plain_scenario

PREFIX = "f1-"
"""The version of what follows."""

MOST_BYTES = 1_000_000
"""No call is as long as that: a string that unpacks to more is not one of ours."""


BROKEN = "the replay string is cut off, or was changed in copying"


def replay_string(scenario: Scenario) -> str:
    """A scenario as one word. What it was expected to show is left out: the laws judge it."""
    plain = plain_scenario(scenario)
    plain.pop("expect", None)
    packed = zlib.compress(msgspec.msgpack.encode(plain), 9)
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def scenario_of(text: str) -> Scenario:
    """The scenario that a replay string stands for.

    Raises :class:`ConfigError` that says whether the string is cut off or changed, of another
    version, or no scenario.
    """
    text = "".join(text.split())  # where a terminal has broken it
    version = re.match(r"f\d+-", text)
    if version is None:
        raise ConfigError(f"not a replay string: it does not begin with '{PREFIX}'")
    if version.group() != PREFIX:
        raise ConfigError(
            f"the replay string is of another version: it begins with '{version.group()}', "
            f"and this antiphon reads '{PREFIX}'"
        )
    plain = _unpacked(text.removeprefix(PREFIX))
    try:
        return msgspec.convert(plain, Scenario, str_keys=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the replay string holds no scenario: {error}") from error


def _unpacked(letters: str) -> object:
    unpacking = zlib.decompressobj()
    try:
        packed = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars="-_", validate=True)
        data = unpacking.decompress(packed, MOST_BYTES)
        whole = unpacking.eof and not unpacking.unused_data
        plain: object = msgspec.msgpack.decode(data) if whole else None
    except (ValueError, zlib.error, msgspec.DecodeError) as error:
        raise ConfigError(BROKEN) from error
    if not whole:
        raise ConfigError(BROKEN)
    return plain
