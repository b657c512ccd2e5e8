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
    │   ├── ProviderDeclined    this request never, others perhaps (not retryable)
    │   └── ProviderBusy        too much at once (retryable)
    │       └── NoneFree        more than we let ourselves ask for (retryable)
    └── ProviderLost            it broke off in mid-stream (retryable)
        └── SharedLost          the other workers cannot be reached

Any other exception out of an adapter is a bug: it fails the one call, loudly.
"""

from __future__ import annotations

from effects.ports.carrier import CallInfo, Carrier, CarrierMessage, Dtmf, Mark, Media, Stop
from effects.ports.ears import (
    BatchedVadStream,
    Frame,
    Heard,
    Offset,
    Onset,
    Sound,
    SpeechToText,
    TurnDetector,
    VadStream,
    VoiceActivityDetector,
)
from effects.ports.mind import LanguageModel, Message, Prompt, TextDelta, ToolCall, Usage
from effects.ports.provider import (
    Provider,
    ProviderBusy,
    ProviderDeclined,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    ProviderTimeout,
)
from effects.ports.shared import NoneFree, Shared, SharedLost
from effects.ports.store import CallStore, JournalSink, PhraseStore
from effects.ports.tools import Tool, ToolContext, ToolMisused, ToolSpec
from effects.ports.voice import Clause, Speech, TextToSpeech, Timing, Weight, Word

__all__ = [
    "BatchedVadStream",
    "CallInfo",
    "CallStore",
    "Carrier",
    "CarrierMessage",
    "Clause",
    "Dtmf",
    "Frame",
    "Heard",
    "JournalSink",
    "LanguageModel",
    "Mark",
    "Media",
    "Message",
    "NoneFree",
    "Offset",
    "Onset",
    "PhraseStore",
    "Prompt",
    "Provider",
    "ProviderBusy",
    "ProviderDeclined",
    "ProviderError",
    "ProviderLost",
    "ProviderRefused",
    "ProviderTimeout",
    "Shared",
    "SharedLost",
    "Sound",
    "Speech",
    "SpeechToText",
    "Stop",
    "TextDelta",
    "TextToSpeech",
    "Timing",
    "Tool",
    "ToolCall",
    "ToolContext",
    "ToolMisused",
    "ToolSpec",
    "TurnDetector",
    "Usage",
    "VadStream",
    "VoiceActivityDetector",
    "Weight",
    "Word",
]
