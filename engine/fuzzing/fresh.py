"""Generated calls, one after another: where Hypothesis is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.internal.conjecture import providers

from engine.fuzzing.calls import calls
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Scenario


class Enough(BaseException):
    """Raised by who is shown the calls: no more are wanted."""


def each_fresh_call(
    subject: Subject, seed: int | str, examples: int, see: Callable[[Scenario], float | None]
) -> None:
    """Show so many generated calls to ``see``, or until it raises :class:`Enough`. If it says how
    much was new in each, half of the calls are variants of those in which the most was.

    The same ``seed`` gives the same calls, in this version of the generator: what is worth keeping
    is kept as data. Other exceptions of ``see`` pass through.
    """

    def show(scenario: Scenario) -> None:
        new = see(scenario)
        if new is not None:
            hypothesis.target(new)

    generation: Callable[[], None] = hypothesis.seed(seed)(
        hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.target),
            suppress_health_check=list(HealthCheck),
        )(hypothesis.given(calls(subject))(show))
    )
    with _no_numbers_of_ours(), suppress(Enough):
        generation()


@contextmanager
def _no_numbers_of_ours() -> Iterator[None]:
    """Hypothesis likes to draw numbers that it finds in the source of the modules which happen to
    be imported. Not here: the same seed is to give the same calls."""
    module: Any = providers
    before, nothing = module._get_local_constants, module.Constants()
    module._get_local_constants = lambda: nothing
    module.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        module._get_local_constants = before
        module.CONSTANTS_CACHE.cache.clear()
