"""What can be set for OpenAI and servers like it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from states.settings import Count, Limit, Seconds

KEY_VARIABLE = "OPENAI_API_KEY"
"""The environment variable that holds the key."""

OPENAI_URL = "https://api.openai.com/v1"

HttpUrl = Annotated[str, msgspec.Meta(pattern="^https?://.")]
Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Tier = Literal["auto", "default", "flex", "priority"]


class OpenAiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How replies are composed. What is None or empty is left to the server.

    Attributes:
        model: used where an agent names none for a kind of reply. ``gpt-5.4-mini`` does not reason
            unless asked to, so its first token comes soon.
        api: ``chat`` (chat completions: every compatible server) or ``responses``.
        base_url: up to and with ``/v1``; for Azure ``https://NAME.openai.azure.com/openai/v1``.
        organization, project: whom OpenAI bills, if the key does not say it.
        temperature: 0 to 2. Models refuse it while they reason.
        max_tokens: the longest reply, thoughts included; what was said until then is spoken.
        reasoning_effort: for models that reason, each of which has its own default. With ``chat``
            and tools, GPT-5.4 and later take ``none`` only.
        service_tier: ``priority`` answers sooner and costs more.
        prompt_cache_key: a name for what the agent's prompts begin with, so that they meet the same
            cache; OpenAI serves about 15 requests a minute from one cache.
        strict_tools: have arguments follow their schemas to the letter, where those allow it.
        stream_usage: ask ``chat`` for the tokens used.
        max_tokens_field: ``max_tokens`` for servers from before 2024 (Ollama, older llama.cpp).
        notes_as: the role of the engine's notes. The chat templates of some local models (Qwen,
            Gemma) take ``system`` at the beginning only: ``user`` for these.
        connect_s: how long a connection may take to make.
        ready: how many connections are kept open while nobody speaks.
    """

    model: str = "gpt-5.4-mini"
    api: Literal["chat", "responses"] = "chat"
    base_url: HttpUrl = OPENAI_URL
    organization: str = ""
    project: str = ""
    temperature: Temperature | None = None
    max_tokens: Count | None = None
    reasoning_effort: Effort | None = None
    service_tier: Tier | None = None
    prompt_cache_key: str = ""
    strict_tools: bool = True
    stream_usage: bool = True
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    notes_as: Literal["system", "developer", "user"] = "system"
    connect_s: Seconds = 3.0
    ready: Limit = 2


class TranscriptionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an utterance becomes words.

    Attributes:
        model: ``whisper-1``, ``gpt-4o-mini-transcribe``, or what a local server has.
        base_url, organization, project: see :class:`OpenAiSettings`.
        language: ISO 639-1, as ``en``; empty to have it guessed.
        prompt: text in the style of what is said, with the names to expect.
        verbose: ask how likely it is that nothing was said. Whisper tells, the ``gpt`` models
            refuse the question.
        sample_rate_hz: of the audio that is sent. A server of whisper.cpp takes 16000 only.
        connect_s: how long a connection may take to make.
        answer_s: how long the server may be silent.
        ready: how many connections are kept open while nobody speaks.
    """

    model: str = "whisper-1"
    base_url: HttpUrl = OPENAI_URL
    organization: str = ""
    project: str = ""
    language: str = ""
    prompt: str = ""
    verbose: bool = True
    sample_rate_hz: Literal[8000, 16000] = 8000
    connect_s: Seconds = 3.0
    answer_s: Seconds = 10.0
    ready: Limit = 2
