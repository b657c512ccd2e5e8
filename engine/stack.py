"""The stack: the providers behind a service's calls, entered once and shared by all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio

from adapters.embedded.turn_detector import WordsTurnDetector
from adapters.silero.vad import SileroVad
from adapters.stores.files import FileStore
from adapters.stores.phrase_files import PhraseFiles
from effects.phrases import Phrases
from effects.ports import Provider, ProviderError, Tool
from effects.stage import Ports
from engine.agents import agent_kit
from engine.chart import Chart, default_chart_path, load_chart
from engine.check import check
from engine.config import Config
from engine.errors import ChartError, ConfigError
from engine.machine import Machine
from engine.providers import Providers
from engine.session import Desk
from engine.vocabulary import VOCABULARY
from states.agent import Agent
from states.call import Call

Progress = Callable[[str], None]


@asynccontextmanager
async def open_desk(config: Config, progress: Progress = lambda _: None) -> AsyncIterator[Desk]:
    """Everything that taking calls needs, loaded and warm.

    ``progress`` is told what is being done. Raises :class:`ConfigError` and
    :class:`ChartError`, in a group where a provider is the cause. Fixed lines that were kept
    are there at once; others are rendered while the first calls may already come in.
    """
    chart = _checked_chart(config)
    kit = agent_kit(config.agent)
    providers = Providers(config, kit)
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(FileStore(Path(config.calls)))
        except OSError as error:
            raise ConfigError(f"cannot keep calls in {config.calls}: {error.strerror}") from error
        data = await _data_folder(config)
        tools = kit.open_tools(data)
        progress(f"loading {providers}")
        ports = Ports(
            speech_to_text=providers.speech_to_text,
            language_model=providers.language_model,
            text_to_speech=providers.text_to_speech,
            voice_activity=SileroVad(batch_ms=config.vad_batch_ms),
            turn_detector=WordsTurnDetector(),
            tools=tools,
            phrases=Phrases(fixed_lines(kit.agent, tools.values()), PhraseFiles(data / "phrases")),
        )
        Machine(chart, Call(config.settings, kit.agent))  # the first one builds the class
        await stack.enter_async_context(
            entered(
                *ports.speech_to_text.providers,
                *ports.language_model.providers,
                *ports.text_to_speech.providers,
                ports.voice_activity,
                ports.turn_detector,
            )
        )
        await ports.phrases.recall(ports.text_to_speech.first)
        async with trio.open_nursery() as background:
            background.start_soon(ports.phrases.render, ports.text_to_speech.first)
            yield Desk(chart, kit.agent, config.settings, ports, store)
            background.cancel_scope.cancel()


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
                raise ConfigError(str(_first(errors))) from errors
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


def _first(errors: BaseExceptionGroup[ProviderError]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _checked_chart(config: Config) -> Chart:
    path = Path(config.chart) if config.chart else default_chart_path()
    chart = load_chart(path, VOCABULARY)
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
