"""Generated calls, one after another, without a law in view: what a search begins from."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings

from engine.fuzzing.calls import calls
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Scenario


def each_fresh_call(
    subject: Subject, number: int, examples: int, see: Callable[[Scenario], None]
) -> None:
    """Show so many generated calls to ``see``. The same ``number`` gives the same calls.

    A call of a ``number`` is another in another version of the generator: what is worth keeping
    is kept as data.
    """

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(scenario=calls(subject))
    def one(scenario: Scenario) -> None:
        see(scenario)

    one()
