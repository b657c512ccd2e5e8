"""The long search: what it keeps, how it changes calls, how it makes failures small."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from engine.errors import ConfigError
from engine.fuzzing.base_calls import BASE_CALLS
from engine.fuzzing.corpus import Corpus, features, scenario_to_keep, signature, to_keep
from engine.fuzzing.failure import Failure, judge
from engine.fuzzing.mutate import mutated, random_order, tidy
from engine.fuzzing.nightly import Hunt, News, Task, Worker, hunt
from engine.fuzzing.replay_string import replay_string
from engine.fuzzing.shrink import GENERATED, in_order, shrunk, simpler
from engine.fuzzing.silence import silenced
from engine.fuzzing.subject import Subject, default_subject
from engine.simulation.expectations import unmet
from engine.simulation.laws import Violation
from engine.simulation.scenario import (
    Act,
    Answer,
    Expect,
    Injection,
    Judge,
    Order,
    Scenario,
    ScriptedTool,
    Voice,
    Wire,
)
from engine.simulation.scenario_files import load_scenario
from engine.simulation.trace import Trace
from engine.simulation.world import Watch, simulate
from states.settings import Settings
from tests.fuzz.planted import BARGE_IN, SMALL, subject_that_talks_on

BUSY = replace(
    BARGE_IN,
    caller=[*BARGE_IN.caller, Act(at=7.13, sound=True, during=0.21), Act(at=7.5, press="1")],
    answers=[*BARGE_IN.answers, Answer(to="nothing", stalls=True)],
    voice=Voice(first_byte=0.3, midway=0.3),
    judge=Judge(by_words=True),
    wire=Wire(lag=0.02),
    injections=[Injection(step=1500, does="press", what="5")],
    order=Order(priorities=[3, 1, 2], changes={9: 0}),
    rotations={3: 1},
    greeting="Hello, this is the parcel desk. How can I help you today?",
    ends_at=12.0,
)
"""Breaks L2 on the chart that talks on, with much around it that does not matter."""


def failing(scenario: Scenario, subject: Subject) -> Failure:
    failure = judge(scenario, subject)
    assert failure is not None
    return failure


def interrupting(when: Callable[[Hunt], bool]) -> Callable[[Hunt], None]:
    """Presses Ctrl-C once that is so."""
    pressed: list[int] = []

    def progress(result: Hunt) -> None:
        if when(result) and not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)

    return progress


@pytest.mark.parametrize(("name", "scenario"), BASE_CALLS, ids=[name for name, _ in BASE_CALLS])
def test_the_calls_to_begin_with_are_sound(name: str, scenario: Scenario) -> None:
    """No law is broken in them, and the caller is heard by the agent."""
    assert judge(scenario, default_subject()) is None


# --- making calls small ---------------------------------------------------------------------


def test_a_failure_is_made_small(tmp_path: Path) -> None:
    """What does not matter goes: troubles, injections, orders, most acts and settings."""
    subject = subject_that_talks_on(tmp_path)
    small = shrunk(failing(BUSY, subject), subject).scenario
    usual = Scenario(says=small.says, caller=small.caller, answers=small.answers)
    assert len(small.caller) <= 2
    assert replace(small, ends_at=usual.ends_at, greeting=usual.greeting) == usual
    assert all(act.at == round(act.at, 1) for act in small.caller)
    assert "L2" in failing(small, subject).laws


def small(
    scenario: Scenario, fails: Callable[[Scenario], bool], monkeypatch: pytest.MonkeyPatch
) -> Scenario:
    """The smallest call that fails so, without any being held."""

    def judged(one: Scenario, subject: Subject) -> Failure | None:
        violations = (Violation("L1", 0.0, "so"),)
        return Failure(one, violations, Trace(one, subject.chart)) if fails(one) else None

    monkeypatch.setattr("engine.fuzzing.shrink.judge", judged)
    failure = judged(scenario, default_subject())
    assert failure is not None
    return shrunk(failure, default_subject()).scenario


def test_only_what_it_fails_by_is_left_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not matter goes, however much of it there is; moments become round, and an
    injection comes as early as it can."""
    scenario = Scenario(
        says="",
        caller=[Act(at=1.23, say="no wait", late=0.5, during=0.77), Act(at=3.0, press="1")],
        answers=[Answer(says="Yes.", first_token=5.0)],
        voice=Voice(first_byte=0.3, midway=2.0),
        wire=Wire(lag=0.06),
        tools=[ScriptedTool(name="look", takes=4.0)],
        settings=Settings(idle_ms=2000, reply_ms=3000),
        injections=[Injection(step=5), Injection(step=873)],
        order=Order(priorities=[4, 1, 2, 3], changes={3: 1, 5: 2}),
        rotations={3: 1},
        ends_at=7.1,
    )

    def fails(one: Scenario) -> bool:
        says = any(act.say and act.at > 1 for act in one.caller)
        late = any(injection.step > 38 for injection in one.injections)
        changed = one.order is not None and 5 in one.order.changes
        return says and late and changed and one.voice.midway > 0 and one.settings.reply_ms == 3000

    assert small(scenario, fails, monkeypatch) == Scenario(
        says="",
        caller=[Act(at=1.2, say="no")],
        voice=Voice(midway=2.0),
        settings=Settings(reply_ms=3000),
        injections=[Injection(step=39)],
        order=Order(priorities=[4], changes={5: 2}),
        ends_at=0.0,
    )


def test_what_can_only_go_if_something_moves_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow answer is not needed to speak before it, if one speaks sooner."""
    scenario = Scenario(says="", caller=[Act(at=3.0, lose=0.5)], answers=[Answer(first_token=1.3)])

    def fails(one: Scenario) -> bool:
        slowly = any(answer.first_token > 1 for answer in one.answers)
        return any(act.lose and 1.9 <= act.at <= (3.0 if slowly else 2.2) for act in one.caller)

    assert small(scenario, fails, monkeypatch) == Scenario(
        says="", caller=[Act(at=2.0, lose=0.5)], ends_at=0.0
    )


def test_a_plain_call_that_fails_as_well_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the call was found, it is told as the one that everybody knows."""
    question = Act(at=1.0, say="where is my parcel")
    fails: Callable[[Scenario], bool] = lambda one: len(one.caller) > 1  # noqa: E731
    assert small(replace(BUSY, says=""), fails, monkeypatch) == Scenario(
        says="", caller=[question, Act(at=2.2, sound=True)], ends_at=0.0
    )


def test_what_broke_first_is_kept_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A law that is only broken later may be kept again: it was a consequence."""

    def judged(one: Scenario, subject: Subject) -> Failure | None:
        first = [Violation("L8", 5.0, "cause")] if one.injections else []
        later = [Violation("L3", 9.0, "consequence")] if one.caller else []
        violations = (*later, *first)
        return Failure(one, violations, Trace(one, subject.chart)) if violations else None

    monkeypatch.setattr("engine.fuzzing.shrink.judge", judged)
    scenario = Scenario(says="", caller=[Act(at=1.0, say="yes")], injections=[Injection(step=1)])
    failure = judged(scenario, default_subject())
    assert failure is not None
    found = shrunk(failure, default_subject()).scenario
    assert found == Scenario(says="", injections=[Injection(step=1)], ends_at=0.0)


def test_making_small_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """What there is by then is given back; without a run it is the same call."""
    subject = subject_that_talks_on(tmp_path)
    failure = failing(BUSY, subject)
    for stopped in (shrunk(failure, subject, over=lambda: True), shrunk(failure, subject, runs=0)):
        assert replace(stopped.scenario, says=BUSY.says) == BUSY
        assert stopped.violations == failure.violations


def test_the_title_of_a_small_call_says_where_it_was_found(tmp_path: Path) -> None:
    """It tells another story than the call that it came from; however often it is made smaller,
    the title says so once. A generated call is none in particular."""
    subject = subject_that_talks_on(tmp_path)
    small = shrunk(failing(BUSY, subject), subject)
    assert small.scenario.says == f"found in: {BUSY.says}"
    assert small.trace.scenario == small.scenario
    assert shrunk(small, subject, runs=0).scenario.says == small.scenario.says
    generated = failing(replace(BUSY, says=GENERATED), subject)
    assert shrunk(generated, subject, runs=0).scenario.says == GENERATED


def test_a_call_beside_is_made_small_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not matter in it goes; it stays where nothing is broken without it."""

    def fails(one: Scenario) -> bool:
        return one.beside is not None and any(act.press == "4" for act in one.beside.caller)

    beside = replace(BUSY, caller=[*BUSY.caller, Act(at=5.0, press="4")])
    found = small(replace(BUSY, says="", beside=beside), fails, monkeypatch)
    assert replace(found, beside=None) == Scenario(says="", ends_at=0.0)
    assert found.beside == Scenario(says=BUSY.says, caller=[Act(at=5.0, press="4")], ends_at=0.0)


def test_an_order_goes_first() -> None:
    """A call that fails in any order is told without one."""
    sections = [one.order for one in simpler(BUSY)]
    assert None in sections[:8]


def test_every_simpler_call_is_another_that_leads_to_an_end() -> None:
    """No candidate is the call itself, and always taking one comes to an end."""
    scenario, steps = BUSY, 0
    while (candidate := next(iter(simpler(scenario)), None)) is not None:
        assert candidate != scenario
        scenario, steps = candidate, steps + 1
        assert steps < 200
    assert scenario == Scenario(says=BUSY.says, ends_at=0.0)


# --- changing calls -------------------------------------------------------------------------


def test_a_changed_call_is_a_call(tmp_path: Path) -> None:
    """Whatever is changed, the acts are in order, a file can hold it, and the same chance gives
    the same call."""
    other = replace(BASE_CALLS[4][1], injections=[Injection(step=7, does="hang_up")])
    changed = []
    scenario = tidy(BUSY)
    for number in range(300):
        one = mutated(scenario, other, Random(number))
        assert one == mutated(scenario, other, Random(number))
        assert in_order(one)
        assert one.ends_at >= max([0.0, *(act.at for act in one.caller)])
        assert msgspec.convert(msgspec.to_builtins(one, str_keys=False), Scenario) == one
        changed.append(one)
        scenario = tidy(BUSY) if number % 3 else one
    assert sum(one != BUSY for one in changed) > 250
    assert {len(one.injections) for one in changed} >= {0, 1, 2}
    assert any(one.tools for one in changed)
    beside = [one.beside for one in changed if one.beside]
    assert 0 < len(beside) < 20
    assert all(one == replace(other, expect=Expect()) for one in beside)


def test_orders_have_as_many_changes_as_lowest_priorities() -> None:
    """Every change puts a task below all that were dealt, each at its own depth."""
    for number in range(50):
        order = random_order(Random(number))
        assert sorted(order.changes.values()) == list(range(len(order.changes)))
        assert min(order.priorities) == len(order.changes)
        assert len(set(order.priorities)) == len(order.priorities)


# --- what is kept ---------------------------------------------------------------------------


def test_what_a_call_reached() -> None:
    """Transitions, answers of guards, and events with the configuration in which they came."""
    reached = features(simulate(BARGE_IN))
    assert ("guard", "only_backchannel", "no") in reached
    assert ("event", "overlap_held", "brief", "voiced", "attending") in reached
    assert {one[0] for one in reached} == {"event", "transition", "guard"}


def test_the_signature_names_the_law_and_the_way(tmp_path: Path) -> None:
    """Calls that differ in what does not matter have the same one."""
    subject = subject_that_talks_on(tmp_path)
    one = signature(failing(BARGE_IN, subject))
    assert one == "L2-speculative.committed-thinking.audio_started"
    later = replace(BARGE_IN, ends_at=9.5, greeting="Hello there.")
    assert signature(failing(later, subject)) == one


def test_a_corpus_comes_back(tmp_path: Path) -> None:
    """Calls are kept under the hash of what they are: the same one once."""
    corpus = Corpus(tmp_path)
    corpus.prepare()
    for scenario in (BUSY, BARGE_IN, BUSY):
        corpus.keep(scenario)
    again = Corpus(tmp_path)
    assert {replay_string(one) for one in again.calls()} == {
        replay_string(BUSY),
        replay_string(BARGE_IN),
    }
    assert again.broken == []


def test_a_corrupt_file_is_reported_and_passed_over(tmp_path: Path) -> None:
    """The others are read all the same; the line names the file."""
    corpus = Corpus(tmp_path)
    corpus.prepare()
    corpus.keep(BARGE_IN)
    (tmp_path / "calls" / "cut").write_text(replay_string(BUSY)[:50])
    (tmp_path / "calls" / "noise").write_bytes(b"\xff\x00\x17")
    (tmp_path / "calls" / "folder").mkdir()
    assert list(corpus.calls()) == [BARGE_IN]
    assert [line.split(":")[0].split("/")[-1] for line in corpus.broken] == [
        "cut",
        "folder",
        "noise",
    ]


def test_a_corpus_that_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be is said, before any call is held."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot keep a corpus in .*file"):
        Corpus(tmp_path / "file").prepare()


def test_what_is_kept_of_a_failure_is_a_scenario(tmp_path: Path) -> None:
    """Its sentence says what has to hold; one that is cancelled is not expected to complete."""
    kept = scenario_to_keep(failing(BARGE_IN, subject_that_talks_on(tmp_path)))
    assert kept.says.startswith("Yielding: the agent never talks over a caller")
    assert unmet(simulate(kept)) == []
    cancelled = to_keep(replace(BARGE_IN, injections=[Injection(step=500)]), "Cancelled.")
    assert unmet(simulate(cancelled)) == []


# --- the search -----------------------------------------------------------------------------


def test_a_search_finds_keeps_and_tells(tmp_path: Path) -> None:
    """What reaches something new is kept, what fails is kept with its story, and Ctrl-C ends the
    search with all of it on disk."""
    subject = subject_that_talks_on(tmp_path)
    corpus = Corpus(tmp_path / "corpus")
    before = signal.getsignal(signal.SIGINT)
    with silenced():
        result = hunt(
            subject,
            [BASE_CALLS[0][1], SMALL],
            corpus,
            seconds=3600,
            options=["--chart", "mine.yaml"],
            progress=interrupting(lambda result: bool(result.found)),
        )
    assert result.interrupted
    assert result.calls == result.explored.calls > 0
    assert result.explored.points
    assert "laws exercised" in result.explored.table(subject.chart)
    assert len(list(corpus.calls())) > 0
    for name, found in result.found.items():
        kept = load_scenario(tmp_path / "corpus" / "failures" / f"{name}.yaml")
        assert judge(kept, subject) is not None
        told = (tmp_path / "corpus" / "failures" / f"{name}.txt").read_text()
        assert told.rstrip("\n") == found.story.rstrip("\n")
        assert "antiphon fuzz --chart mine.yaml --replay 'f1-" in told
    assert signal.getsignal(signal.SIGINT) is before


def test_a_worker_does_the_same_for_the_same_seed() -> None:
    """All chance is in the seed: what it reports is the same, call for call."""

    def reports() -> list[News]:
        news: list[News] = []
        Worker(
            Task(default_subject(), (BARGE_IN,), (), 7), lambda: len(news) >= 15, news.append
        ).search()
        return news

    with silenced():
        assert reports() == reports()


def test_several_processes_search_together() -> None:
    """Their news come together in one result, and Ctrl-C ends them all."""
    with silenced():
        result = hunt(
            default_subject(),
            [BARGE_IN],
            Corpus(None),
            seconds=3600,
            jobs=2,
            progress=interrupting(lambda result: len(result.reached) > 0),
        )
    assert result.interrupted
    assert len(result.reached) > 0
    assert result.explored.calls == result.calls


def test_a_simulation_that_raises_is_a_find() -> None:
    """The search goes on, and tells of the call with what was raised."""

    class Broken(Subject):
        def hold(self, scenario: Scenario, watch: Watch | None = None) -> Trace:
            raise ZeroDivisionError("no such thing")

    reports: list[News] = []
    task = Task(Broken(default_subject().chart), (BARGE_IN, BARGE_IN), (), 1)
    Worker(task, lambda: len(reports) == 2, reports.append).search()
    found = [news.found for news in reports if news.found]
    assert len(found) == 1  # the same one again is no news
    assert found[0].signature.startswith("crash-ZeroDivisionError-hold")
    assert "antiphon fuzz --replay 'f1-" in found[0].story
