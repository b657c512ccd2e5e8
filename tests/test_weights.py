"""Weight files: found without importing their package, and used only if they are the right ones."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from adapters.embedded.weights import WEIGHTS, Weight, verified, weight
from effects.ports import ProviderRefused

CONTENT = b"a few weights"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weight:
    """A package that must not be imported, with one weight file."""
    folder = tmp_path / "carrier_of_weights"
    (folder / "assets").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "assets" / "tiny.onnx").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return Weight("carrier-of-weights==1.0", "carrier_of_weights", "assets/tiny.onnx", sha256)


@pytest.mark.parametrize("name", sorted(WEIGHTS))
def test_every_pinned_weight_is_installed_as_it_was_reviewed(name: str) -> None:
    """The locked packages carry exactly the files whose hashes are in the table."""
    assert weight(name).is_file()


def test_the_packages_are_not_imported() -> None:
    """Finding the voice detector's weights imports neither its package nor torch."""
    weight("silero-vad")
    assert "silero_vad" not in sys.modules
    assert "torch" not in sys.modules


def test_a_weight_is_found_without_running_its_package(package: Weight) -> None:
    """The file's path is worked out from the package's location alone."""
    assert verified(package).read_bytes() == CONTENT


def test_another_file_under_the_same_name_is_refused(package: Weight) -> None:
    """A changed file is named together with what to install instead; it is never returned."""
    verified(package).write_bytes(CONTENT + b"!")
    with pytest.raises(ProviderRefused, match=r"tiny\.onnx is not .* carrier-of-weights==1\.0"):
        verified(package)


def test_a_package_without_the_file_is_refused(package: Weight) -> None:
    """A release that carries no weights is told from a package that is missing."""
    verified(package).unlink()
    with pytest.raises(ProviderRefused, match=r"has no file .* Install carrier-of-weights==1\.0"):
        verified(package)


def test_a_missing_package_is_refused() -> None:
    """The message says what to install; trying again would not help."""
    missing = Weight("no-such-thing==2.0", "no_such_thing", "x.onnx", "0" * 64)
    with pytest.raises(ProviderRefused, match=r"not installed\. Install no-such-thing==2\.0") as e:
        verified(missing)
    assert not e.value.retryable
