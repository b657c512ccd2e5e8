"""Speech-to-text inside the process by default: Moonshine, behind the port."""

from __future__ import annotations

from collections.abc import Callable

from adapters.embedded.moonshine import Hypothesis, Moonshine
from adapters.recognition.local import LocalSpeechToText, Model


class EmbeddedSpeechToText(LocalSpeechToText[Hypothesis]):
    """Moonshine as a :class:`~effects.ports.SpeechToText`: quick enough to read all of a short
    utterance again five times a second. ``threads`` is how many decodes run at a time."""

    def __init__(
        self, load: Callable[[], Model[Hypothesis]] = Moonshine.load, *, threads: int = 2
    ) -> None:
        super().__init__("embedded", load, threads=threads)
