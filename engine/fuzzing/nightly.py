"""A long search: fresh calls and changed ones, in many orders, on all cores, until time is up.

Each worker process has a seed of its own and searches by itself: it holds generated calls, keeps
those that reach something new, and changes them. What fails is made small and told once for each
signature. The workers report to one process, which does all the writing.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty
from random import Random
from traceback import extract_tb
from types import FrameType

from msgspec.structs import replace

from engine.fuzzing.corpus import Corpus, Feature, features, scenario_to_keep, signature, to_keep
from engine.fuzzing.failure import Failure
from engine.fuzzing.mutate import mutated, random_order
from engine.fuzzing.shrink import shrunk
from engine.fuzzing.story import replay_command, story
from engine.fuzzing.subject import Subject
from engine.simulation.laws import check_laws
from engine.simulation.scenario import Scenario

BATCH = 50
"""So many fresh calls come between as many changed ones."""


@dataclass(frozen=True, slots=True)
class Found:
    """A failing call: its signature, the call as it is kept, and its story."""

    signature: str
    scenario: Scenario
    story: str


@dataclass(frozen=True, slots=True)
class News:
    """What a worker reports: calls held since the last time, what was new, what failed."""

    calls: int = 0
    reached: frozenset[Feature] = frozenset()
    kept: Scenario | None = None
    found: Found | None = None
    over: bool = False


@dataclass(slots=True)
class Hunt:
    """What a search came to."""

    calls: int = 0
    seconds: float = 0.0
    reached: set[Feature] = field(default_factory=set)
    found: dict[str, Found] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    """Signatures that were met again, whose failures are in the corpus already."""

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
    with _interruptions() as interrupted:

        def over() -> bool:
            return bool(interrupted) or time.monotonic() - started >= seconds

        for news in _alone(tasks[0], over) if jobs == 1 else _together(tasks, over):
            _take_in(result, news, corpus)
            result.seconds = time.monotonic() - started
            progress(result)
        result.interrupted = bool(interrupted)
    result.seconds = time.monotonic() - started
    return result


def _take_in(result: Hunt, news: News, corpus: Corpus) -> None:
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


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Ctrl-C becomes an entry in a list. The second one is as ever."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)


# --- the workers ----------------------------------------------------------------------------


def _alone(task: Task, over: Callable[[], bool]) -> Iterator[News]:
    """One worker in this process. Its news come after each batch."""
    worker = Worker(task, over)
    while not over():
        worker.batch()
        yield from worker.news()


def _together(tasks: Sequence[Task], over: Callable[[], bool]) -> Iterator[News]:
    """One process a task. Their news come as they report; all of it is taken in."""
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
            at_work -= news.over
            yield news
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout=10)
            worker.kill()


def _work(task: Task, stop: Event, queue: Queue[News]) -> None:
    """What a worker process does. Ctrl-C goes to all of them, and is for the first to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence_logs()
    worker = Worker(task, stop.is_set)
    while not stop.is_set():
        worker.batch()
        for news in worker.news():
            queue.put(news)
    queue.put(News(over=True))


def silence_logs() -> None:
    """Calls that are meant to fail log their failures: nobody wants to read them."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class Worker:
    """Holds calls and keeps those that are worth changing. What it does depends on its task
    alone, but for where ``over`` stops it."""

    def __init__(self, task: Task, over: Callable[[], bool]) -> None:
        self._task = task
        self._over = over
        self._random = Random(task.seed)
        self._batches = 0
        self._reached: set[Feature] = set()
        self._kept: list[Scenario] = []
        self._signatures: set[str] = set()
        self._calls = 0
        self._news: list[News] = []

    def batch(self) -> None:
        """The calls to begin with, the first time; then fresh ones and changed ones."""
        if not self._batches:
            for scenario in self._task.begin_with:
                self._see(scenario)
        self._batches += 1
        number = self._task.seed * 100_003 + self._batches
        each_fresh_call = _generator()
        each_fresh_call(number, BATCH, self._fresh)
        for _ in range(BATCH):
            if self._over() or not self._kept:
                break
            one, other = self._random.choice(self._kept), self._random.choice(self._kept)
            self._see(mutated(one, other, self._random))

    def news(self) -> list[News]:
        """What there is to report since the last time."""
        news, self._news = [*self._news, News(calls=self._calls)], []
        self._calls = 0
        return news

    def _fresh(self, scenario: Scenario) -> None:
        if self._random.random() < 0.3:
            scenario = replace(scenario, order=random_order(self._random))
        self._see(scenario)

    def _see(self, scenario: Scenario) -> None:
        if self._over():
            return
        self._calls += 1
        try:
            trace = self._task.subject.hold(scenario)
            violations = tuple(check_laws(trace))
        except Exception as error:
            self._crashed(scenario, error)
            return
        if violations:
            self._failed(Failure(scenario, violations, trace))
        new = features(trace) - self._reached
        if new:
            self._reached |= new
            self._kept.append(scenario)
            self._news.append(News(reached=frozenset(new), kept=scenario))

    def _failed(self, failure: Failure) -> None:
        if signature(failure) in self._signatures:
            return
        self._signatures.add(signature(failure))
        small = shrunk(failure, self._task.subject, over=self._over)
        # Many ways into one bug are one when they are small.
        name = signature(small)
        self._signatures.add(name)
        told = story(small, self._task.options)
        self._news.append(News(found=Found(name, scenario_to_keep(small), told)))

    def _crashed(self, scenario: Scenario, error: Exception) -> None:
        """The simulation itself, or a law, raised: a bug as well, only not one of the engine's."""
        at = extract_tb(error.__traceback__)[-1]
        name = f"{type(error).__name__}-{at.name}-{at.lineno}"
        if name in self._signatures:
            return
        self._signatures.add(name)
        says = f"{type(error).__name__}: {error} ({at.filename}:{at.lineno})"
        told = f"raised {says}\n\n  {replay_command(scenario, self._task.options)}"
        self._news.append(News(found=Found(name, to_keep(scenario, says), told)))


def _generator() -> Callable[[int, int, Callable[[Scenario], None]], None]:
    """Imported where it is needed: hypothesis is an extra."""
    from engine.fuzzing.fresh import each_fresh_call

    return each_fresh_call
