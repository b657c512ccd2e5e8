"""Whisper on this machine, behind the port."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from adapters.recognition.local import LocalSpeechToText, Model
from adapters.whisper.model import Reading, Whisper
from adapters.whisper.settings import WhisperSettings

DEFAULTS = WhisperSettings()


class LocalWhisper(LocalSpeechToText[Reading]):
    """Any Whisper model as a :class:`~effects.ports.SpeechToText`.

    A decode takes long beside Moonshine's, so partial texts come rarely, and are left to threads
    that no final text waits for.
    """

    def __init__(
        self,
        settings: WhisperSettings = DEFAULTS,
        load: Callable[[WhisperSettings], Model[Reading]] = Whisper.load,
    ) -> None:
        super().__init__(
            "whisper",
            partial(load, settings),
            threads=settings.threads,
            spare=min(1, settings.threads - 1),
        )
