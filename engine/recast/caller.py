"""The caller of a recorded call: when they spoke, what was made of it, and what they did besides.

Times of the caller go by the agent: who answers a question waits for its end, who interrupts has
heard something. So they are told relative to what came last: what the agent did, or what the
caller did themselves.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from engine.journal import Event, Note
from engine.recast.story import Story
from engine.simulation.scenario import Act, Anchor, Hearing
from states import events, notes
from states.endpointing import Contour

WINDOW_MS = 32.0
"""What the ears judge at a time."""

FRAME_MS = 20.0
FRAME_WAIT_MS = FRAME_MS / 2
"""How long a sound waits, on average, for the frame that brings it to be whole."""

REACTION_MS = 1000.0
"""Who begins to speak so soon after the agent did was about to speak in any case."""

REACHES_MS = 60.0
"""A transcript that reaches as near as that to the moment at which the end of speech was told was
made because it was told."""

Does = Literal["speaks", "presses", "hangs_up"]


@dataclass(slots=True)
class _Deed:
    """Something the caller did, in ms of the call as the engine heard it; ``told_ms`` is when the
    end of speech was told."""

    does: Does
    from_ms: float
    to_ms: float
    told_ms: float | None = None
    key: str = ""
    heard: list[Hearing] = field(default_factory=list)
    contour: Contour = "unknown"
    pauses: list[tuple[float, float]] = field(default_factory=list)


def acts_of(story: Story, lag_s: float) -> list[Act]:
    """All that the caller did, in order, each relative to what came before."""
    deeds = sorted([*_speeches(story), *_keys(story), *_end(story)], key=lambda deed: deed.from_ms)
    _hear(story, [deed for deed in deeds if deed.does == "speaks"])
    agent: list[tuple[float, Anchor]] = [
        *((event.at_ms, "speaks") for event in story.of(events.AudioStarted)),
        *((event.at_ms, "is_done") for event in story.of(events.PlayedOut)),
    ]
    acts, before = [], None
    for deed in deeds:
        anchor, since_ms, nth = _anchor(deed, before, sorted(agent))
        at_s = _seconds(deed.from_ms - since_ms)
        at_s = round(at_s - lag_s, 4) if anchor != "act" else max(0.0, at_s)
        acts.append(_act(deed, at_s, anchor, nth))
        before = deed
    return acts


def _speeches(story: Story) -> list[_Deed]:
    speeches: list[_Deed] = []
    for line in story.lines:
        if not isinstance(line, Event):
            continue
        event, last = line.event, speeches[-1] if speeches else None
        match event:
            case events.SpeechStarted(at_ms=at_ms):
                from_ms = max(_began_ms(story, at_ms), last.to_ms + WINDOW_MS if last else 0.0)
                speeches.append(_Deed("speaks", from_ms, story.over_ms))
            case events.SpeechEnded(at_ms=at_ms, voice_at_ms=voice_at_ms) if last:
                last.told_ms, last.to_ms = at_ms, max(voice_at_ms, last.from_ms + WINDOW_MS)
            case events.TurnJudged(contour=contour) if last and contour != "unknown":
                last.contour = contour
            case events.OverlapHeld() | events.BackchannelHeld() if last and not last.pauses:
                last.pauses = _pauses(story, line, last)
    return speeches


def _began_ms(story: Story, told_ms: float) -> float:
    """When a sound began that was told at ``told_ms``: the likeliest moment of those at which it
    would be told then, by windows and frames as they are in the simulation."""
    windows = max(1, round(story.head.settings.onset_ms / WINDOW_MS))
    likely_ms = told_ms - windows * WINDOW_MS - FRAME_WAIT_MS

    def told_of(from_ms: float) -> float:
        first = ceil((from_ms - WINDOW_MS / 2 + 0.1) / WINDOW_MS)
        whole_ms = (first + windows) * WINDOW_MS - from_ms
        return from_ms + ceil(whole_ms / FRAME_MS) * FRAME_MS

    near = [likely_ms + step for step in range(-20, 21)]
    fitting = [from_ms for from_ms in near if abs(told_of(from_ms) - told_ms) < 1]
    return min(fitting, key=lambda from_ms: abs(from_ms - likely_ms), default=likely_ms)


def _pauses(story: Story, line: Event, speech: _Deed) -> list[tuple[float, float]]:
    """Pauses that were too short to end speech. Where they were is not known; how much they came
    to is, where the caller's voice was counted."""
    settings, at_ms = story.head.settings, line.event.at_ms
    counted_ms = {
        "barge_in_timer": settings.barge_in_ms,
        "retract_timer": settings.retract_ms,
        "backchannel_timer": settings.backchannel_ms,
    }.get(line.by)
    longest_ms = settings.offset_ms - 2 * WINDOW_MS
    if counted_ms is None or longest_ms <= 0:
        return []
    voice_ms = -(-counted_ms // WINDOW_MS) * WINDOW_MS
    quiet_ms = at_ms - FRAME_WAIT_MS - speech.from_ms - voice_ms
    many = int(-(-quiet_ms // longest_ms))
    if quiet_ms < 2 * WINDOW_MS:
        return []
    first_ms = settings.onset_ms + 2 * WINDOW_MS
    apart_ms = (at_ms - speech.from_ms - first_ms) / many
    each_ms = min(quiet_ms / many, apart_ms - WINDOW_MS)
    if each_ms < WINDOW_MS:
        return []
    return [(_seconds(first_ms + n * apart_ms), _seconds(each_ms)) for n in range(many)]


def _keys(story: Story) -> list[_Deed]:
    keys = story.of(events.Dtmf)
    return [_Deed("presses", one.at_ms, one.at_ms, key=one.digit) for one in keys]


def _end(story: Story) -> list[_Deed]:
    """The caller hangs up. Where the call ended by no doing of the chart, or where the journal was
    cut off, that is what it comes to."""
    hung_up = next(story.of(events.HungUp), None)
    at_ms = hung_up.at_ms if hung_up else story.over_ms
    ended_by_chart = story.end is not None and story.end.reason == "ended"
    if hung_up is None and ended_by_chart:
        return []
    return [_Deed("hangs_up", at_ms, at_ms)]


def _hear(story: Story, speeches: list[_Deed]) -> None:
    """Give each speech what speech-to-text made of it."""
    if not speeches:
        return
    begun = [speech.from_ms for speech in speeches]
    session = -1
    first: dict[int, int] = {}
    for line in story.lines:
        if isinstance(line, Note) and isinstance(line.note, notes.RecogniserStarted):
            session += 1
        if not (isinstance(line, Event) and isinstance(line.event, events.Transcript)):
            continue
        event = line.event
        place = bisect_right(begun, min(event.at_ms, event.through_ms)) - 1
        speech = speeches[max(0, place)]
        number = max(0, session)
        first.setdefault(number, event.segment if number else 0)
        speech.heard.append(_hearing(event, speech, number, max(0, event.segment - first[number])))


def _hearing(event: events.Transcript, speech: _Deed, session: int, segment: int) -> Hearing:
    told_ms = speech.told_ms
    reaches = told_ms is not None and event.through_ms >= told_ms - REACHES_MS
    ended = told_ms is not None and reaches and event.at_ms >= told_ms
    since_ms = told_ms if ended and told_ms is not None else speech.from_ms
    return Hearing(
        at=_seconds(event.at_ms - since_ms),
        text=event.text,
        segment=segment,
        final=event.final,
        through=_seconds(event.through_ms - since_ms),
        ended=ended,
        endpoint=event.endpoint,
        eager=event.eager,
        session=session,
    )


def _anchor(
    deed: _Deed, before: _Deed | None, agent: list[tuple[float, Anchor]]
) -> tuple[Anchor, float, int]:
    """What a deed goes by, when that was, and for which time since the deed before began."""
    since_ms = before.from_ms if before else 0.0
    done = [
        (at_ms, what)
        for at_ms, what in agent
        if since_ms <= at_ms <= deed.from_ms - (REACTION_MS if what == "speaks" else 0.0)
    ]
    if done and (before is None or done[-1][0] >= before.to_ms):
        at_ms, what = done[-1]
        return what, at_ms, sum(other == what for _, other in done)
    return ("act", before.to_ms, 1) if before else ("call", 0.0, 1)


def _act(deed: _Deed, at_s: float, anchor: Anchor, nth: int) -> Act:
    during = _seconds(deed.to_ms - deed.from_ms)
    match deed.does:
        case "presses":
            return Act(at=at_s, after=anchor, nth=nth, press=deed.key)
        case "hangs_up":
            return Act(at=at_s, after=anchor, nth=nth, hang_up=True)
    said = [one.text for one in deed.heard if one.text]
    return Act(
        at=at_s,
        after=anchor,
        nth=nth,
        say=said[-1] if said else "",
        sound=not said,
        during=during,
        pauses=[(at, took) for at, took in deed.pauses if at + took < during],
        heard=deed.heard,
        contour=deed.contour,
    )


def _seconds(duration_ms: float) -> float:
    return round(duration_ms / 1000, 4)
