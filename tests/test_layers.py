"""The layers: imports run one way, so that each folder can be understood without those above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "states": (),
    "effects": ("states",),
    "adapters": ("states", "effects.ports", "effects.toolkit"),
    "engine": ("states", "effects", "adapters", "statecharts"),
}
"""What each folder may import of the others, beside itself."""

OURS = {*MAY_IMPORT, "statecharts", "tests", "bench"}
FILES = sorted(
    path for folder in (*MAY_IMPORT, "tests", "bench") for path in (ROOT / folder).rglob("*.py")
)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """The modules a file imports, each with its line; of ``from a import b``, ``a.b``, because
    ``b`` may be a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: an import relative to the file"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_all_folders_are_looked_at() -> None:
    """A folder that moved would be checked no more."""
    for folder in MAY_IMPORT:
        assert any(path.is_relative_to(ROOT / folder) for path in FILES), folder


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_one_way(folder: str) -> None:
    """engine to adapters and effects, these to states; adapters know of the effects only the
    ports, and how a tool is declared; nobody imports the engine."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {folder} must not import {module}"
        for path in FILES
        if path.is_relative_to(ROOT / folder)
        for line, module in imported(path)
        if module.split(".")[0] in OURS - {folder}
        and not any(is_within(module, allowed) for allowed in MAY_IMPORT[folder])
    ]
    assert wrong == []


def test_nobody_imports_torch() -> None:
    """It weighs two gigabytes, and the models run without it."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        for line, module in imported(path)
        if is_within(module, "torch")
    ]
    assert wrong == []


def test_states_are_pure() -> None:
    """What decides reads no clock and does no I/O: it can be replayed from a journal."""
    impure = ("trio", "time", "datetime", "random", "os", "socket", "pathlib", "threading")
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in FILES
        if path.is_relative_to(ROOT / "states")
        for line, module in imported(path)
        if any(is_within(module, package) for package in impure)
    ]
    assert wrong == []
