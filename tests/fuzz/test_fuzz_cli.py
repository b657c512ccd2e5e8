"""``antiphon fuzz`` as a user meets it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from engine import fuzz_cli
from engine.cli import application
from engine.fuzzing.replay_string import replay_string
from engine.picture.tally import read_taken
from engine.simulation.expectations import unmet
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Scenario
from engine.simulation.scenario_files import dump_scenario, load_scenario
from engine.simulation.world import simulate
from tests.chart_kit import shipped_chart
from tests.fuzz.planted import BARGE_IN, SMALL, chart_that_talks_on

GREETING = Scenario(says="The caller hangs up.", greeting="Hi.", ends_at=0.3)

AGENT = """
from engine.agents import AGENTS

SHOP = AGENTS["parcel"]
"""


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without scenarios, and few generated calls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuzz_cli, "GENERATED", 3)
    return tmp_path


def fuzz(*arguments: str) -> Result:
    return CliRunner().invoke(application("fuzz"), ["fuzz", *arguments])


def one_line(*arguments: str) -> str:
    """The error of a command that was used wrongly."""
    result = fuzz(*arguments)
    assert result.exit_code == 2, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert result.stderr.startswith("antiphon: ")
    return result.stderr


def scenarios(folder: Path, **calls: Scenario) -> Path:
    """A folder with these scenarios, or with a small one."""
    (folder / "mine").mkdir()
    for name, scenario in (calls or {"small": SMALL}).items():
        (folder / "mine" / f"{name}.yaml").write_text(dump_scenario(scenario))
    return folder / "mine"


def test_a_sound_chart_is_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without scenarios of one's own there are some to begin with; what was covered is printed,
    no log is, and the code is 0."""
    monkeypatch.setattr("engine.fuzzing.base_calls.BASE_CALLS", [("a greeting", GREETING)])
    result = fuzz()
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("no law was broken\n")
    assert re.search(r"^1 scenarios with \d+ steps\n", result.stdout)
    assert "\n3 generated calls" in result.stdout
    assert re.search(r"\ntransitions +\d+ of \d+\n", result.stdout)
    assert "call_ended" not in result.output + capsys.readouterr().out


def test_logging_is_as_before() -> None:
    """The silence ends with the command."""
    before = structlog.get_config()
    fuzz("--replay", replay_string(SMALL))
    assert structlog.get_config() == before


def test_a_planted_bug_is_found_told_run_again_and_kept(somewhere: Path) -> None:
    """From the failure's own text: the replay breaks the law on that chart and not on the sound
    one, and what is kept is a scenario that tests hold."""
    chart = str(chart_that_talks_on(somewhere))
    result = fuzz("--chart", chart, "--scenarios", str(scenarios(somewhere)))
    assert result.exit_code == 1, result.output
    assert "\nL2 broken. Yielding: " in result.stdout
    assert "```mermaid\nsequenceDiagram\n" in result.stdout
    command = re.search(r"antiphon fuzz --chart (\S+) --replay '(f1-[\w-]+)'", result.stdout)
    assert command is not None
    assert command[1] == chart

    again = fuzz("--chart", chart, "--replay", command[2], "--save", "He talks on!")
    assert again.exit_code == 1, again.output
    assert again.stdout.startswith("L2 broken. ")
    kept = somewhere / "tests" / "scenarios" / "he_talks_on.yaml"
    assert again.stdout.endswith("kept as tests/scenarios/he_talks_on.yaml\n")

    sound = fuzz("--replay", command[2])
    assert sound.exit_code == 0, sound.output
    assert sound.stdout.startswith("no law is broken any more\n")
    scenario = load_scenario(kept)
    trace = simulate(scenario)
    assert scenario.says.startswith("Yielding: ")
    assert [*unmet(trace), *check_laws(trace)] == []


def test_nothing_is_overwritten(somewhere: Path) -> None:
    """A scenario that is there stays as it is, and that is said before the call is held."""
    folder = scenarios(somewhere)
    before = (folder / "small.yaml").read_text()
    text = replay_string(BARGE_IN)
    error = one_line("--replay", text, "--save", "small.yaml", "--scenarios", str(folder))
    assert "small.yaml is there already: choose another name" in error
    assert (folder / "small.yaml").read_text() == before
    fuzz("--replay", text, "--save", "../../Sly / one", "--scenarios", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["sly_one.yaml", "small.yaml"]


def test_a_search_keeps_a_corpus(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --minutes and --corpus: failures are kept with their stories, a corrupt file is
    reported, Ctrl-C ends it with all that, and the exit code tells of failures."""

    @contextmanager
    def ctrl_c_at_the_first_failure() -> Iterator[Callable[[str], None]]:
        def status(text: str) -> None:
            if text.endswith("; 1 failure"):
                signal.raise_signal(signal.SIGINT)

        yield status

    monkeypatch.setattr(fuzz_cli, "_status", ctrl_c_at_the_first_failure)
    chart, folder = str(chart_that_talks_on(somewhere)), str(scenarios(somewhere))
    (somewhere / "kept" / "calls").mkdir(parents=True)
    (somewhere / "kept" / "calls" / "bad").write_text("f1-")
    result = fuzz(
        "--chart",
        chart,
        "--scenarios",
        folder,
        "--minutes",
        "600",
        "--corpus",
        "kept",
        "--jobs",
        "1",
    )
    assert "kept/calls/bad: passed over: the replay string is cut off" in result.stderr
    assert result.exit_code == 1, result.output
    assert "interrupted; all that was found is kept" in result.stdout
    assert re.search(r"\ntransitions +\d+ of \d+\n", result.stdout)
    assert re.search(r"\nawait points aborted +\d+ of \d+\n", result.stdout)
    assert re.search(r"\d+ calls in \d+ s .*\n1 failure, kept in kept/failures\n$", result.stdout)
    (kept,) = (somewhere / "kept" / "failures").glob("*.yaml")
    assert f"--- {kept.stem}\nL2 broken. " in result.stdout


def test_one_scenario_can_be_disturbed_thoroughly(
    somewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is chosen by a part of its name; nothing is generated then. At every step there is more
    to try than at each distinct moment."""
    monkeypatch.setattr("engine.fuzzing.enumeration.SHORT_STEPS", 0)  # no pairs
    call = replace(GREETING, ends_at=0.04)
    folder = scenarios(somewhere, hanging_up_at_once=call, a_greeting=call)
    singles: list[int] = []
    for options in ((), ("--thorough",)):
        result = fuzz("--scenarios", str(folder), "--only", "Hanging up", "--jobs", "2", *options)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("1 scenarios with ")
        assert "generated" not in result.stdout
        (count,) = re.findall(r"(\d+) singles", result.stdout)
        singles.append(int(count))
    assert singles[0] < singles[1]


def test_what_was_taken_can_be_written(somewhere: Path) -> None:
    """For a picture of it: all calls together, from whichever process."""
    call = replace(GREETING, ends_at=0.04)
    folder = str(scenarios(somewhere, hanging_up=call))
    result = fuzz(
        "--scenarios", folder, "--only", "hanging up", "--jobs", "2", "--coverage", "x.json"
    )
    assert result.exit_code == 0, result.output
    taken = read_taken(somewhere / "x.json", shipped_chart())
    assert 1 < taken.transitions[1] <= taken.calls
    (reached,) = re.findall(r"\ntransitions +(\d+) of", result.stdout)
    assert len(taken.transitions) == int(reached)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_it_with_what_was_found(
    somewhere: Path, jobs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call that is being held is finished; the code is 130, and the last line says why."""

    @contextmanager
    def ctrl_c_while_calls_are_disturbed() -> Iterator[Callable[[str], None]]:
        pressed: list[str] = []

        def status(text: str) -> None:
            if text.startswith("singles") and not pressed:
                pressed.append(text)
                signal.raise_signal(signal.SIGINT)

        yield status

    monkeypatch.setattr(fuzz_cli, "_status", ctrl_c_while_calls_are_disturbed)
    chart = str(chart_that_talks_on(somewhere))
    folder = str(scenarios(somewhere, small=SMALL, greeting=GREETING))
    before = signal.getsignal(signal.SIGINT)
    result = fuzz("--chart", chart, "--scenarios", folder, "--jobs", jobs)
    assert result.exit_code == 130, result.output
    assert "\nstopped early: not everything was tried\n" in result.stdout
    assert "\nL2 broken. " in result.stdout
    assert re.search(r"\ntransitions +\d+ of \d+\n", result.stdout)
    assert result.stdout.endswith("\n1 failure\ninterrupted: not everything was tried\n")
    assert signal.getsignal(signal.SIGINT) is before


def test_an_agent_of_ones_own(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, by module, and by a file wherever it is; the options are in the replay command."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "fuzzed_shop", raising=False)
    (somewhere / "elsewhere").mkdir()
    (somewhere / "elsewhere" / "fuzzed_shop.py").write_text(AGENT)
    text = replay_string(SMALL)
    for name in ("parcel", "elsewhere/fuzzed_shop.py:SHOP", "fuzzed_shop:SHOP"):
        result = fuzz("--agent", name, "--replay", text)
        assert result.exit_code == 0, result.output
        assert "parcel" in result.stdout
    assert "fuzzed_shop.py has no AGENT (agents there: SHOP)" in one_line(
        "--agent", "elsewhere/fuzzed_shop.py", "--replay", text
    )
    assert "there is no file nowhere.py" in one_line("--agent", "nowhere.py", "--replay", text)
    assert "did you mean 'parcel'" in one_line("--agent", "parcle", "--replay", text)


def test_what_cannot_be_done_is_one_line(somewhere: Path) -> None:
    """Code 2, and what to do about it."""
    text = replay_string(SMALL)
    assert "give both" in one_line("--save", "name")
    assert "give --minutes as well" in one_line("--corpus", "somewhere")
    assert "leave out --minutes" in one_line("--replay", text, "--minutes", "1")
    assert "leave out --minutes" in one_line("--thorough", "--minutes", "1")
    assert "leave out --thorough" in one_line("--replay", text, "--thorough")
    assert "leave out --only" in one_line("--replay", text, "--only", "x")
    assert "none of the 8 scenarios is called so" in one_line("--only", "nobody")
    assert "cut off" in one_line("--replay", text[:-5])
    assert "leave out --coverage" in one_line("--replay", text, "--coverage", "x.json")
    assert "there is no such folder" in one_line("--coverage", "nowhere/x.json")
    assert "give a name with letters" in one_line("--replay", text, "--save", "../..")
    assert "cannot read the chart" in one_line("--chart", "nowhere.yaml")
    assert "no scenarios (*.yaml) in nowhere" in one_line("--scenarios", "nowhere")
    (somewhere / "bad").mkdir()
    (somewhere / "bad" / "a.yaml").write_text("says: 3")
    assert "bad/a.yaml: not a scenario" in one_line("--scenarios", "bad")
    (somewhere / "file").write_text("")
    assert "cannot keep a corpus" in one_line("--minutes", "1", "--corpus", "file")
    assert "file" in one_line("--replay", text, "--save", "x", "--scenarios", "file")


def test_without_the_extra_one_line_says_what_to_install() -> None:
    """Hypothesis is imported by no command until calls are generated; a replay needs none."""
    code = (
        "import sys; sys.modules['hypothesis'] = None; import importlib.util as util;"
        "find = util.find_spec;"
        "util.find_spec = lambda name, *a: None if name == 'hypothesis' else find(name, *a);"
        "from engine.cli import main; main()"
    )
    root = Path(__file__).parents[2]

    def antiphon(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, "fuzz", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)

    missing = antiphon()
    assert missing.returncode == 2
    assert missing.stderr == (
        "antiphon: generating calls needs hypothesis, which is an extra: "
        "pip install 'antiphon[fuzz]'\n"
    )
    assert antiphon("--replay", replay_string(SMALL)).returncode == 0
