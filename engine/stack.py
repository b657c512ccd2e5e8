"""The stack: the providers behind a service's calls, entered once and shared by all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
from msgspec.structs import replace

from adapters.embedded.turn_detector import WordsTurnDetector
from adapters.silero.vad import SileroVad
from adapters.stores.files import FileStore
from adapters.stores.phrase_files import PhraseFiles
from effects.phrases import Phrases
from effects.ports import Provider, ProviderError, Tool
from effects.stage import Ports
from engine.agent_kit import AgentKit
from engine.agents import agent_kit
from engine.chart import Chart, default_chart_path, load_chart
from engine.check import check, is_proven
from engine.config import Config, config_for
from engine.errors import ChartError, ConfigError, first
from engine.fleet import Fleet
from engine.machine import Machine
from engine.providers import Made, Providers
from engine.session import Desk, Desks
from engine.vocabulary import VOCABULARY
from states.agent import Agent
from states.call import Call

Progress = Callable[[str], None]


@asynccontextmanager
async def open_desk(config: Config, progress: Progress = lambda _: None) -> AsyncIterator[Desk]:
    """As :func:`open_desks`, for the one agent that answers where no number says otherwise."""
    async with open_desks(replace(config, numbers={}), progress) as desks:
        yield desks.usual


@asynccontextmanager
async def open_desks(
    config: Config, progress: Progress = lambda _: None, fleet: Fleet | None = None
) -> AsyncIterator[Desks]:
    """Everything that taking calls needs, loaded and warm: a desk for each agent. What two of them
    want alike is one.

    ``fleet`` knows how much may be asked of each vendor at once. ``progress`` is told what is
    being done. Raises :class:`ConfigError` and :class:`ChartError`, in a group where a provider is
    the cause. Fixed lines that were kept are there at once; others are rendered while the first
    calls may already come in.
    """
    chart = _checked_chart(config)
    made = Made()
    wanted = [_wanted(config, name, made, fleet) for name in agent_names(config)]
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(FileStore(Path(config.calls)))
        except OSError as error:
            raise ConfigError(f"cannot keep calls in {config.calls}: {error.strerror}") from error
        data = await _data_folder(config)
        senses = SileroVad(batch_ms=config.vad_batch_ms), WordsTurnDetector()
        desks = {one.name: _desk(one, chart, store, data, *senses) for one in wanted}
        progress(f"loading {'; '.join(dict.fromkeys(str(one.providers) for one in wanted))}")
        for desk in desks.values():  # the first one builds the class
            Machine(chart, Call(desk.settings, desk.agent))
        await stack.enter_async_context(entered(*made.providers.values(), *senses))
        for desk in desks.values():
            await desk.ports.phrases.recall(desk.ports.text_to_speech.first)
        async with trio.open_nursery() as background:
            background.start_soon(_render, list(desks.values()))
            yield Desks(desks[config.agent], desks, config.numbers)
            background.cancel_scope.cancel()


def agent_names(config: Config) -> list[str]:
    """Every agent that may answer, the usual one first."""
    return list(dict.fromkeys((config.agent, *config.numbers.values())))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An agent as it was asked for, with the configuration it has and the providers it needs."""

    name: str
    kit: AgentKit
    config: Config
    providers: Providers


def _wanted(config: Config, name: str, made: Made, fleet: Fleet | None) -> _Wanted:
    kit = agent_kit(name)
    own = config_for(config, f"agent '{name}'", kit.config)
    return _Wanted(name, kit, own, Providers(own, kit, made=made, fleet=fleet))


def _desk(
    wanted: _Wanted,
    chart: Chart,
    store: FileStore,
    data: Path,
    voice_activity: SileroVad,
    turn_detector: WordsTurnDetector,
) -> Desk:
    kit, providers = wanted.kit, wanted.providers
    tools = kit.open_tools(data)
    lines = fixed_lines(kit.agent, tools.values())
    phrases = Phrases(
        (line for line in lines if line not in kit.recorded), PhraseFiles(data / "phrases")
    )
    for text, mulaw in kit.recorded.items():
        phrases.add(text, mulaw)
    ports = Ports(
        speech_to_text=providers.speech_to_text,
        language_model=providers.language_model,
        text_to_speech=providers.text_to_speech,
        voice_activity=voice_activity,
        turn_detector=turn_detector,
        tools=tools,
        phrases=phrases,
    )
    return Desk(chart, kit.agent, wanted.config.settings, ports, store)


async def _render(desks: Iterable[Desk]) -> None:
    """One agent's lines after another's: a voice is asked for one line at a time."""
    for desk in desks:
        await desk.ports.phrases.render(desk.ports.text_to_speech.first)


@asynccontextmanager
async def entered(*providers: Provider) -> AsyncIterator[None]:
    """Enter providers, all at the same time, and leave them when the body is over.

    Each is entered and left by one task of its own, which does nothing in between: a provider
    may open a nursery or a cancel scope in ``__aenter__``. Cancelling reaches them after the
    body, which may need them to the end. Raises :class:`ConfigError`, in a group, where one
    cannot be entered.
    """
    leave = trio.Event()
    async with trio.open_nursery() as holding:
        try:
            try:
                async with trio.open_nursery() as loading:
                    for provider in providers:
                        loading.start_soon(holding.start, _hold, provider, leave)
            except* ProviderError as errors:
                raise ConfigError(str(first(errors))) from errors
            yield
        finally:
            leave.set()


async def _hold(provider: Provider, leave: trio.Event, task_status: trio.TaskStatus[None]) -> None:
    with trio.CancelScope() as scope:
        async with provider:
            task_status.started()
            # One that cannot be cancelled while it loads may be ready when nobody waits any more.
            await trio.lowlevel.checkpoint_if_cancelled()
            scope.shield = True
            await leave.wait()
            scope.shield = False


def _checked_chart(config: Config) -> Chart:
    path = Path(config.chart) if config.chart else default_chart_path()
    chart = load_chart(path, VOCABULARY)
    if is_proven(chart):
        return chart
    problems = [finding for finding in check(chart).findings if finding.severity == "error"]
    if problems:
        raise ChartError(f"{problems[0]} (see all with: antiphon check {path})")
    return chart


def fixed_lines(agent: Agent, tools: Iterable[Tool]) -> tuple[str, ...]:
    """Everything that is said word for word: the agent's fixed lines and those of its tools."""
    return (*agent.phrases, *(tool.spec.holding for tool in tools if tool.spec.holding))


async def _data_folder(config: Config) -> Path:
    try:
        await trio.Path(config.data).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot keep the agent's data in {config.data}: {error.strerror}"
        ) from error
    return Path(config.data)
