"""What the documentation says can be run, and is so: configurations, commands, settings, links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from engine.agents import agent_kit
from engine.cli import COMMANDS
from engine.config import Config, load_config
from engine.demo import demo_config
from engine.keys import VARIABLES
from engine.providers import Providers

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
KEYS = dict.fromkeys(VARIABLES.values(), "key")

_TOML_LINE = re.compile(r"\[[a-z_]+\]|[a-z_]+ = \S.*")
_ROW = re.compile(r"\| `([a-z_]+)` \| (none|`[^|]*`) \| \S.* \|")


def page(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[str]:
    """The indented blocks of a page, without their indentation; a blank line does not end one."""
    for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.MULTILINE):
        yield re.sub(r"^    ", "", block, flags=re.MULTILINE)


def tomls(text: str) -> Sequence[str]:
    """Those that are pieces of an ``antiphon.toml``."""
    return [
        block
        for block in blocks(text)
        if all(_TOML_LINE.fullmatch(line) for line in block.splitlines() if line)
    ]


CONFIGURATIONS = [
    pytest.param(text, id=f"{name} {number}")
    for name in PAGES
    for number, text in enumerate(tomls(page(name)))
]


def test_the_pages_show_configurations() -> None:
    """There are some to be tried, in the README and on the page of providers."""
    assert len(tomls(page("README.md"))) >= 2
    assert len(tomls(page("docs/providers.md"))) >= 9


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_that_is_shown_is_one(text: str, tmp_path: Path) -> None:
    """It loads, changes something, and its providers can be made where there are keys."""
    path = tmp_path / "antiphon.toml"
    path.write_text(text, encoding="utf-8")
    config = load_config(path)
    assert config != Config()
    Providers(config, agent_kit(config.agent), KEYS)


def test_compatible_servers_want_no_key(tmp_path: Path) -> None:
    """As the section says: with a ``base_url`` of one's own nothing asks for a key."""
    section = page("docs/providers.md").partition("## Compatible servers")[2]
    shown = tomls(section.partition("\n## ")[0])
    assert len(shown) == 5
    for text in shown:
        path = tmp_path / "antiphon.toml"
        path.write_text(text, encoding="utf-8")
        Providers(load_config(path), agent_kit("parcel"), {})


def test_the_production_configuration_has_ten_lines() -> None:
    """The README promises it short: no more than that."""
    (block,) = [text for text in tomls(page("README.md")) if "[deepgram]" in text]
    assert len(block.splitlines()) <= 10


def test_the_demo_needs_no_vendor() -> None:
    """Not even where there are keys: it is held in this process, and costs nothing."""
    config = demo_config(Path("calls"), "data")
    chosen = str(Providers(config, agent_kit(config.agent), KEYS))
    assert chosen == "speech-to-text embedded, mind embedded, voice embedded"


# --- settings -------------------------------------------------------------------------------


SETTINGS_PAGES = (
    "docs/providers.md",
    "docs/operating.md",
    "docs/data.md",
    "docs/carriers.md",
)


def documented(heading: str) -> dict[str, str]:
    """The settings of a section, each with the default in its row."""
    pages = map(page, SETTINGS_PAGES)
    section = "".join(text.partition(f"\n### {heading}\n")[2] for text in pages)
    rows = re.split(r"\n##", section)[0].splitlines()
    return {row[1]: row[2].strip("`") for line in rows if (row := _ROW.fullmatch(line))}


def defaults(settings: object) -> dict[str, object]:
    """The defaults of a struct, as TOML says them; None where there is none."""
    plain: dict[str, object] = msgspec.to_builtins(settings)
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()
    }


def meant(default: str) -> object:
    """What a row gives as default."""
    return None if default == "none" else tomllib.loads(f"it = {default}")["it"]


TABLES = [
    field.name
    for field in msgspec.structs.fields(Config)
    if isinstance(field.default, msgspec.Struct) and field.name != "settings"
]


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_of_a_provider_is_documented(table: str) -> None:
    """With its default, in the section of its table; and none that is not there."""
    told = {name: meant(default) for name, default in documented(f"`[{table}]`").items()}
    assert told == defaults(getattr(Config(), table))


@pytest.mark.parametrize(
    ("heading", "settings"),
    [("`[settings]`", Config().settings), ("At the top of the file", Config())],
    ids=["settings", "top"],
)
def test_settings_that_choose_providers_are_documented(heading: str, settings: object) -> None:
    """Those of other tables that the page names are there, with the defaults that it gives."""
    told = documented(heading)
    assert told
    known = defaults(settings)
    assert {name: meant(default) for name, default in told.items()} == {
        name: known[name] for name in told
    }


def test_every_key_is_documented() -> None:
    """With the variable that it is looked for in first."""
    rows = page("docs/providers.md")
    for vendor, variable in VARIABLES.items():
        assert f"| `{variable}` | `{vendor}` in `[keys]` |" in rows


# --- commands and links -----------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_commands_that_are_shown_are_there(name: str) -> None:
    """``antiphon x`` in a block or a code span names a command."""
    text = "\n".join([*blocks(page(name)), *re.findall(r"`([^`\n]+)`", page(name))])
    assert set(re.findall(r"(?:^|/)antiphon ([a-z]+)", text, re.MULTILINE)) <= set(COMMANDS)


def test_the_readme_lists_every_command() -> None:
    """Its table has a row for each."""
    assert set(re.findall(r"^\| `antiphon ([a-z]+)", page("README.md"), re.MULTILINE)) == set(
        COMMANDS
    )


@pytest.mark.parametrize("name", PAGES)
def test_modules_that_are_shown_can_be_run(name: str) -> None:
    """``python -m x`` is a module with something to run."""
    for module in re.findall(r"python -m ([a-z_.]+)", page(name)):
        source = ROOT / f"{module.replace('.', '/')}.py"
        assert '__name__ == "__main__"' in source.read_text(encoding="utf-8"), module


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Each link to a file, and to a heading on a page of ours."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_scenarios_that_are_named_are_there() -> None:
    """The page of providers sends its readers to scenarios by name."""
    named = re.findall(r"`([a-z]+(?:_[a-z]+){4,})`", page("docs/providers.md"))
    assert len(named) == 7
    for name in named:
        assert (ROOT / "tests" / "scenarios" / f"{name}.yaml").is_file(), name
