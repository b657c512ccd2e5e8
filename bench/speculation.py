"""What drafting a reply before the turn is over saves, and what it wastes.

    python -m bench.speculation

The same call is held in virtual time with and without drafts, over a spread of language model
latencies: turns of several lengths, one with a pause in mid-sentence, one where the final
transcript corrects the partial ones. Virtual time: the figures are the same on every machine.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import msgspec
import structlog

from bench.report import Figure, at_most, finish, this_machine
from engine.simulation.scenario import Act, Answer, Judge, Recognition, Scenario
from engine.simulation.world import simulate
from engine.turns import TurnRecord, Turns
from states.settings import Settings

FIRST_TOKENS_MS = (50, 150, 300, 600, 1000, 1500)
"""Time to the first token: from a small local model to a large and distant one."""

WORD_EVERY_S = 0.02

CALLER = [
    Act(at=2.0, say="where is my parcel", during=1.2),
    Act(at=9.0, say="it is the one I ordered on the second of November", during=3.0),
    Act(at=18.0, say="I was driving down", during=1.0),
    Act(at=19.6, say="and nobody rang the bell", during=1.4),
    Act(at=27.0, say="could you send it to", final="could you send it tomorrow", during=1.5),
    Act(at=35.0, say="yes please", during=0.6),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call: milliseconds and tokens a turn."""

    latency_ms: float
    wasted: float
    used: float
    drafts: float


def hold(first_token_ms: int, *, drafts: int) -> Outcome:
    """Hold the call with at most so many drafts a turn."""
    scenario = Scenario(
        says="",
        caller=CALLER,
        answers=[
            Answer(
                says="All right, I have found it. It will be with you on Monday.",
                first_token=first_token_ms / 1000,
                word_every=WORD_EVERY_S,
            )
        ],
        recognition=Recognition(final_after=0.1, lag=0.05, partial_every=0.1),
        judge=Judge(by_words=True),
        settings=Settings(draft_limit=drafts, acknowledge_ms=10_000),
        ends_at=45.0,
    )
    trace = simulate(scenario)
    answered = [one for one in Turns.of(trace.lines).records if one.latency_ms is not None]
    return Outcome(
        latency_ms=statistics.median(_latency_ms(one) for one in answered),
        wasted=sum(one.tokens_wasted for one in answered) / len(answered),
        used=sum(one.reply.tokens_out for one in answered) / len(answered),
        drafts=sum(one.drafts for one in answered) / len(answered),
    )


def _latency_ms(turn: TurnRecord) -> float:
    assert turn.latency_ms is not None
    return turn.latency_ms


def measure() -> list[Figure]:
    """Hold the call for each latency, with drafts and without."""
    limit = msgspec.structs.asdict(Settings())["draft_limit"]
    figures = []
    for first_token_ms in FIRST_TOKENS_MS:
        drafted = hold(first_token_ms, drafts=limit)
        plain = hold(first_token_ms, drafts=0)
        name = f"first token {first_token_ms} ms"
        saved_ms = plain.latency_ms - drafted.latency_ms
        how = f"median of {len(CALLER) - 1} turns: {plain.latency_ms:.0f} ms without drafts"
        figures += [
            at_most(f"{name}: speech to audio", drafted.latency_ms, "ms", None, how),
            at_most(f"{name}: saved by drafting", saved_ms, "ms", None),
            at_most(
                f"{name}: tokens wasted",
                100 * drafted.wasted / max(1.0, drafted.used + drafted.wasted),
                "%",
                None,
                f"of all tokens; {drafted.drafts:.1f} drafts a turn",
            ),
        ]
    return figures


def main() -> None:
    """Measure, save and show."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    finish("speculation", this_machine(), measure())


if __name__ == "__main__":
    main()
