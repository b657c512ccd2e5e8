"""A long search: fresh calls and changed ones, in many orders, on all cores, until time is up.

Each worker process has a seed of its own and searches by itself: it holds generated calls, keeps
those that reach something new, and changes them. What fails is made small and told once for each
signature. The workers report to one process, which does all the writing.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty
from random import Random

from msgspec.structs import replace

from engine.fuzzing.corpus import Corpus, Feature, features, scenario_to_keep, signature
from engine.fuzzing.coverage import Explored
from engine.fuzzing.failure import Failure, held
from engine.fuzzing.interruptions import interruptions
from engine.fuzzing.moments import Moments
from engine.fuzzing.mutate import mutated, random_order
from engine.fuzzing.shrink import shrunk
from engine.fuzzing.silence import silenced
from engine.fuzzing.story import story
from engine.fuzzing.subject import Subject
from engine.simulation.scenario import Scenario

BATCH = 50
"""So many fresh calls come between as many changed ones."""

ORDERED = 0.3
"""The share of fresh calls whose tasks go in an order of their own."""


@dataclass(frozen=True, slots=True)
class Found:
    """A failing call: its signature, the call as it is kept, and its story."""

    signature: str
    scenario: Scenario
    story: str


@dataclass(frozen=True, slots=True)
class News:
    """What a worker reports of each call: what it reached that was new to the worker (then it is
    worth keeping), and whether it failed. When it is over, all that it explored."""

    calls: int = 1
    reached: frozenset[Feature] = frozenset()
    kept: Scenario | None = None
    found: Found | None = None
    explored: Explored | None = None


@dataclass(slots=True)
class Hunt:
    """What a search came to."""

    calls: int = 0
    seconds: float = 0.0
    reached: set[Feature] = field(default_factory=set)
    found: dict[str, Found] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    """Signatures that were met again, whose failures are in the corpus already."""

    explored: Explored = field(default_factory=Explored)
    """What all that was worth: known when the search is over."""

    interrupted: bool = False

    def __str__(self) -> str:
        kinds = [one[0] for one in self.reached]
        per_second = self.calls / self.seconds if self.seconds else 0.0
        return (
            f"{self.calls} calls in {self.seconds:.0f} s ({per_second:.0f} a second): "
            f"{kinds.count('transition')} transitions, {kinds.count('guard')} outcomes of guards, "
            f"{kinds.count('event')} events in configurations"
        )


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker is to do."""

    subject: Subject
    begin_with: tuple[Scenario, ...]
    options: tuple[str, ...]
    seed: int


def hunt(
    subject: Subject,
    begin_with: Sequence[Scenario],
    corpus: Corpus,
    *,
    seconds: float,
    jobs: int = 1,
    seed: int = 0,
    options: Sequence[str] = (),
    progress: Callable[[Hunt], None] = lambda _: None,
) -> Hunt:
    """Search for so long, in so many processes, and write what is found into the corpus at once.

    Ctrl-C ends the search, not the program: the calls that are being held are finished, failures
    that are being made smaller are kept as small as they are. Raises :class:`ConfigError` where
    the corpus cannot be written.
    """
    corpus.prepare()
    begin = (*begin_with, *corpus.calls())
    tasks = [Task(subject, begin, tuple(options), seed * 1000 + number) for number in range(jobs)]
    result, started = Hunt(), time.monotonic()
    with interruptions() as interrupted:

        def over() -> bool:
            return interrupted() or time.monotonic() - started >= seconds

        def take_in(news: News) -> None:
            _take_in(result, news, corpus)
            result.seconds = time.monotonic() - started
            if news.calls:
                progress(result)

        if jobs == 1:
            Worker(tasks[0], over, take_in).search()
        else:
            _together(tasks, over, take_in)
        result.interrupted = interrupted()
    result.seconds = time.monotonic() - started
    return result


def _take_in(result: Hunt, news: News, corpus: Corpus) -> None:
    if news.explored is not None:
        result.explored.merge(news.explored)
    result.calls += news.calls
    new = news.reached - result.reached
    result.reached |= new
    if news.kept is not None and new:
        corpus.keep(news.kept)
    if (found := news.found) is not None and found.signature not in result.found:
        if corpus.has_failure(found.signature):
            result.known.append(found.signature)
        else:
            corpus.keep_failure(found.signature, found.scenario, found.story)
        result.found[found.signature] = found


# --- the workers ----------------------------------------------------------------------------


def _together(
    tasks: Sequence[Task], over: Callable[[], bool], take_in: Callable[[News], None]
) -> None:
    """One process a task. All that they report is taken in."""
    context = multiprocessing.get_context("spawn")
    queue: Queue[News] = context.Queue()
    stop = context.Event()
    workers = [
        context.Process(target=_work, args=(task, stop, queue), daemon=True) for task in tasks
    ]
    for worker in workers:
        worker.start()
    at_work = len(workers)
    try:
        while at_work:
            if over():
                stop.set()
            try:
                news = queue.get(timeout=0.2)
            except Empty:
                if not any(worker.is_alive() for worker in workers):
                    break  # killed: what they had reported is taken in
                continue
            at_work -= news.explored is not None
            take_in(news)
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout=10)
            worker.kill()


def _work(task: Task, stop: Event, queue: Queue[News]) -> None:
    """What a worker process does. Ctrl-C goes to all of them, and is for the first to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with silenced():
        Worker(task, stop.is_set, queue.put).search()


class Worker:
    """Holds calls and keeps those that are worth changing. What it does depends on its task
    alone, but for where ``over`` stops it; each call is reported, and in the end what all of them
    explored."""

    def __init__(
        self, task: Task, over: Callable[[], bool], report: Callable[[News], None]
    ) -> None:
        self._task = task
        self._over = over
        self._report = report
        self._random = Random(task.seed)
        self._reached: set[Feature] = set()
        self._explored = Explored()
        self._kept: list[Scenario] = []
        self._signatures: set[str] = set()

    def search(self) -> None:
        """The calls to begin with; then fresh ones and changed ones in turn, until it is over.
        Needs hypothesis."""
        from engine.fuzzing.fresh import each_fresh_call  # an extra

        for scenario in self._task.begin_with:
            self._see(scenario)
        batch = 0
        while not self._over():
            batch += 1
            each_fresh_call(
                self._task.subject, self._task.seed * 100_003 + batch, BATCH, self._fresh
            )
            for _ in range(BATCH if self._kept else 0):
                one, other = self._random.choice(self._kept), self._random.choice(self._kept)
                self._see(mutated(one, other, self._random))
        self._report(News(calls=0, explored=self._explored))

    def _fresh(self, scenario: Scenario) -> None:
        if self._random.random() < ORDERED:
            scenario = replace(scenario, order=random_order(self._random))
        self._see(scenario)

    def _see(self, scenario: Scenario) -> None:
        if self._over():
            return
        moments = Moments()
        call = held(scenario, self._task.subject, moments)
        self._explored.learn(call, moments)
        new = features(call.trace) - self._reached
        if new:
            self._reached |= new
            self._kept.append(scenario)
        found = self._failed(call) if call.violations else None
        self._report(News(reached=frozenset(new), kept=scenario if new else None, found=found))

    def _failed(self, failure: Failure) -> Found | None:
        if signature(failure) in self._signatures:
            return None
        self._signatures.add(signature(failure))
        small = shrunk(failure, self._task.subject, over=self._over)
        # Many ways into one bug are one when they are small.
        name = signature(small)
        self._signatures.add(name)
        return Found(name, scenario_to_keep(small), story(small, self._task.options))
