"""A recorded call told again: the same caller, the same providers, the same call."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.chart import parse_chart
from engine.errors import JournalError
from engine.journal import AnyLine, End, Head, Reading
from engine.recast import scenario_of
from engine.simulation.scenario import Act, Answer, Asks, Scenario, ScriptedTool, Wire
from engine.simulation.scenario_files import dump_scenario, load_scenario
from engine.simulation.world import default_chart, simulate
from engine.turns import TurnRecord, Turns
from engine.vocabulary import VOCABULARY
from states.settings import Settings
from tests.scenarios.test_scenarios import FILES

CLOSE_MS = 60.0

NOT_TOLD = {
    # What a tool says to those who wait for it is not in a journal.
    "a_tool_has_words_of_its_own_for_a_late_reply",
    "a_tool_has_words_of_its_own_for_the_wait",
    # Nor is it whether a caller was quiet or their line was dead.
    "a_line_that_dies_in_mid_speech_is_answered",
    "a_voice_after_the_line_was_dead_is_no_echo",
    "frames_that_stop_coming_count_as_silence",
    # Nor what would have come of a reply that nobody waited for.
    "a_call_that_is_to_end_ends_although_the_goodbye_is_late",
    "a_caller_is_put_through_although_the_announcement_is_late",
    "a_late_mind_gets_company",
    "a_lookup_that_is_done_is_kept_when_the_turn_grows",
    "what_was_not_heard_of_a_reply_is_not_in_the_history",
    # Nor how late another recogniser's words were after it had heard them again.
    "recognition_that_is_mute_from_the_start_is_replaced",
    # Nor where in a clause, and in how much sound, a provider broke.
    "a_late_word_corrects_the_history_behind_an_apology",
    "a_voice_is_replaced_during_an_interruption",
    "a_voice_that_breaks_off_in_mid_clause_was_heard_so_far",
    "what_a_broken_voice_had_ahead_is_not_heard",
    "another_mind_knows_what_was_done",
    "another_voice_begins_the_sentence_again",
    "another_voice_says_what_the_first_could_not",
    "speech_in_two_parts_is_heard_again",
    # Things that happen in the same moment may change places.
    "a_caller_who_speaks_on_after_a_key_is_heard_out",
    "a_noise_over_the_agent_is_a_false_alarm",
    "an_interrupted_reply_leaves_no_tail",
    "marks_after_a_clear_prove_nothing",
    "who_speaks_as_an_apology_begins_is_heard_out",
}
TOLD = [path for path in FILES if path.stem not in NOT_TOLD]


def turns_of(lines: list[AnyLine]) -> list[TurnRecord]:
    return Turns.of(lines).records


def told(turn: TurnRecord) -> tuple[str, str, str, bool]:
    return turn.words, turn.outcome, turn.heard, turn.latency_ms is None


def again(lines: list[AnyLine]) -> list[AnyLine]:
    return simulate(scenario_of(Reading(lines, []))).lines


@pytest.mark.parametrize("path", TOLD[::2], ids=lambda path: path.stem)
def test_a_call_that_is_told_again_goes_the_same_way(path: Path) -> None:
    """The same turns with the same words, the same outcomes, the same heard of the agent, the
    first sound within 60 ms; from the journal alone."""
    lines = simulate(load_scenario(path)).lines
    before, after = turns_of(lines), turns_of(again(lines))
    assert [told(turn) for turn in after] == [told(turn) for turn in before]
    for one, other in zip(before, after, strict=True):
        if one.latency_ms is not None and other.latency_ms is not None:
            assert abs(other.latency_ms - one.latency_ms) <= CLOSE_MS


def test_the_calls_that_cannot_be_told_are_there() -> None:
    """None of them stands in the list for longer than it has to: each has a scenario."""
    assert {path.stem for path in FILES} >= NOT_TOLD


QUESTION = Scenario(
    says="A question, an answer, a second question.",
    caller=[
        Act(at=2.0, say="where is my parcel", during=1.2),
        Act(at=7.0, say="and when does it come", during=1.2),
    ],
    answers=[
        Answer(to="parcel", says="It left Memphis this morning."),
        Answer(to="when", says="On Thursday, before noon."),
    ],
    ends_at=14.0,
)


def told_again(scenario: Scenario) -> Scenario:
    return scenario_of(Reading(simulate(scenario).lines, []))


def test_a_scenario_that_was_saved_is_the_same_call(tmp_path: Path) -> None:
    """As YAML and back it gives the same journal, to the byte."""
    scenario = told_again(QUESTION)
    path = tmp_path / "call.yaml"
    path.write_text(dump_scenario(scenario))
    assert simulate(load_scenario(path)).journal == simulate(scenario).journal


def test_a_caller_who_waited_for_the_agent_waits_for_it_still() -> None:
    """An agent that takes a second longer does not find the next question in its reply."""
    scenario = told_again(QUESTION)
    slow = replace(
        scenario,
        settings=Settings(complete_silence_ms=1200, silence_ms=1200, silence_least_ms=1200),
    )
    turns = turns_of(simulate(slow).lines)
    assert [turn.outcome for turn in turns] == ["completed", "completed"]
    assert min(turn.latency_ms or 0.0 for turn in turns) > 1000


def test_a_caller_who_was_going_on_does_not_wait_for_the_agent() -> None:
    """A turn that was taken up in a pause is one turn under a policy that is more patient."""
    hasty = replace(
        QUESTION,
        caller=[
            Act(at=2.0, say="where is my parcel", during=1.2),
            Act(at=4.1, say="the one for friday", during=1.2),
        ],
    )
    scenario = told_again(hasty)
    assert len(turns_of(simulate(scenario).lines)) == 2
    patient = replace(scenario, settings=Settings(complete_silence_ms=1200))
    turns = turns_of(simulate(patient).lines)
    assert [turn.words for turn in turns] == ["where is my parcel the one for friday"]


def test_other_words_get_the_nearest_recorded_answer() -> None:
    """A turn that is cut elsewhere is answered with what was said to the words most like it."""
    scenario = told_again(QUESTION)
    act = scenario.caller[0]
    heard = [replace(one, text=one.text.replace("parcel", "parcel then")) for one in act.heard]
    changed = replace(scenario, caller=[replace(act, heard=heard), *scenario.caller[1:]])
    turns = turns_of(simulate(changed).lines)
    assert turns[0].words == "where is my parcel then"
    assert turns[0].heard == "It left Memphis this morning."


def test_a_tool_returns_what_it_returned() -> None:
    """As long after it was asked, and the reply goes on with the words after it."""
    scenario = replace(
        QUESTION,
        answers=[Answer(to="parcel", says="It is there.", asks=Asks(tool="look", arguments={}))],
        tools=[ScriptedTool(name="look", takes=0.7, returns={"at": "Memphis"})],
    )
    again = told_again(scenario)
    (use, *_) = again.tools[0].uses
    assert use.returns == {"at": "Memphis"}
    assert use.takes == pytest.approx(0.7, abs=0.01)
    assert turns_of(simulate(again).lines)[0].heard == "It is there."


def test_the_line_is_as_slow_as_it_was() -> None:
    """How late marks were says how far away the caller is."""
    assert told_again(replace(QUESTION, wire=Wire(lag=0.15))).wire.lag == pytest.approx(0.15)


def test_keys_and_the_hang_up_come_when_they_came() -> None:
    """After as long as in the recorded call."""
    dialled = replace(
        QUESTION, caller=[Act(at=3.0, press="4"), Act(at=3.4, press="2"), Act(at=3.8, press="#")]
    )
    lines = simulate(dialled).lines
    assert [turn.words for turn in turns_of(again(lines))] == ["42"]
    assert again(lines)[-1].at_ms == pytest.approx(lines[-1].at_ms, abs=CLOSE_MS)  # type: ignore[union-attr]


def test_short_pauses_are_made_up_where_the_voice_was_counted() -> None:
    """A caller who paused over the agent stops it as late as they did: what a pause takes from
    their voice is in the scenario, wherever it was."""
    pausing = Act(at=4.0, sound=True, during=2.4, pauses=[(0.3, 0.12)])
    scenario = told_again(replace(QUESTION, caller=[QUESTION.caller[0], pausing]))
    assert sum(took for _, took in scenario.caller[1].pauses) == pytest.approx(0.12, abs=0.06)


def test_a_call_of_another_chart_is_told_all_the_same() -> None:
    """Where its chart is not at hand, the words that each reply answered may not be known."""
    lines = simulate(QUESTION).lines
    text = Path(default_chart().path).read_text().replace("cond: words_stand, ", "", 1)
    other = parse_chart(text, "other.yaml", VOCABULARY)
    assert scenario_of(Reading(lines, []), other).caller == told_again(QUESTION).caller


def test_a_journal_without_a_head_cannot_be_told() -> None:
    """The error says that the head is missing."""
    lines = list[AnyLine](line for line in simulate(QUESTION).lines if not isinstance(line, Head))
    with pytest.raises(JournalError, match="no head"):
        scenario_of(Reading(lines, []))


def test_a_journal_that_was_cut_off_ends_with_a_hang_up() -> None:
    """There, whatever the agent was doing."""
    lines = simulate(QUESTION).lines
    part = lines[: len(lines) // 2]
    assert not any(isinstance(line, End) for line in part)
    assert scenario_of(Reading(part, [])).caller[-1].hang_up
