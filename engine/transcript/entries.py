"""A call as entries in the order of time: what was said, and what happened beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from engine.journal import AnyLine, Effect, End, Event, Note
from engine.transcript.sides import Hold, Reply, Sides, Stretch, Utterance
from engine.turns import TurnRecord, Turns, takes_over
from engine.waterfall import feeling
from states import events, notes

SILENCE_MS = 2000.0
"""Less than that is how people talk."""

_RANKS = ("caller", "keys", "failed", "tool", "silent", "turn", "agent", "silence", "call")
"""What comes first of what happens at once: causes before what comes of them."""

KEYS_MS = 5000.0
"""Keys that follow each other so soon are one entry."""

Who = Literal["agent", "caller", "keys", "silent", "tool", "failed", "turn", "silence", "call"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at ``at_ms``.

    ``said`` and ``unheard`` hold what callers and agents said (and what tools were asked), so that
    it can be left out; ``aside`` what there is to know without it. ``pauses`` are the places in
    ``said`` (characters) where the agent was silent and went on. ``over`` says that it was said
    while the other side could be heard; ``feels`` how a turn's latency did.
    """

    at_ms: float
    who: Who
    said: str = ""
    unheard: str = ""
    pauses: tuple[int, ...] = ()
    over: bool = False
    aside: str = ""
    feels: str = ""


def transcript(lines: Sequence[AnyLine], *, silence_ms: float = SILENCE_MS) -> list[Entry]:
    """The whole call. Silences of both sides are told from ``silence_ms`` on."""
    sides = Sides.of(lines)
    beside = _Beside.of(lines)
    entries = [
        *(_utterance(one, sides) for one in sides.utterances),
        *_wordless(sides.caller_sounds),
        *_replies(sides),
        *(_turn(record) for record in Turns.of(lines).records),
        *beside.entries,
        *_silences(sides, beside, silence_ms),
    ]
    return sorted(entries, key=lambda entry: (entry.at_ms, _RANKS.index(entry.who)))


# --- what was said ---------------------------------------------------------------------------


def _utterance(one: Utterance, sides: Sides) -> Entry:
    if one.echo:
        aside = "(the agent's own voice, come back)"
    elif one.over and not _is_cut(sides, one.since_ms):
        aside = "(the agent goes on)"
    else:
        aside = ""
    return Entry(at_ms=one.since_ms, who="caller", said=one.said, over=one.over, aside=aside)


def _is_cut(sides: Sides, at_ms: float) -> bool:
    """Whether the reply that is heard at that time is not heard to its end."""
    replies = [reply for reply in sides.replies if reply.since_ms <= at_ms]
    return bool(replies) and replies[-1].aired


def _wordless(sounds: Sequence[Stretch]) -> Iterator[Entry]:
    """Coughs and the like, where they are over the agent: what they did stands beside."""
    for sound in sounds:
        if sound.over and not sound.worded and sound.until_ms is not None:
            aside = f"a sound without words, {_seconds(sound.until_ms - sound.since_ms)}"
            yield Entry(at_ms=sound.since_ms, who="caller", over=True, aside=aside)


def _replies(sides: Sides) -> Iterator[Entry]:
    for reply in sides.replies:
        yield Entry(
            at_ms=reply.since_ms,
            who="agent",
            said=reply.heard,
            unheard=sides.rest_of(reply),
            pauses=tuple(_places(reply)),
            over=reply.over,
        )
        for hold in reply.holds:
            yield Entry(at_ms=hold.at_ms, who="silent", aside=_hold(hold))


def _places(reply: Reply) -> Iterator[int]:
    for hold in reply.holds:
        if hold.until_ms is not None and hold.heard and reply.heard.startswith(hold.heard):
            yield len(hold.heard)


def _hold(hold: Hold) -> str:
    why = _CAUSES.get(hold.cause, hold.cause)
    if hold.until_ms is not None:
        return f"false alarm: {why}; goes on after {_seconds(hold.until_ms - hold.at_ms)}"
    after = f", {hold.after_ms:.0f} ms after they began" if hold.after_ms is not None else ""
    return f"cut off: {why}{after}"


_CAUSES = {
    "overlap_held": "the caller spoke on",
    "backchannel_held": "the backchannel went on",
    "transcript": "the words of the caller",
    "protection_over": "the caller spoke over the greeting",
    "dtmf": "a key",
    "words_changed": "an answering machine",
    "stt_failed": "nobody listens any more",
}


# --- turns -----------------------------------------------------------------------------------


def _turn(record: TurnRecord) -> Entry:
    latency_ms = record.latency_ms
    parts = [f"turn {record.number}"]
    if latency_ms is not None:
        parts.append(f"{latency_ms:.0f} ms, {feeling(latency_ms)}")
    if record.endpoint:
        parts.append(f"endpoint: {record.endpoint}")
    if record.outcome != "completed":
        parts.append(record.outcome)
    return Entry(
        at_ms=record.committed_ms,
        who="turn",
        aside=" · ".join(parts),
        feels=feeling(latency_ms) if latency_ms is not None else "",
    )


# --- silences --------------------------------------------------------------------------------


def _silences(sides: Sides, beside: _Beside, silence_ms: float) -> Iterator[Entry]:
    """Where neither side could be heard, and no key was pressed, for long."""
    keys = [Stretch(at_ms, at_ms) for at_ms in beside.keys_ms]
    end = [Stretch(beside.end_ms, beside.end_ms)] if beside.end_ms is not None else []
    callers = {id(sound) for sound in (*sides.caller_sounds, *keys)}
    quiet_since: Stretch | None = None
    sounds = [*sides.caller_sounds, *sides.agent_sounds, *keys, *end]
    for sound in sorted(sounds, key=lambda sound: sound.since_ms):
        if quiet_since is not None and quiet_since.until_ms is not None:
            quiet_ms = sound.since_ms - quiet_since.until_ms
            if quiet_ms >= silence_ms:
                pause = id(quiet_since) in callers and id(sound) in callers
                yield _silence(quiet_since.until_ms, quiet_ms, pause=pause)
        if quiet_since is None or _lasts_longer(sound, quiet_since):
            quiet_since = sound


def _lasts_longer(sound: Stretch, than: Stretch) -> bool:
    if than.until_ms is None:
        return False
    return sound.until_ms is None or sound.until_ms >= than.until_ms


def _silence(at_ms: float, quiet_ms: float, *, pause: bool) -> Entry:
    text = f"the caller pauses for {_seconds(quiet_ms)}" if pause else f"{_seconds(quiet_ms)}"
    return Entry(at_ms=at_ms, who="silence", aside=text)


# --- what happened beside --------------------------------------------------------------------


class _Beside:
    """Keys, tools, failures, the end: everything that is neither speech nor silence."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.keys_ms: list[float] = []
        self.end_ms: float | None = None
        self._keys: int | None = None
        """Where the keys that are being pressed stand."""
        self._tools: dict[tuple[int, str], list[float]] = {}
        self._hung_up = False

    @classmethod
    def of(cls, lines: Iterable[AnyLine]) -> _Beside:
        beside = cls()
        for line in lines:
            beside.feed(line)
        return beside

    def feed(self, line: AnyLine) -> None:
        match line:
            case Event():
                self._event(line)
            case Note(note=notes.ToolStarted(at_ms=at_ms, reply=reply, tool=tool)):
                self._tools.setdefault((reply, tool), []).append(at_ms)
            case Note(note=notes.FramesDropped(at_ms=at_ms, count=count)):
                self._add(at_ms, "failed", f"speech-to-text is behind: {count} frames dropped")
            case Effect(at_ms=at_ms, effect=effect, phase="failed", reason=reason):
                self._add(at_ms, "failed", f"{effect}: {reason}")
            case End(at_ms=at_ms, outcome=outcome, reason=reason):
                self.end_ms = at_ms
                if outcome == "failed":
                    self._add(at_ms, "call", f"failed: {reason}")
                elif not self._hung_up:
                    self._add(at_ms, "call", "the agent hangs up")

    def _add(self, at_ms: float, who: Who, aside: str, said: str = "") -> None:
        self.entries.append(Entry(at_ms=at_ms, who=who, aside=aside, said=said))

    def _event(self, line: Event) -> None:
        event, at_ms = line.event, line.event.at_ms
        if "machine" in line.states and any(event == "words_changed" for _, event in line.took):
            self._add(at_ms, "call", "an answering machine took the call")
        match event:
            case events.Dtmf(digit=digit):
                self._key(at_ms, digit)
            case events.ToolSettled():
                self._tool(event)
            case (
                events.SttFailed(reason=reason, instead=instead)
                | events.ReplyFailed(reason=reason, instead=instead)
                | events.VoiceFailed(reason=reason, instead=instead)
            ):
                then = f"; {instead} takes over" if takes_over(line) else ""
                self._add(at_ms, "failed", f"{_FAILED[event.name]}: {reason}{then}")
            case events.ReplyLate() if line.took:
                self._add(at_ms, "failed", "the reply is too late")
            case events.SttOverdue() if line.took:
                self._add(at_ms, "failed", "the final transcript does not come: taken up without")
            case events.EndAsked(reason=reason):
                self._add(at_ms, "call", "the agent ends the call", said=reason)
            case events.TransferAsked(reason=reason):
                self._add(at_ms, "call", "the agent puts the caller through", said=reason)
            case events.Transferred():
                self._hung_up = True
                self._add(at_ms, "call", "the caller is put through")
            case events.TransferFailed(reason=reason):
                self._add(at_ms, "failed", f"could not be put through: {reason}")
            case events.HungUp(reason=reason):
                self._hung_up = True
                self._add(at_ms, "call", reason)

    def _key(self, at_ms: float, digit: str) -> None:
        last = self.entries[self._keys] if self._keys is not None else None
        if self._keys is not None and last and at_ms - self.keys_ms[-1] <= KEYS_MS:
            said = last.said + digit
            self.entries[self._keys] = msgspec.structs.replace(last, said=said)
        else:
            self._keys = len(self.entries)
            self._add(at_ms, "keys", "", said=digit)
        self.keys_ms.append(at_ms)

    def _tool(self, event: events.ToolSettled) -> None:
        begun = self._tools.get((event.reply, event.tool))
        if not begun:
            self._add(event.at_ms, "tool", f"{event.tool}: refused", said=event.result)
            return
        at_ms = begun.pop(0)
        took = f"{event.outcome} in {event.at_ms - at_ms:.0f} ms"
        said = event.arguments if event.outcome == "done" else f"{event.arguments} {event.result}"
        self._add(at_ms, "tool", f"{event.tool}: {took}", said=said)


_FAILED = {"stt_failed": "speech-to-text", "reply_failed": "the reply", "voice_failed": "the voice"}


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.1f} s"
