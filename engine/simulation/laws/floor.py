"""The laws of who is heard: one voice, yielding, no dead air, false alarms cost nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import ceil

from effects.heard import RESUME_BACK_MS
from engine import journal
from engine.simulation.laws.handover import one_agent
from engine.simulation.laws.owed import given_up_for_nothing
from engine.simulation.laws.reading import VAD_WINDOW_MS, Reading, Violation, event_of, reading_of
from engine.simulation.laws.utterances import EVER_MS, ROUNDING_BYTES, Piece, Utterance
from engine.simulation.trace import Trace
from states import events
from states.mulaw import BYTES_PER_MS
from states.words import is_backchannel, takes_floor


def one_voice(trace: Trace) -> list[Violation]:
    """L1. Never two replies in the air, and nothing of one that was given up.

    Observed: every frame that crossed the line, and what the caller heard.

    - Each stretch of sound between two clears is found in the sound of the reply it is said to
      belong to; a tail of older audio is not.
    - No frame of a reply is sent after the journal has mentioned a later reply, or after the
      reply was abandoned.
    - The first frame of a reply begins to play only when the reply before has been played or
      cleared. No tolerance.
    - The voice changes only where one fails, and between sentences; a reply is one language
      model's.
    """
    reading = reading_of(trace)
    found = [*one_agent(reading)]
    for utterance in reading.utterances:
        for piece in utterance.pieces:
            if piece.starts is None:
                found.append(
                    Violation("L1", piece.at_ms, f"sound that is not of reply {utterance.reply}")
                )
            over = _given_up(reading, utterance.reply, piece.after)
            if over is not None and piece.last_after > over:
                found.append(
                    Violation("L1", piece.at_ms, f"reply {utterance.reply} goes on when it is over")
                )
    for first, second in zip(reading.utterances, reading.utterances[1:], strict=False):
        begins_ms = second.pieces[0].at_ms + reading.round_trip_ms / 2
        if (last := first.pieces[-1].played) and last[-1].to_ms > begins_ms + 0.5:
            found.append(
                Violation(
                    "L1", begins_ms, f"replies {first.reply} and {second.reply} are both in the air"
                )
            )
    return found


def _given_up(reading: Reading, reply: int, after: int) -> int | None:
    """The journal line from which a reply that was sounding at ``after`` was over."""
    for index, note in reading.notes:
        if index > after and getattr(note, "reply", 0) > reply:
            later = index
            break
    else:
        later = len(reading.trace.lines)
    for index, _, _ in reading.raised("abandoned"):
        if index > after:
            return min(index, later)
    return later if later < len(reading.trace.lines) else None


def yields(trace: Trace) -> list[Violation]:
    """L2. The agent never talks over a caller for longer than the barge-in time.

    Observed: the caller's voice and the agent's sound at the caller's end. For each unbroken
    stretch of voice, the sound of one reply that plays during it lasts at most ``barge_in_ms``
    (``backchannel_ms`` if all that was understood by then is a backchannel), and one window of
    the voice detector (32 ms), two frames and the way there and back.

    A call that has lost its speech-to-text for good is let off: it could not understand, and
    says goodbye. So is one that leaves its message on a machine. Of a greeting whose beginning
    is protected, what follows counts.

    What only fills a wait never begins while the caller speaks (the tolerance is that of the
    barge-in time, and ``onset_ms``), and is never the same twice in a row.
    """
    reading = reading_of(trace)
    deaf_ms = next(
        (
            line.event.at_ms
            for _, line in reading.events
            if reading.enters("go_deaf", line.states) or reading.taken(line, "note_machine")
        ),
        EVER_MS,
    )
    protected = _protected_until_ms(reading)
    found = []
    for voice in reading.voices:
        for utterance in reading.utterances:
            for piece in utterance.pieces:
                since_ms = max(voice.from_ms, protected.get(utterance.reply, 0.0))
                over_ms = _overlap_ms(piece, since_ms, min(voice.to_ms, deaf_ms))
                if over_ms <= reading.settings.barge_in_ms + reading.tolerance_ms:
                    continue  # so much is always allowed
                limit_ms = _yield_limit_ms(reading, since_ms, piece)
                if over_ms > limit_ms + reading.tolerance_ms:
                    says = (
                        f"reply {utterance.reply} talks over the caller for {over_ms:.0f} ms; "
                        f"{limit_ms} are allowed"
                    )
                    found.append(Violation("L2", voice.from_ms, says))
    return [*found, *_fills_badly(reading)]


def _fills_badly(reading: Reading) -> Iterator[Violation]:
    fillers = [
        (begun.at_ms, text)
        for utterance in reading.utterances
        for begun, text in zip(utterance.begun, utterance.texts, strict=True)
        if begun.fills
    ]
    onset_ms = reading.settings.onset_ms + reading.tolerance_ms
    for at_ms, text in fillers:
        if any(voice.from_ms + onset_ms < at_ms < voice.to_ms for voice in reading.voices):
            yield Violation("L2", at_ms, f"{text!r} is said while the caller speaks")
    for (_, first), (at_ms, second) in pairwise(fillers):
        if first == second:
            yield Violation("L2", at_ms, f"{second!r} is said twice in a row")


def _protected_until_ms(reading: Reading) -> dict[int, float]:
    """Until when a greeting was protected, by its reply; for ever if the call ended before."""
    protected: dict[int, float] = {}
    for _, line in reading.events:
        if reading.runs("protection_timer", line.states):
            protected = {1: EVER_MS}
        elif protected.get(1) == EVER_MS:
            protected[1] = line.event.at_ms
    return protected


def _overlap_ms(piece: Piece, from_ms: float, until_ms: float) -> float:
    if not piece.overlaps(from_ms, until_ms):
        return 0.0
    return sum(
        max(0.0, min(stretch.to_ms, until_ms) - max(stretch.from_ms, from_ms))
        for stretch in piece.played
    )


def _yield_limit_ms(reading: Reading, since_ms: float, piece: Piece) -> int:
    """How long the caller has to speak: what was understood when the barge-in time was up, which
    was some moment within the tolerance. The ears count voice in whole windows, and a pause that
    they did not notice as none: the words before it are of the same speech. Those of a segment
    of which words had come before this one began are not."""
    settings = reading.settings
    begins_ms = since_ms
    if piece.played:
        begins_ms = max(begins_ms, piece.played[0].from_ms)
    due_ms = begins_ms + settings.barge_in_ms
    understood: dict[int, str] = {}
    backchannel = False
    began_ms = _noticed_ms(reading, since_ms, due_ms)
    over: set[int] = set()
    for _, event in reading.transcripts():
        if event.at_ms < began_ms:
            over.add(event.segment)
        elif event.at_ms <= due_ms + reading.tolerance_ms and event.segment not in over:
            if event.at_ms > due_ms:
                backchannel |= is_backchannel(" ".join(understood.values()))
            understood[event.segment] = event.text
    backchannel |= is_backchannel(" ".join(understood.values()))
    limit_ms = max(settings.barge_in_ms, settings.backchannel_ms if backchannel else 0)
    return round(ceil(limit_ms / VAD_WINDOW_MS) * VAD_WINDOW_MS)


def _noticed_ms(reading: Reading, since_ms: float, until_ms: float) -> float:
    """From when the ears took what the caller says for one stretch of speech: the pause before it,
    or its beginning if that was noticed since."""
    return max(
        (
            line.event.at_ms
            for _, line in reading.events
            if (isinstance(line.event, events.SpeechEnded) and line.event.at_ms <= since_ms)
            or (isinstance(line.event, events.SpeechStarted) and line.event.at_ms <= until_ms)
        ),
        default=0.0,
    )


def no_dead_air(trace: Trace) -> list[Violation]:
    """L6. While the call is live, nobody waits in silence for longer than the settings say.

    Observed: the caller's voice and the agent's sound at the caller's end. The longest silence
    of both is the longest wait of the chart: for a silent caller (``idle_ms``), for the end of
    a turn and a reply that never comes (``silence_ms`` and ``reply_ms``), or, in mid-reply, for
    a language model and a voice that stall (with the tools that it may use, one after another),
    or for a voice that fails at each line that is tried; after each, for the voice of the line
    that is said then. Slack: one second.
    """
    reading = reading_of(trace)
    limit_ms = silence_limit_ms(reading)
    heard = [(stretch.from_ms, stretch.to_ms) for stretch in trace.played]
    voiced = [(voice.from_ms, voice.to_ms) for voice in reading.voices]
    found, quiet_since_ms = [], 0.0
    for from_ms, to_ms in sorted([*heard, *voiced, (reading.ended_ms, reading.ended_ms)]):
        if from_ms - quiet_since_ms > limit_ms:
            says = f"{from_ms - quiet_since_ms:.0f} ms of silence; {limit_ms:.0f} are allowed"
            found.append(Violation("L6", quiet_since_ms, says))
        quiet_since_ms = max(quiet_since_ms, to_ms)
    return found


def silence_limit_ms(reading: Reading) -> float:
    """The longest silence that the settings and the tools of a call can explain."""
    settings = reading.settings
    tools_ms = max((tool.timeout * 1000 for tool in reading.trace.scenario.tools), default=0)
    voice_ms = settings.first_audio_ms * 1.2
    held = any(reading.runs("hold_timer", line.states) for _, line in reading.events)
    pause_ms = max(settings.silence_ms, settings.silence_most_ms) + settings.stt_overdue_ms
    waits_ms = (
        settings.idle_ms + settings.mark_grace_ms + (settings.hold_ms if held else 0),
        pause_ms + settings.offset_ms + settings.frames_lost_ms + settings.reply_ms,
        settings.transfer_ms,
        settings.first_token_ms
        + voice_ms
        + settings.tool_rounds * (tools_ms + settings.first_token_ms)
        if tools_ms
        else settings.first_token_ms + settings.mark_grace_ms,
        settings.digit_ms + settings.reply_ms,
        (settings.apology_limit + 1) * voice_ms,
    )
    return max(waits_ms) + voice_ms + 1000 + reading.round_trip_ms


def false_alarms_cost_nothing(trace: Trace) -> list[Violation]:
    """L7. What is nothing stops nothing; and where the agent did stop, it goes on there, once.

    Observed: the clears and the frames after them, place by place in the sound of the reply.

    - A clear has a cause: voice, or the agent's own that came back, that lasted ``barge_in_ms``
      (one window and two frames less, and pauses shorter than ``offset_ms`` and lost frames
      bridged), words that claim the floor, a key, a line that takes the reply's place, or the end
      of the call.
    - A reply that goes on after a clear goes on at most ``RESUME_BACK_MS`` (and the way there
      and back) before where the caller had heard it to, and not after it. It is given up only
      for words, a key, or speech that lasts.
    - A reply that the journal says was played out was heard from its first letter to its last.
    """
    reading = reading_of(trace)
    found = [*_clears_without_cause(reading), *given_up_for_nothing(reading)]
    back = round((RESUME_BACK_MS + reading.round_trip_ms) * BYTES_PER_MS) + ROUNDING_BYTES
    played_out = {
        event_of(line).reply  # type: ignore[attr-defined]
        for _, line in reading.events
        if isinstance(line.event, events.PlayedOut)
    }
    for utterance in reading.utterances:
        found += _resumes_elsewhere(utterance, back)
        if utterance.reply in played_out and all(p.starts is not None for p in utterance.pieces):
            found += _has_holes(reading, utterance)
    return found


def _resumes_elsewhere(utterance: Utterance, back: int) -> Iterator[Violation]:
    reached = 0
    for piece in utterance.pieces:
        starts = 0 if piece.starts is None else piece.starts
        if starts > reached + ROUNDING_BYTES:
            says = f"reply {utterance.reply} skips {(starts - reached) / BYTES_PER_MS:.0f} ms"
            yield Violation("L7", piece.at_ms, says)
        elif starts < reached - back:
            says = f"reply {utterance.reply} repeats {(reached - starts) / BYTES_PER_MS:.0f} ms"
            yield Violation("L7", piece.at_ms, says)
        reached = max(reached, starts + piece.heard)


def _has_holes(reading: Reading, utterance: Utterance) -> Iterator[Violation]:
    broke = any(
        isinstance(line.event, events.VoiceFailed | events.ReplyFailed)
        and line.event.reply == utterance.reply
        for _, line in reading.events
    )
    missing = len(utterance.sound) - utterance.reached()
    if missing > ROUNDING_BYTES and not broke:
        missing_ms = missing // BYTES_PER_MS
        says = f"reply {utterance.reply} was played out, but {missing_ms} ms were never heard"
        yield Violation("L7", utterance.pieces[-1].at_ms, says)


def _clears_without_cause(reading: Reading) -> Iterator[Violation]:
    for crossed in reading.trace.crossed:
        if crossed.kind != "clear":
            continue
        line = reading.event_before(crossed.after)
        assert line is not None
        if reading.is_over(crossed.after):
            return
        if not _is_cause(reading, line, crossed.at_ms):
            yield Violation("L7", crossed.at_ms, f"{line.event.name} stopped the agent for nothing")


def _is_cause(reading: Reading, line: journal.Event, at_ms: float) -> bool:
    event = line.event
    if any(raised in ("say", "committed") for _, raised in line.took):
        return True
    match event:
        case events.Transcript():
            return takes_floor(event.text, final=event.final)
        case events.OverlapHeld():
            least_ms = reading.settings.barge_in_ms
        case events.BackchannelHeld():
            least_ms = reading.settings.backchannel_ms
        case _:
            return isinstance(event, events.Dtmf | events.ProtectionOver)
    heard_ms = _voice_until(reading, at_ms - reading.round_trip_ms / 2)
    return heard_ms >= least_ms - VAD_WINDOW_MS - 2 * reading.trace.scenario.wire.frame_ms


def _voice_until(reading: Reading, at_ms: float) -> float:
    """How long the caller, or an echo, had been heard at a moment, pauses left out."""
    jitter_ms = reading.trace.scenario.wire.jitter * 1000
    lost = [act for act in reading.trace.scenario.caller if act.lose]
    total_ms, since_ms = 0.0, at_ms
    for voice in reversed([voice for voice in reading.sounds if voice.from_ms < at_ms]):
        to_ms = min(voice.to_ms, at_ms)
        lost_ms = sum(
            max(0.0, min(since_ms, (act.at + act.lose) * 1000) - max(to_ms, act.at * 1000))
            for act in lost
        )
        quiet_ms = since_ms - to_ms - lost_ms
        if quiet_ms > reading.settings.offset_ms + VAD_WINDOW_MS + jitter_ms:
            break
        total_ms += to_ms - voice.from_ms
        since_ms = voice.from_ms
    return total_ms
