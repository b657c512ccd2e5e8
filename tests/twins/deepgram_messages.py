"""What Deepgram's twin says, and when: nova's and Flux's rules, without I/O.

Each is told how far the audio has come (``listened``), what was understood (``heard``), and what
the client asks for; ``messages`` are what to send it by then.
"""

from __future__ import annotations

import json
from itertools import pairwise

import trio

from effects.ports import Heard

Message = dict[str, object]

UPDATE_MS = 250
SILENT_RESULT_MS = 3000
"""nova says so often that there was nothing."""
END_OF_TURN_MS = 400
"""Silence after which Flux is sure that a turn is over; of maybes it tells at once."""


class Dialect:
    """What both have in common. ``fatal`` is the error that the connection ends with."""

    knows: frozenset[str] = frozenset()
    ends_speech = ""

    def __init__(self, query: dict[str, str]) -> None:
        self.query = query
        self.fatal: Message | None = None
        self.speaking = False
        """Whether the caller is; ``pending``: the words of their speech are not final."""
        self.pending = False
        self.asked_for = False
        """The client waits for the final words."""
        self._said: list[Message] = []
        self._more = trio.Event()

    def messages(self) -> list[Message]:
        """What there is to be sent since it was asked last."""
        said, self._said = self._said, []
        return said

    async def woken(self) -> None:
        """Wait until there is more."""
        await self._more.wait()
        self._more = trio.Event()

    def wake(self) -> None:
        """There is more, or nothing comes any more."""
        self._more.set()

    def say(self, message: Message) -> None:
        self._said.append(message)
        self.wake()

    def heard(self, words: Heard) -> None:
        """Something was understood."""
        if words.final and not self.speaking:
            self.pending = False

    def listened(self, ms: float) -> None:
        """The audio has come so far."""

    def asked(self, ms: float) -> None:
        """The client ends the speech."""

    def closed(self, ms: float) -> None:
        """The stream was closed, and all of it is understood."""

    def unknown(self, message: str) -> None:
        """The client sent something that is no message."""


class Nova(Dialect):
    """``/v1/listen``."""

    knows = frozenset({"KeepAlive"})
    ends_speech = "Finalize"

    def __init__(self, query: dict[str, str]) -> None:
        super().__init__(query)
        self._final_ms = 0.0
        self._last_word_ms: float | None = None
        self._utterance_end_ms = float(query.get("utterance_end_ms", "inf"))
        self._ms = 0.0

    def heard(self, words: Heard) -> None:
        super().heard(words)
        if not words.final:
            self._results(words.text, words.through_ms, final=False)
            return
        if words.text:
            self._last_word_ms = words.through_ms
        self._results(words.text, words.through_ms, final=True, speech_final=not self.speaking)
        self.listened(self._ms)  # further than it is understood

    def listened(self, ms: float) -> None:
        self._ms = ms
        if self.pending:
            return
        if ms - self._final_ms >= SILENT_RESULT_MS:
            self._results("", ms, final=True)
        if self._last_word_ms is not None and ms - self._last_word_ms >= self._utterance_end_ms:
            at_s = self._last_word_ms / 1000
            self.say({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": at_s})
            self._last_word_ms = None

    def asked(self, ms: float) -> None:
        """What is being said is final when it is understood; else there is nothing."""
        self.asked_for = self.pending or ms > self._final_ms
        if self.asked_for and not self.pending:
            self._results("", ms, final=True)

    def closed(self, ms: float) -> None:
        if ms > self._final_ms:
            self._results("", ms, final=True)
        self.say(
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": "twin",
                "sha256": "0" * 64,
                "created": "2026-01-01T00:00:00.000Z",
                "duration": ms / 1000,
                "channels": 1,
            }
        )

    def unknown(self, message: str) -> None:
        self.say(
            {
                "type": "Error",
                "variant": "SchemaError",
                "description": "Could not deserialize last text message",
                "message": message,
            }
        )

    def _results(
        self, text: str, through_ms: float, *, final: bool, speech_final: bool = False
    ) -> None:
        words = timed(text, self._final_ms, through_ms)
        self.say(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": self._final_ms / 1000,
                "duration": max(0.0, through_ms - self._final_ms) / 1000,
                "is_final": final,
                "speech_final": speech_final,
                "from_finalize": final and self.asked_for,
                "channel": {
                    "alternatives": [{"transcript": text, "confidence": 0.99, "words": words}]
                },
                "metadata": {
                    "request_id": "twin",
                    "model_info": {"name": "twin", "version": "1", "arch": "nova-3"},
                    "model_uuid": "twin",
                },
            }
        )
        if final:
            self.asked_for = False
            self._final_ms = max(self._final_ms, through_ms)


class Flux(Dialect):
    """``/v2/listen``."""

    ends_speech = "ForceEndTurn"

    def __init__(self, query: dict[str, str]) -> None:
        super().__init__(query)
        self._turn = 0
        self._sequence = 0
        self._segments: dict[int, str] = {}
        self._begun = False
        self._maybe_over = False
        self._begin_ms = 0.0
        self._quiet_ms = 0.0
        self._update_ms = 0.0
        self._reached_ms = 0.0
        """How much of the audio is understood."""
        self._number({"type": "Connected", "request_id": "twin"})

    @property
    def transcript(self) -> str:
        return " ".join(text for text in self._segments.values() if text)

    def heard(self, words: Heard) -> None:
        super().heard(words)
        self._reached_ms = max(self._reached_ms, words.through_ms)
        before = self.transcript
        self._segments[words.segment] = words.text
        changed = self.transcript != before
        if changed and not self._begun:
            self._begun = True
            self._info("StartOfTurn")
        elif changed and self._maybe_over:
            self._maybe_over = False
            self._info("TurnResumed")
        elif changed:
            self._info("Update")
        if words.final and not self.speaking:
            self._quiet_ms = words.through_ms
            self._speech_ended()

    def _speech_ended(self) -> None:
        if self.asked_for:
            self._end("manual")
        elif self._begun and "eager_eot_threshold" in self.query and not self._maybe_over:
            self._maybe_over = True
            self._info("EagerEndOfTurn")

    def listened(self, ms: float) -> None:
        if not self.pending:
            self._reached_ms = ms
        if self._begun and not self.pending and ms - self._quiet_ms >= END_OF_TURN_MS:
            self._end("model")
        elif ms - self._update_ms >= UPDATE_MS:
            self._update_ms = ms
            self._info("Update")

    def asked(self, ms: float) -> None:
        if self.pending:
            self.asked_for = True
        elif self._begun:
            self._end("manual")
        else:
            why = {"code": "NO_TURN", "description": "There is no turn to end"}
            self._number({"type": "Warning", "request_id": "twin", **why})

    def closed(self, ms: float) -> None:
        if self._begun:
            self._info("Update")

    def unknown(self, message: str) -> None:
        self._number({"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE", "description": "?"})
        self.fatal = self._said.pop()

    def _end(self, trigger: str) -> None:
        self._info("EndOfTurn", trigger=trigger)
        self._turn += 1
        self._segments = {}
        self._begun = self._maybe_over = self.asked_for = False
        self._begin_ms = self._reached_ms

    def _info(self, event: str, **more: str) -> None:
        self._number(
            {
                "type": "TurnInfo",
                "request_id": "twin",
                "event": event,
                "turn_index": self._turn,
                "audio_window_start": self._begin_ms / 1000,
                "audio_window_end": self._reached_ms / 1000,
                "transcript": self.transcript,
                "words": timed(self.transcript, self._begin_ms, self._reached_ms),
                "end_of_turn_confidence": 0.9 if event == "EndOfTurn" else 0.1,
                **more,
            }
        )

    def _number(self, message: Message) -> None:
        self.say({**message, "sequence_id": self._sequence})
        self._sequence += 1


def timed(text: str, from_ms: float, to_ms: float) -> list[Message]:
    """The words of a text, spread over a stretch of audio."""
    words = text.split()
    step_s = (to_ms - from_ms) / 1000 / max(1, len(words))
    times = pairwise(from_ms / 1000 + step_s * n for n in range(len(words) + 1))
    return [
        {"word": word, "punctuated_word": word, "confidence": 0.99, "start": begin, "end": end}
        for word, (begin, end) in zip(words, times, strict=True)
    ]


def parsed(text: str) -> str:
    """The type of a client's message; "?" if it has none."""
    try:
        return str(json.loads(text)["type"])
    except (ValueError, KeyError, TypeError):
        return "?"
