"""Evaluation as a whole: results, errors, figures, thresholds; and one dialogue for real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.embedded.parcel import PARCEL
from adapters.twilio.recording import CallRecord, Stretch
from engine.cli import application
from engine.errors import ConfigError
from engine.evaluation.dialogue import Dialogue, DialogueFile, Expect, Step
from engine.evaluation.figures import (
    Result,
    Spread,
    Thresholds,
    broken,
    figures_of,
    load_thresholds,
)
from engine.evaluation.measures import Answer, Disturbance, TurnTaking
from engine.evaluation.plan import Plan, plan
from engine.evaluation.run import Held, evaluate
from engine.evaluation.speech import Sounds
from engine.evaluation.table import complaints, counts
from engine.evaluation.task import WordErrors
from engine.journal import AnyLine, End, Event, Head
from engine.turns import TurnRecord
from states import mulaw
from states.events import Transcript
from states.settings import Settings

ANTIPHON = [sys.executable, "-c", "from engine.cli import main; main()"]


# --- figures and thresholds -----------------------------------------------------------------


def measured() -> list[Result]:
    """A dialogue with everything in it, and one that could not be held."""
    turn = TurnRecord(1, "hello", "semantic", 300, 100, 250, audio_started_ms=600)
    good = Result(
        "good",
        turn_taking=TurnTaking(
            answers=[Answer(1, 500.0), Answer(2, 700.0), Answer(3, cut_off=True)],
            interruptions=[Disturbance(4, True, 640.0), Disturbance(5, True, wrong=True)],
            noises=[Disturbance(6, True, 200.0, True), Disturbance(7, False)],
        ),
        turns=[turn],
        words=WordErrors(20, 1),
        task_done=True,
    )
    return [good, Result("bad", error="nobody there")]


def test_figures_sum_up_all_dialogues() -> None:
    """What was not tried is not counted; a dialogue that failed did not do its task."""
    figures = figures_of(measured())
    assert figures.latency == Spread(2, 600.0, 690.0, 698.0)
    assert figures.endpoint == Spread(1, 200.0, 200.0, 200.0)
    assert figures.silent == Spread(1, 640.0, 640.0, 640.0)
    assert (figures.turns, figures.cut_offs, figures.unanswered) == (3, 1, 0)
    assert (figures.barge_ins, figures.missed_barge_ins) == (2, 1)
    assert (figures.noises, figures.false_interruptions) == (1, 1)
    assert figures.word_error_rate_percent == 5.0
    assert (figures.task_done_percent, figures.errors) == (50.0, 1)
    assert "cut-offs            1 of 3 turns" in counts(figures)


def test_thresholds_that_are_broken() -> None:
    """A line each; at the limit is within it; what was not measured is not within any."""
    figures = figures_of(measured())
    limits = Thresholds(
        latency_p50_ms=600,
        latency_p95_ms=650,
        cut_offs=0,
        false_interruptions=1,
        word_error_rate_percent=5,
        task_done_percent=80,
    )
    assert broken(limits, figures) == [
        "latency_p95_ms: 690 (it has to be at most 650)",
        "cut_offs: 1 (it has to be at most 0)",
        "task_done_percent: 50 (it has to be at least 80)",
    ]
    assert broken(Thresholds(latency_p99_ms=1), figures_of([Result("bad", error="no")])) == [
        "latency_p99_ms: not measured (it has to be at most 1)"
    ]


def test_every_threshold_is_a_figure() -> None:
    """So that each can be broken."""
    names = Thresholds.__struct_fields__
    limits = Thresholds(**{name: -1 if name != "task_done_percent" else 101 for name in names})
    assert len(broken(limits, figures_of(measured()))) == len(names)


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("a.toml", "latency_p95_ms = 1500\ncut_offs = 0\n", None),
        ("a.yaml", "latency_p95_ms: 1500\ncut_offs: 0\n", None),
        ("a.yaml", "latency: 1500\n", "unknown field `latency`"),
        ("a.toml", "cut_offs = 'no'\n", "$.cut_offs"),
        ("a.toml", "cut_offs: 0\n", "neither TOML nor YAML"),
        ("a.yaml", "cut_offs: [\n", "neither TOML nor YAML"),
    ],
)
def test_a_thresholds_file(tmp_path: Path, name: str, text: str, named: str | None) -> None:
    """TOML or YAML by its ending; what is wrong in it is one line with the file."""
    path = tmp_path / name
    path.write_text(text)
    if named is None:
        assert load_thresholds(path) == Thresholds(latency_p95_ms=1500, cut_offs=0)
        return
    with pytest.raises(ConfigError) as caught:
        load_thresholds(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


# --- holding them ---------------------------------------------------------------------------

Call = Callable[[], Held]


class Engine:
    """Holds each call as it is told, in order; nothing is really called."""

    def __init__(self, *calls: Call) -> None:
        self._calls = list(calls)

    async def hold(self, plan: Plan) -> Held:
        return self._calls.pop(0)()


def a_call(*, said: int = 1, end: str = "completed") -> Held:
    """A call in which the agent answered half a second after every utterance."""
    record = CallRecord()
    record.said = [Stretch(2.0 + 5 * n, 3.0 + 5 * n) for n in range(said)]
    record.heard = [Stretch(0.5, 1.5), *(Stretch(s.end_s + 0.5, s.end_s + 2) for s in record.said)]
    record.recording.add(None, mulaw.SILENCE * 160)
    words = Transcript(at_ms=0, segment=0, text="Hello.", final=True, through_ms=0)
    lines: list[AnyLine] = [
        Head(
            format=1,
            call_id="CA1",
            stream_id="MZ1",
            started="",
            chart="",
            chart_digest="",
            agent=PARCEL,
            settings=Settings(),
        ),
        Event(seq=0, by="", event=words),
        End(at_ms=9000, outcome=end, reason="as told", history=[]),  # type: ignore[arg-type]
    ]
    return Held(record, lines)


def refuse() -> Held:
    raise ExceptionGroup("of a nursery", [RuntimeError("it went\nwrong")])


def dialogues(*texts: str, expect: Expect | None = None) -> list[tuple[DialogueFile, Plan]]:
    """Dialogues of one step each."""
    made = [
        Dialogue(about=text, steps=[Step(say=text)], expect=expect or Expect()) for text in texts
    ]
    return [
        (DialogueFile(Path(f"{number}.yaml"), dialogue), plan(dialogue, Sounds((b"\x10" * 800,))))
        for number, dialogue in enumerate(made)
    ]


async def test_one_dialogue_that_fails_does_not_lose_the_others(tmp_path: Path) -> None:
    """Its error is its result, in one line; the results stay in their order."""
    told: list[str] = []
    engine = Engine(a_call, refuse, lambda: a_call(end="failed"), lambda: a_call(said=0))
    results = await evaluate(
        engine, dialogues("hello", "a", "hello", "b"), tmp_path, progress=told.append
    )
    assert told[:2] == ["0: hello", "1: a"]
    good, failed, ended, short = results
    assert (good.error, good.task_done, good.words) == ("", True, WordErrors(1, 0))
    assert good.turn_taking.answers == [Answer(1, 500.0)]
    assert Path(good.recording).exists()
    assert failed.error == "RuntimeError('it went\\nwrong')"
    assert ended.error == "the call failed: as told"
    assert short.failures == ["the call was over before step 1"]
    assert short.task_done is False
    assert complaints(failed) == [failed.error]
    assert figures_of(results).errors == 2


async def test_no_call_at_all(tmp_path: Path) -> None:
    """An engine that cannot be reached is one line, not a table of errors."""
    with pytest.raises(ConfigError, match="no call came about: RuntimeError"):
        await evaluate(Engine(refuse, refuse), dialogues("a", "b"), tmp_path)


async def test_an_engine_elsewhere_is_judged_by_what_is_heard(tmp_path: Path) -> None:
    """Without a journal there are no stages and no word errors, and tools are not judged."""
    engine = Engine(lambda: Held(a_call().record))
    (result,) = await evaluate(
        engine, dialogues("hello", expect=Expect(tools=[{"find": {}}])), tmp_path
    )
    assert result.turn_taking.answers == [Answer(1, 500.0)]
    assert (result.words, result.task_done, result.turns) == (None, None, [])
    assert figures_of([result]).task_done_percent is None


# --- for real -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "no dialogues here"),
        (("--url", "localhost:80"), "is not a websocket address"),
        (("--url", "ws://a", "--config", "b"), "--config"),
        (("--thresholds", "none.toml"), "none.toml: cannot be read"),
        (("--json", "none/a.json"), "none/a.json"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, arguments: tuple[str, ...], named: str) -> None:
    """And exit code 2, before anything is loaded or called."""
    result = CliRunner().invoke(application("eval"), ["eval", str(tmp_path), *arguments])
    assert result.exit_code == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert named in result.stderr


def test_a_dialogue_with_the_engine(tmp_path: Path) -> None:
    """A caller who wants to go at once: spoken, called, understood, answered and measured, in
    real time; a threshold that cannot be kept to makes it exit 1."""
    (tmp_path / "goodbye.yaml").write_text(
        "about: The caller leaves in the middle of the greeting.\n"
        "steps:\n  - interrupt: {say: 'I have to go now, goodbye.', after: 0.5}\n"
        "expect: {agent_says: [hello], never: [find_order]}\n"
    )
    limits, out = tmp_path / "limits.toml", tmp_path / "out.json"
    limits.write_text("errors = 0\nmissed_barge_ins = 0\nlatency_p50_ms = 0.1\n")
    arguments = ["eval", str(tmp_path), "--record", str(tmp_path / "calls")]
    arguments += ["--thresholds", str(limits), "--json", str(out)]
    result = subprocess.run(
        [*ANTIPHON, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout.count("threshold broken: latency_p50_ms") == 1
    assert result.stdout.count("threshold broken") == 1
    (dialogue,) = json.loads(out.read_text())["dialogues"]
    assert dialogue["error"] == ""
    assert dialogue["task_done"] is True, dialogue["failures"]
    assert dialogue["turn_taking"]["interruptions"][0]["tried"]
    assert Path(dialogue["journal"]).suffix == ".jsonl"
    assert Path(dialogue["recording"]).suffix == ".wav"
