"""The other providers of a recorded call: how long they took, and how they failed."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from effects.spoken import spoken
from engine.recast.story import Story, usual
from engine.simulation.scenario import Fault, Judge, Recognition, Voice, Wire
from states import events, notes

PUT_THROUGH_S = 0.5


def wire_of(story: Story) -> Wire:
    """The line: half of what marks are late is on the way to the caller, half on the way back."""
    lags = [note.lag_ms for note in story.noted(notes.MarkEchoed)]
    played = any(True for _ in story.of(events.PlayedOut))
    transfers = story.took_ms("transfer")
    failed = next(story.of(events.TransferFailed), None)
    answered = next(story.of(events.Answered), None)
    return Wire(
        lag=round(max(0.0, usual(lags, 0.0)) / 2000, 4),
        loses_marks=played and not lags,
        transfer_takes=round(transfers[0] / 1000, 4) if transfers else PUT_THROUGH_S,
        transfer_fault="lost" if failed else None,
        outbound=answered is not None and answered.outbound,
        machine=answered is not None and answered.machine,
    )


def judge_of(story: Story) -> Judge:
    """The turn detector: its scores for the words it was asked about."""
    took_ms = usual([*story.took_ms("judge_turn"), *story.took_ms("foresee")], 0.0)
    asked = any(line.effect == "judge_turn" for line in story.effects)
    spoke = any(True for _ in story.of(events.Transcript))
    if asked and spoke and not story.scores:
        return Judge(fault="lost")
    return Judge(takes=round(max(0.0, took_ms) / 1000, 4), scores=story.scores, by_words=True)


def recognitions_of(story: Story) -> tuple[Recognition, Recognition | None]:
    """Speech-to-text, and who takes over from it. What it says is said by the caller's acts."""
    failures = list(story.of(events.SttFailed))
    if not failures:
        return Recognition(), None
    first = failures[0]
    kind: Fault = "lost" if first.retryable else "refused"
    broken = Recognition(fault=kind, fault_at=first.at_ms / 1000, fault_times=1)
    if not first.instead:
        return replace(broken, fault_times=len(failures)), None
    second = failures[1:]
    if not second:
        return broken, Recognition()
    return broken, Recognition(
        fault="lost" if second[0].retryable else "refused",
        fault_at=second[0].at_ms / 1000,
        fault_times=len(second),
    )


def voices_of(story: Story) -> tuple[Voice, Voice | None]:
    """The voice, and who takes over from it. It speaks at one pace throughout."""
    first_bytes, texts = _first_bytes(story), _texts(story)
    voice = Voice(
        first_byte=round(usual(list(first_bytes.values()), 0.08), 4),
        first_bytes=first_bytes,
        letter_ms=_letter_ms(story, texts),
    )
    failures = list(story.of(events.VoiceFailed))
    if not failures:
        return voice, None
    first = failures[0]
    clause, midway = _where_it_broke(story, first.reply, texts)
    asked_ms = [n.at_ms for n in story.noted(notes.VoiceRequested) if n.at_ms <= first.at_ms]
    late = {}
    if clause and not midway and asked_ms and clause == texts.get((first.reply, 0)):
        late = {clause: round((first.at_ms - asked_ms[-1]) / 1000, 4)}
    broken = replace(
        voice,
        first_bytes={**first_bytes, **late},
        fault=None if _fell_silent(first) else "lost",
        stalls=_fell_silent(first),
        fault_on=clause,
        fault_midway=midway,
        fault_times=1 if first.instead else sum(one.reply == first.reply for one in failures),
    )
    return broken, voice if first.instead else None


def _where_it_broke(
    story: Story, reply: int, texts: dict[tuple[int, int], str]
) -> tuple[str, bool]:
    """The clause at which the voice failed, and whether some of it had been said."""
    sent = {note.clause for note in story.noted(notes.ClauseSent) if note.reply == reply}
    whole = {note.clause for note in story.noted(notes.MarkEchoed) if note.reply == reply}
    ours = {clause: text for (number, clause), text in texts.items() if number == reply}
    half = sorted(clause for clause in ours if clause in sent and clause not in whole)
    unsent = sorted(clause for clause in ours if clause not in sent)
    if half and not unsent:
        return ours[half[0]], True
    return (ours[unsent[0]] if unsent else ""), False


def _fell_silent(failed: events.VoiceFailed) -> bool:
    return "gave no sound" in failed.reason or "was silent" in failed.reason


def _texts(story: Story) -> dict[tuple[int, int], str]:
    """What each clause of each reply says, by reply and number."""
    return {(note.reply, note.clause): note.text for note in story.noted(notes.ClauseComposed)}


def _first_bytes(story: Story) -> dict[str, float]:
    """How long the voice took for the first sound of replies, by the text of their first clause."""
    texts, asked, took = _texts(story), dict[int, float](), dict[str, float]()
    for line in story.lines:
        note = getattr(line, "note", None)
        match note:
            case notes.VoiceRequested(at_ms=at_ms, reply=reply):
                asked[reply] = at_ms
            case notes.FirstSpeech(at_ms=at_ms, reply=reply) if reply in asked:
                text = texts.get((reply, 0))
                if text is not None:
                    took[text] = round((at_ms - asked[reply]) / 1000, 4)
    return took


def _letter_ms(story: Story, texts: dict[tuple[int, int], str]) -> int:
    """How long a letter sounds, by the clauses of which beginning and end are known."""
    ends = {(one.reply, one.clause): one for one in story.noted(notes.MarkEchoed)}
    lines = _lines(story)
    letters: Counter[str] = Counter()
    for sent in story.noted(notes.ClauseSent):
        key = (sent.reply, sent.clause)
        text = texts.get(key) or (lines.get(sent.reply, "") if sent.clause == 0 else "")
        end = ends.get(key)
        follows = (sent.reply, sent.clause - 1)
        if not text or end is None:
            continue
        began_ms = sent.at_ms
        if follows in ends:  # it was sent ahead, and began when the one before was over
            began_ms = max(began_ms, ends[follows].at_ms - ends[follows].lag_ms)
        letters["letters"] += len(spoken(text))
        letters["ms"] += round(end.at_ms - end.lag_ms - began_ms)
    pace_ms = letters["ms"] / letters["letters"] if letters["letters"] else 0.0
    return round(pace_ms) if pace_ms >= 1 else Voice().letter_ms


def _lines(story: Story) -> dict[int, str]:
    """The fixed lines that were heard to their end."""
    composed = {note.reply for note in story.noted(notes.ReplyRequested)}
    return {
        event.reply: event.heard
        for event in story.of(events.PlayedOut)
        if event.reply not in composed
    }
