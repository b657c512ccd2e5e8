"""What the checker takes on trust: where events come from, held to the code that makes them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import effects
from effects import timers
from engine import origins
from engine.vocabulary import ACTIONS, VOCABULARY
from states import actions, commands, events, lines
from states.call import Call
from states.events import EVENTS
from states.timers import TIMERS
from tests.chart_kit import a_call, an_event

EFFECT_SOURCES = {
    "hear": ["hear"],
    "play": ["playout"],
    "transcribe": ["transcribe"],
    "acknowledge": ["acknowledge"],
    "compose": ["compose", "tools"],
    "speak": ["speak"],
    "recite": ["speak"],
}
"""The modules of effects/ in which an effect makes its events."""


def made_in(tree: ast.AST) -> set[str]:
    """The events that a piece of code makes."""
    names = {cls.__name__: name for name, cls in EVENTS.items()}
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            made.add(getattr(node.func, "id", getattr(node.func, "attr", "")))
    return {names[name] for name in made if name in names}


def parsed(module: str) -> ast.AST:
    folder = Path(next(iter(effects.__path__)))
    return ast.parse((folder / f"{module}.py").read_text(encoding="utf-8"))


class TestWhereEventsComeFrom:
    def test_every_effect_is_known(self) -> None:
        """An effect that the table leaves out could not be checked."""
        assert set(origins.EMITS) == set(VOCABULARY.effects)
        assert set(origins.LAST_WORDS) <= set(VOCABULARY.effects)
        assert set(origins.VOICES) <= set(VOCABULARY.effects)

    @pytest.mark.parametrize("effect", EFFECT_SOURCES)
    def test_an_effect_emits_what_its_code_makes(self, effect: str) -> None:
        """The table says what the code does."""
        made = set().union(*(made_in(parsed(module)) for module in EFFECT_SOURCES[effect]))
        assert set(origins.EMITS[effect]) == made

    def test_so_do_the_two_judgements(self) -> None:
        """One while the caller may still be speaking, one when they pause."""
        emitted = {*origins.EMITS["judge_turn"], *origins.EMITS["foresee"]}
        assert emitted == made_in(parsed("judge"))

    @pytest.mark.parametrize("effect", ["barge_in_timer", "retract_timer", "backchannel_timer"])
    def test_so_do_the_waits_for_the_callers_voice(self, effect: str) -> None:
        """They share a module, so each is looked at by itself."""
        source = inspect.getsource(getattr(timers, effect))
        assert set(origins.EMITS[effect]) == made_in(ast.parse(source))

    def test_a_timer_emits_its_event(self) -> None:
        """One, and then it is over."""
        for name, timer in TIMERS.items():
            event = events.event_name(timer.event.__name__)
            assert origins.EMITS[name] == (event,)
            assert origins.LAST_WORDS[name] == event

    def test_an_effects_last_words_are_its_own(self) -> None:
        """It can only end on what it emits."""
        for effect, event in origins.LAST_WORDS.items():
            assert event in origins.EMITS[effect]

    def test_every_event_comes_from_somewhere(self) -> None:
        """From an effect, an action or the engine, or it would never come."""
        emitted = {event for emitted in origins.EMITS.values() for event in emitted}
        raised = {event for action in origins.RAISES for event in origins.raised_by(action)}
        assert emitted | raised | origins.ENGINE_EMITS == set(EVENTS)
        assert raised == events.RAISED


def calls() -> Iterator[Call]:
    """Calls with and without words of the caller, who may be about to be put through."""
    for said in ("", "hello"):
        for to in ("", "sales"):
            call = a_call()
            call.turn.segments = {0: said} if said else {}
            call.transfer_to = to
            yield call


SAMPLES = [
    *(
        events.Transcript(at_ms=1.0, segment=0, text=text, final=final, through_ms=1.0)
        for text in ("", "hello", "hello there")
        for final in (False, True)
    ),
    *(an_event(name) for name in EVENTS if name != "transcript"),
]


def commands_of(action: str) -> list[list[commands.Command]]:
    """What an action asks for, for each kind of event it is made for."""
    found = []
    for sample in SAMPLES:
        for call in calls():
            try:
                found.append(list(ACTIONS[action](call, sample)))
            except AssertionError:
                continue  # not an event that this action is asked about
    assert found, "no event suits this action"
    return found


class TestWhatActionsDo:
    @pytest.mark.parametrize("action", ACTIONS)
    def test_an_action_raises_what_the_table_says(self, action: str) -> None:
        """Each alternative does occur, and no other."""
        raised = {
            tuple(one.event for one in asked if isinstance(one, commands.Raise))
            for asked in commands_of(action)
        }
        assert raised == set(origins.RAISES.get(action, ((),)))

    @pytest.mark.parametrize("action", ACTIONS)
    def test_an_action_holds_and_discards_what_the_table_says(self, action: str) -> None:
        """Whether the output is held decides whether a call can be mute for ever."""
        held: dict[type, bool] = {
            commands.HoldOutput: True,
            commands.ReleaseOutput: False,
            commands.DiscardOutput: False,
        }
        for asked in commands_of(action):
            states = [held[type(one)] for one in asked if type(one) in held]
            assert states[-1:] == ([origins.HOLDS[action]] if action in origins.HOLDS else [])
            discards = any(isinstance(one, commands.DiscardOutput) for one in asked)
            assert discards == (action in origins.DISCARDS)

    def test_all_that_is_raised_in_the_code_was_seen(self) -> None:
        """So that no branch of an action escapes the two tests above."""
        raised = {
            str(node.args[0].value)
            for module in (actions, lines)
            for node in ast.walk(ast.parse(inspect.getsource(module)))
            if isinstance(node, ast.Call)
            and getattr(node.func, "id", "") == "Raise"
            and isinstance(node.args[0], ast.Constant)
        }
        assert raised == events.RAISED
