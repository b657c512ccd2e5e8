"""What is heard of a call: Deepgram's words become segments of the transcript.

A segment ends with each final text, of nova's results or of Flux's turns. It outlives the
connection that it began on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adapters.deepgram.messages import Words
from effects.ports import Heard


class Segments:
    """One call's transcript, segment by segment."""

    def __init__(self) -> None:
        self._number = 0
        self._turn = 0
        self._open: Heard | None = None
        """What was reported of the segment that is not final yet."""
        self._last: Heard | None = None
        """The last final words, while nobody said that the turn is over."""
        self._kept = ""
        """The beginning of the segment, where it is not to be heard again."""
        self._is_over = False
        """The utterance is over: its words will be final, and then they end the turn."""

    @property
    def open(self) -> Heard | None:
        """The words that are not final yet, as they were reported."""
        return self._open

    def take(self, words: Words, through_ms: float) -> Iterator[Heard]:
        """Report ``words``, which reach so far into the call."""
        if words.turn is not None and words.turn < self._turn:
            return  # of a turn that is over
        text = f"{self._kept} {words.text}".strip()
        if words.final:
            yield from self._end(words, text, through_ms)
        elif words.text and not self._is_heard_again(through_ms):
            if self._open and text != self._open.text:
                self._is_over = False  # it was not: there is more
            self._open = Heard(self._number, text, False, through_ms, eager=words.eager)
            yield self._open

    def _is_heard_again(self, through_ms: float) -> bool:
        return self._open is not None and through_ms < self._open.through_ms

    def _end(self, words: Words, text: str, through_ms: float) -> Iterator[Heard]:
        was_open, endpoint = self._open, words.endpoint or self._is_over
        if text or was_open:
            heard = Heard(self._number, text, True, through_ms, endpoint=endpoint)
            self._number += 1
            self._open, self._kept, self._is_over = None, "", False
            yield heard
        if text:
            self._last = None if endpoint else heard
        elif self._last and (endpoint or words.asked):
            # Nothing more was said after the last final words: now they reach to here.
            last = replace(self._last, through_ms=through_ms, endpoint=endpoint)
            self._last = None if endpoint else last
            yield last
        if words.turn is not None:
            self._turn = words.turn + 1

    def nothing(self, through_ms: float) -> Iterator[Heard]:
        """The caller made a sound, and there were no words in it."""
        if self._open is None:
            yield Heard(self._number, "", True, through_ms)
            self._number += 1

    def utterance_end(self) -> Iterator[Heard]:
        """No further word came for long: what is final ends the turn, or what will be."""
        if self._open:
            self._is_over = True
        elif self._last:
            last, self._last = self._last, None
            yield replace(last, endpoint=True)

    def reconnected(self, *, keep: bool) -> None:
        """A new connection begins. It hears the open segment again, from its beginning; or, to
        ``keep`` its words, only what came after them."""
        self._turn = 0
        self._is_over = False
        if keep and self._open:
            self._kept = self._open.text

    def close(self) -> Iterator[Heard]:
        """There will be no further message: what was heard last is what was said."""
        if self._open:
            yield replace(self._open, final=True, eager=False)
            self._open = None
