"""The ports: what the effects need from the outside world, and no more.

Each port is a small Protocol with one method where one will do. Data flows in through a
receive channel or a value, out through a callback, so that an adapter is one coroutine and
cancelling its scope is all it takes to stop it: no async generators, whose cleanup is not
bound to a scope.

Every provider is also an async context manager: entering it loads the model or warms the
connections, once per process; leaving it closes them. The calls share it.

Errors, all of them :class:`ProviderError`:

    ProviderError               retryable says whether trying again can help
    ├── ProviderTimeout         nothing came in time (retryable)
    ├── ProviderRefused         authentication, quota, bad request (not retryable)
    └── ProviderLost            it broke off in mid-stream (retryable)

Any other exception out of an adapter is a bug: it fails the one call, loudly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

import numpy as np
import trio
from numpy.typing import NDArray


class ProviderError(Exception):
    """A provider did not deliver. ``str()`` says who, what and what to do; never a secret."""

    retryable = True


class ProviderTimeout(ProviderError):
    """Nothing came in the time allowed."""


class ProviderRefused(ProviderError):
    """The provider said no: authentication, quota, or a request it will never accept."""

    retryable = False


class ProviderLost(ProviderError):
    """The connection or the model broke off in mid-stream."""


class Provider(Protocol):
    """Anything with a model to load or connections to keep warm."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


# --- ears -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """Caller audio: µ-law bytes at 8 kHz; ``at_ms`` is when its first sample was received,
    in milliseconds of the call."""

    mulaw: bytes
    at_ms: float


@dataclass(frozen=True, slots=True)
class Onset:
    """The caller began to speak at ``at_ms`` (the frames from there on follow)."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Offset:
    """The caller stopped speaking at ``at_ms``: a good moment to finish the transcript."""

    at_ms: float


Sound = Frame | Onset | Offset


@dataclass(frozen=True, slots=True)
class Heard:
    """What speech-to-text makes of one segment of speech so far.

    ``text`` replaces all earlier text of the same ``segment``; ``final`` says it will not
    change again. ``through_ms`` is how far into the call's audio the text reaches.
    ``endpoint`` is true where the provider itself judges that the turn is over, ``eager`` where
    it thinks that it may be.
    """

    segment: int
    text: str
    final: bool
    through_ms: float
    endpoint: bool = False
    eager: bool = False


class SpeechToText(Provider, Protocol):
    """Turns caller audio into words, as they are spoken.

    ``gated`` asks for speech only: an :class:`Onset`, then frames from a little before it
    (the pre-roll) up to an :class:`Offset`; never silence. Otherwise every frame is passed,
    with the same edges between them.
    """

    gated: bool

    async def transcribe(
        self, sound: trio.MemoryReceiveChannel[Sound], heard: Callable[[Heard], None]
    ) -> None:
        """Run until ``sound`` ends. Raises :class:`ProviderError`. Safe to cancel anywhere."""
        ...


class VadStream(Protocol):
    """One caller's voice activity: it remembers the windows before."""

    def probability(self, window: NDArray[np.float32]) -> float:
        """The probability (0..1) that these 256 samples (32 ms at 8 kHz) hold speech."""
        ...


class VoiceActivityDetector(Provider, Protocol):
    """Tells speech from everything else, quickly enough to run inline on each window."""

    def stream(self) -> VadStream:
        """A fresh detector state for one call."""
        ...


class TurnDetector(Provider, Protocol):
    """Judges whether what the caller said is a complete thought."""

    async def completeness(self, words: str, asked: str) -> float:
        """The probability (0..1) that ``words`` is a finished turn, as the answer to
        ``asked`` (what the agent said last; empty if nothing)."""
        ...


# --- mind -----------------------------------------------------------------------------------


class ToolMisused(Exception):
    """The language model asked for a tool wrongly. ``str()`` tells it which argument is wrong and
    what about it, without repeating it at length."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a language model is told of a tool, and how it is run.

    ``parameters`` is a strict JSON schema: an object all of whose properties are required.
    ``changes`` marks a side effect: such a tool runs only after the caller's turn is committed,
    at most once per intent, and is never stopped half-way. ``survives`` says that a tool that
    only reads is not stopped either when the caller interrupts. ``timeout_ms`` bounds one run;
    ``holding`` is what to say to the caller meanwhile (empty: nothing of its own).
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    changes: bool = False
    timeout_ms: int = 5000
    survives: bool = False
    holding: str = ""


def _ignore(*_: str) -> None:
    """For a tool that is tried without a call."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call in which a tool is used, and what a tool may ask of it.

    ``info`` says who is calling; ``use_id`` names this use of the tool within the call. A tool
    with side effects may ask with ``end_call(reason)`` or ``transfer_call(to, reason)`` that the
    call ends, or is passed on to one of the agent's transfers or any number or address, when the
    reply that uses the tool has been heard. A caller who goes on talking has the call to stay.
    """

    info: CallInfo
    use_id: str = ""
    end_call: Callable[[str], None] = _ignore
    transfer_call: Callable[[str, str], None] = _ignore

    @property
    def call_id(self) -> str:
        """The carrier's name for the call."""
        return self.info.call_id

    @property
    def caller(self) -> str:
        """The number that calls; empty unless the webhook passes it on as ``from``."""
        return self.info.parameters.get("from", "")


class Tool(Protocol):
    """Something the agent can do besides talking (see :mod:`effects.toolkit` to write one)."""

    spec: ToolSpec

    def prepare(self, arguments: str, context: ToolContext) -> Callable[[], Awaitable[str]]:
        """Check a call and return what runs it; ``arguments`` is a JSON object as text.

        Does nothing yet. Raises :class:`ToolMisused`. What is returned is awaited at most once,
        gives a JSON text for the language model, and may raise :class:`ProviderError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The language model asks for a tool. ``arguments`` is a JSON object as text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation as a language model reads it.

    A ``note`` is what the engine tells the model: what the caller did not hear, for instance.
    A ``caller`` or ``agent`` line is what was said and heard. A ``tool`` line is the result
    of ``call``; it follows the ``agent`` line that asked for it (``call`` set, no text).
    """

    role: Literal["caller", "agent", "tool", "note"]
    text: str
    call: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a language model is given for one reply. ``model`` names the one that the agent
    wants for this kind of reply; empty for the usual one."""

    instructions: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply's text, as it is generated."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one generation cost, in tokens (words, where a model has no tokens)."""

    tokens_in: int = 0
    tokens_out: int = 0


class LanguageModel(Provider, Protocol):
    """Composes what the agent says."""

    async def reply(self, prompt: Prompt, emit: Callable[[TextDelta | ToolCall], None]) -> Usage:
        """Stream one generation into ``emit`` and return when it is complete.

        A generation that ends with tool calls is continued by calling again with their
        results in the prompt. Raises :class:`ProviderError`. Safe to cancel anywhere.
        """
        ...


# --- voice ----------------------------------------------------------------------------------


Weight = Literal["plain", "key", "must"]
"""What it means that a clause is not heard: nothing; that the reply failed its purpose (``key``);
or that it has to be said all the same (``must``)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A written word, and what the voice says for it: "4711" is "four seven one one". Words that
    can only be said together are one: "$5 million"."""

    written: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the reply that is spoken in one breath. ``index`` counts from 0.

    ``text`` is as it was written and as history keeps it. A voice says :attr:`spoken`, which
    holds neither digits nor symbols. ``words`` are the two side by side; without them the text
    is said as it stands.
    """

    index: int
    text: str
    words: tuple[Word, ...] = ()
    weight: Weight = "plain"

    @property
    def spoken(self) -> str:
        """What the voice says: words and the punctuation that it breathes at."""
        return " ".join(word.spoken for word in self.words) if self.words else self.text


@dataclass(frozen=True, slots=True)
class Speech:
    """Synthesized audio of one clause: µ-law at 8 kHz, any length.

    ``ends_clause`` is true on the last piece of a clause (which may then be empty).
    """

    clause: int
    mulaw: bytes
    ends_clause: bool


class TextToSpeech(Provider, Protocol):
    """Gives the agent a voice.

    ``identity`` names the provider, the voice and its version: two voices of one identity say a
    text in the same way, so that what one has rendered will do for the other.
    """

    identity: str

    async def speak(
        self,
        clauses: trio.MemoryReceiveChannel[Clause],
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        """Synthesize clauses in order, as they come, into ``speech``; return after the last.

        Awaiting ``speech`` is the back-pressure. Raises :class:`ProviderError`. Cancelling
        stops synthesis; audio already handed over is the playout's to discard.
        """
        ...


# --- carrier --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Media:
    """Caller audio off the wire: µ-law at 8 kHz, usually but not always 160 bytes."""

    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """The carrier has played (or, after a clear, thrown away) all that was sent before the
    mark of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key: one of ``0123456789*#``."""

    digit: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over at the carrier's end. ``reason`` is for the journal."""

    reason: str


CarrierMessage = Media | Mark | Dtmf | Stop


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Who is calling, as the carrier told it. ``parameters`` come from the webhook."""

    call_id: str
    stream_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Carrier(Protocol):
    """One call's media stream, already answered.

    Sending never blocks: messages go to a bounded outbox with one writer, in order. A carrier
    that reads so slowly that the outbox is full is reported as a :class:`Stop`.
    """

    info: CallInfo

    async def receive(self) -> CarrierMessage:
        """The next message. After a :class:`Stop` nothing follows. Never raises for what the
        other side does: a broken or lost connection is a :class:`Stop` with its reason."""
        ...

    def send_audio(self, mulaw: bytes) -> None:
        """Queue audio for the caller."""
        ...

    def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far has been played."""
        ...

    def send_clear(self) -> None:
        """Throw away what the carrier has buffered, and what is still in the outbox."""
        ...

    async def transfer(self, to: str) -> None:
        """Put the caller through to a number or address, and return when that is done: the call
        is over for us then. Raises :class:`ProviderError`."""
        ...

    async def hang_up(self) -> None:
        """End the call from our side; bounded in time, idempotent."""
        ...


# --- store ----------------------------------------------------------------------------------


class JournalSink(Protocol):
    """Where one call's journal goes."""

    def write(self, line: bytes) -> None:
        """Append one line (without its newline). Never blocks; order is kept."""
        ...


class CallStore(Provider, Protocol):
    """Keeps journals."""

    def open(self, call_id: str) -> AbstractAsyncContextManager[JournalSink]:
        """A sink for one call; leaving the context makes every line durable, within a bounded
        time."""
        ...


class PhraseStore(Protocol):
    """Keeps rendered audio from one run of the service to the next."""

    async def load(self, key: str) -> bytes | None:
        """The µ-law audio kept under ``key`` (letters and digits); None if there is none that is
        whole. Never raises."""
        ...

    async def save(self, key: str, audio: bytes) -> None:
        """Keep audio. Whoever loads it meanwhile gets all of it or nothing. Never raises: what
        cannot be kept is logged."""
        ...
