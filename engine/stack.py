"""The stack: the providers behind a service's calls, entered once and shared by all.

The embedded default needs no keys and no network: every model came inside a package.
"""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from adapters.embedded.mind import ParcelMind
from adapters.embedded.parcel import PARCEL, parcel_tools
from adapters.embedded.speech_to_text import EmbeddedSpeechToText
from adapters.embedded.text_to_speech import EmbeddedVoice
from adapters.embedded.turn_detector import WordsTurnDetector
from adapters.silero.vad import SileroVad
from adapters.stores.files import FileStore
from effects.phrases import Phrases
from effects.ports import LanguageModel, ProviderError, Tool
from effects.stage import Ports
from engine.chart import default_chart_path, load_chart
from engine.check import check
from engine.config import Config
from engine.errors import ChartError, ConfigError
from engine.machine import Machine
from engine.session import Desk
from engine.vocabulary import VOCABULARY
from states.agent import Agent
from states.call import Call

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class AgentKit:
    """An agent with the mind and the tools it comes with."""

    agent: Agent
    mind: Callable[[], LanguageModel]
    tools: Callable[[Path], tuple[Tool, ...]]


AGENTS: dict[str, AgentKit] = {"parcel": AgentKit(PARCEL, ParcelMind, parcel_tools)}


def agent_kit(name: str) -> AgentKit:
    """The agent of that name. Raises :class:`ConfigError` with the names there are."""
    if name not in AGENTS:
        close = difflib.get_close_matches(name, AGENTS, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise ConfigError(f"unknown agent '{name}'{hint} (agents: {', '.join(AGENTS)})")
    return AGENTS[name]


@asynccontextmanager
async def open_desk(config: Config, progress: Progress = lambda _: None) -> AsyncIterator[Desk]:
    """Everything that taking calls needs, loaded and warm.

    ``progress`` is told what is being done. Raises :class:`ConfigError` and
    :class:`ChartError`. Fixed lines are rendered while the first calls may already come in.
    """
    path = Path(config.chart) if config.chart else default_chart_path()
    chart = load_chart(path, VOCABULARY)
    problems = [finding for finding in check(chart).findings if finding.severity == "error"]
    if problems:
        raise ChartError(f"{problems[0]} (see all with: antiphon check {path})")
    kit = agent_kit(config.agent)
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(FileStore(Path(config.calls)))
            await trio.Path(config.data).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot keep calls in {config.calls}: {error.strerror}") from error
        progress("loading models: voice activity, speech-to-text, voice")
        recogniser, voice, vad, mind = (
            EmbeddedSpeechToText(),
            EmbeddedVoice(),
            SileroVad(),
            kit.mind(),
        )
        try:
            async with trio.open_nursery() as loading:
                for provider in (recogniser, voice, vad, mind):
                    loading.start_soon(stack.enter_async_context, provider)
        except* ProviderError as errors:
            raise ConfigError(str(errors.exceptions[0])) from errors
        tools = kit.tools(Path(config.data) / f"{config.agent}.db")
        ports = Ports(
            speech_to_text=recogniser,
            language_model=mind,
            text_to_speech=voice,
            voice_activity=vad,
            turn_detector=WordsTurnDetector(),
            tools={tool.spec.name: tool for tool in tools},
            phrases=Phrases(kit.agent.phrases),
        )
        Machine(chart, Call(config.settings, kit.agent))  # the first one builds the class
        async with trio.open_nursery() as background:
            background.start_soon(ports.phrases.render, voice)
            yield Desk(chart, kit.agent, config.settings, ports, store)
            background.cancel_scope.cancel()
