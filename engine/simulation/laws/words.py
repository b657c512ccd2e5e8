"""The laws of what is said and written down: heard only, nothing uncommitted, an answer."""

from __future__ import annotations

from collections.abc import Iterator

from engine import journal
from engine.simulation.laws.floor import silence_limit_ms
from engine.simulation.laws.lost import Turn, words_lost
from engine.simulation.laws.mute import left_with_the_mute
from engine.simulation.laws.owed import (
    answers_the_turn,
    keeps_its_word,
    must_be_said,
    taken_up_once,
)
from engine.simulation.laws.reading import Reading, Violation, is_committed, reading_of
from engine.simulation.laws.utterances import EVER_MS, Utterance
from engine.simulation.trace import Trace
from states import events, mulaw, notes
from states.words import normalized

GOODBYES = ("say_goodbye", "say_too_long", "leave_message")
"""Actions after which the call ends when their line has been heard, unless the caller goes on."""


def heard_only(trace: Trace) -> list[Violation]:
    """L3. History holds what the caller heard of the agent: no word more, no word less.

    Observed: the history at the end and in each prompt, against what was read off the sound.

    - Each line of the agent is the beginning of what the reply would have said, cut at a word,
      not longer than the words that the caller heard begin, and at most one word shorter than
      those they heard to their end. With a lag on the line, what plays within the way there
      and back may count as heard or not.
    - Each reply of which two words were heard is in the history, once.
    - The agent's lines in a prompt hold no word that had not been heard begin by then, and lack
      none that was heard of the replies before.
    - What must be said and was interrupted is in the next composed reply that is heard to its
      end, and none of it is said again that was heard whole.
    """
    reading = reading_of(trace)
    found = [*_prompts_ahead(reading), *_prompts_behind(reading), *must_be_said(reading)]
    if trace.end is None:
        return found
    written = [line for line in trace.end.history if line.role == "agent"]
    slack = round(reading.round_trip_ms * mulaw.BYTES_PER_MS)
    for utterance in reading.utterances:
        lines = [line.text for line in written if line.reply == utterance.reply]
        reached = utterance.reached()
        fewest = utterance.words_by(reached - slack)[0] - 1
        most = utterance.words_by(reached + slack)[1]
        at_ms = utterance.pieces[-1].at_ms
        says = f"reply {utterance.reply}, of which {' '.join(utterance.words[:most])!r} was heard, "
        if len(lines) > 1:
            found.append(Violation("L3", at_ms, says + f"is {len(lines)} times in the history"))
        words = lines[0].split() if lines else []
        if words != utterance.words[: len(words)]:
            found.append(Violation("L3", at_ms, says + f"is {lines[0]!r} in the history"))
        elif not fewest <= len(words) <= most:
            found.append(Violation("L3", at_ms, says + f"is {' '.join(words)!r} in the history"))
    known = {utterance.reply for utterance in reading.utterances}
    found += [
        Violation("L3", trace.end.at_ms, f"{line.text!r} is in the history, and was never sent")
        for line in written
        if line.reply not in known
    ]
    return found


def _prompts_ahead(reading: Reading) -> Iterator[Violation]:
    slack = round(reading.round_trip_ms * mulaw.BYTES_PER_MS)
    for at_ms, prompt in reading.trace.prompts:
        for message in prompt.messages:
            words = message.text.split()
            if (
                message.role == "agent"
                and words
                and not any(
                    _begins(utterance, words, at_ms, slack) for utterance in reading.utterances
                )
            ):
                says = f"the language model is told that {message.text!r} was heard"
                yield Violation("L3", at_ms, says)


def _prompts_behind(reading: Reading) -> Iterator[Violation]:
    slack = round(reading.round_trip_ms * mulaw.BYTES_PER_MS)
    requests = [note for _, note in reading.notes if isinstance(note, notes.ReplyRequested)]
    for request, (at_ms, prompt) in zip(requests, reading.trace.prompts, strict=False):
        told = [one.text.split() for one in prompt.messages if one.role == "agent" and one.text]
        for utterance in reading.utterances:
            fewest = utterance.words_by(utterance.reached(at_ms) - slack)[0] - 1
            if utterance.reply >= request.reply or fewest < 1:
                continue
            if not any(words[:fewest] == utterance.words[:fewest] for words in told):
                heard = " ".join(utterance.words[:fewest])
                yield Violation("L3", at_ms, f"the language model is not told of {heard!r}")


def _begins(utterance: Utterance, words: list[str], at_ms: float, slack: int) -> bool:
    if utterance.words[: len(words)] != words:
        return False
    return len(words) <= utterance.words_by(utterance.reached(at_ms) + slack)[1]


def nothing_uncommitted(trace: Trace) -> list[Violation]:
    """L4. Before its turn is committed, nothing of a reply is spoken or done.

    Observed: frames on the line and runs of tools, against the journal's commits. When the
    first frame of a composed reply is sent (an acknowledgement before it counts as one), and
    when a tool with side effects begins to run, the turn that it answers was ``committed``, after
    an earlier reply began to be heard, and not ``abandoned`` since. No tolerance. Sound that the
    voice has made and nobody has sent is no violation.
    """
    reading = reading_of(trace)
    found = []
    for utterance in reading.utterances:
        first, reply = utterance.pieces[0], utterance.reply
        if utterance.composed and not is_committed(reading, reply, first.after):
            says = f"reply {utterance.reply} is spoken before the turn is committed"
            found.append(Violation("L4", utterance.pieces[0].at_ms, says))
    acting = {tool.name for tool in trace.scenario.tools if tool.changes}
    for index, note in reading.notes:
        if (
            isinstance(note, notes.ToolStarted)
            and note.tool in acting
            and not is_committed(reading, note.reply, index)
        ):
            found.append(Violation("L4", note.at_ms, f"{note.tool} runs before the commit"))
    return found


def answered(trace: Trace) -> list[Violation]:
    """L5. Every committed turn is answered, retracted into a longer turn, or ends with the call;
    and no words of the caller are lost.

    Observed: commits in the journal, sound on the line, and the history at the end.

    - After a commit comes sound of the agent, or a retraction, before the next commit.
    - The turn that is committed after a retraction contains the words of the one taken back,
      unless speech-to-text was lost for good meanwhile: then that one got a goodbye.
    - An open turn when the call ends is not older than the longest wait of the chart.
    - The caller's lines of the history are the turns that were committed and not taken back,
      in order (a late transcript may have corrected one).
    - Words of a final transcript are in some committed turn, or in its line of the history if
      they were said before it was committed and understood late. What the caller said on after a
      commit in mid-speech is in a later turn. Excepted is what was only a backchannel while the
      agent could be heard or waited for the caller, or thanks and goodbyes over an agent that
      takes its leave, or the agent's own or a machine's, or said as the call ended.
    - The agent ends the call, or passes it on, only with the reply that asked for it, a goodbye
      or a message; not while a turn is open, unless it was put through or nothing can be said.
      It does so when it was asked for, but not by a reply that was given up.
    - What is heard was asked for with the words of the turn; no word is taken up more often
      than it was said, or as final before it was.
    - A reply that failed is followed by an apology or a goodbye.
    - Speech-to-text that says nothing of what the caller said is given up.
    """
    reading = reading_of(trace)
    turns = _turns(reading)
    return [
        *_left_alone(reading, turns),
        *_unanswered(reading, turns),
        *_written_otherwise(reading, turns),
        *words_lost(reading, turns),
        *answers_the_turn(reading),
        *taken_up_once(reading, [turn.words for turn in turns if turn.fate != "retracted"]),
        *keeps_its_word(reading),
        *left_with_the_mute(reading),
    ]


def _turns(reading: Reading) -> list[Turn]:
    turns: list[Turn] = []
    for index, line in reading.events:
        last = turns[-1] if turns else None
        now_ms = line.event.at_ms
        if last is not None and last.fate == "open":
            if isinstance(line.event, events.AudioStarted):
                last.fate, last.fate_ms = "answered", now_ms
            elif reading.taken(line, "retract_turn"):
                last.fate, last.fate_ms = "retracted", now_ms
        if any(event == "committed" for _, event in line.took):
            turns.append(Turn(index, now_ms, line.words))
    return turns


def _unanswered(reading: Reading, turns: list[Turn]) -> Iterator[Violation]:
    limit_ms = silence_limit_ms(reading)
    deaf = next(
        (index for index, line in reading.events if reading.enters("go_deaf", line.states)), EVER_MS
    )
    taken_back = ""
    for number, turn in enumerate(turns):
        if number and turns[number - 1].index < deaf < turn.index:
            taken_back = ""
        if not _contains(turn.words, taken_back) and not _amended(reading, turn.at_ms):
            yield Violation("L5", turn.at_ms, f"{taken_back!r} was taken back and never answered")
        taken_back = turn.words if turn.fate == "retracted" else ""
        is_last = number == len(turns) - 1
        if turn.fate == "open":
            if not is_last:
                yield Violation("L5", turn.at_ms, f"{turn.words!r} was dropped for the next turn")
            elif reading.ended_ms - reading.last_sound_ms(turn.at_ms) > limit_ms:
                yield Violation("L5", turn.at_ms, f"{turn.words!r} was never answered")
        if turn.fate == "retracted" and is_last:
            waited_ms = reading.ended_ms - reading.last_sound_ms(turn.fate_ms)
            if waited_ms > limit_ms:
                yield Violation("L5", turn.at_ms, f"{turn.words!r} was taken back and forgotten")


def _left_alone(reading: Reading, turns: list[Turn]) -> Iterator[Violation]:
    """The call ended, or was passed on, and nothing had asked for that."""
    ends = passes_on = False
    for index, line in reading.events:
        event = line.event
        if any(raised == "abandoned" for _, raised in line.took):
            ends = passes_on = False
        if isinstance(event, events.EndAsked | events.TransferAsked) and line.took:
            asks = not _is_void(reading, index, event.reason)
            passes_on |= asks and isinstance(event, events.TransferAsked)
            ends |= asks and isinstance(event, events.EndAsked)
        ends |= reading.enters("go_deaf", line.states) or any(
            reading.taken(line, action) for action in GOODBYES
        )
        if isinstance(event, events.Transferred) and not passes_on:
            yield Violation("L5", event.at_ms, "the caller is put through, and nobody asked for it")
        if reading.has_ended(line) and isinstance(event, events.PlayedOut):
            if not ends:
                yield Violation("L5", event.at_ms, "the call is ended without a goodbye")
            if turns and turns[-1].fate == "open":
                yield Violation("L5", event.at_ms, f"{turns[-1].words!r} got a goodbye for answer")


def _is_void(reading: Reading, index: int, tool: str) -> bool:
    """Whether a tool asks for something although its reply was given up while it ran. (What the
    next reply asks for again, it asks when the tool is settled.)"""
    given_up = False
    for line in reversed(reading.trace.lines[:index]):
        if isinstance(line, journal.Note) and isinstance(line.note, notes.ToolStarted):
            if line.note.tool == tool:
                return given_up
        elif isinstance(line, journal.Event):
            if isinstance(line.event, events.ToolSettled) and line.event.tool == tool:
                return False
            given_up |= any(raised == "abandoned" for _, raised in line.took)
    return False


def _amended(reading: Reading, at_ms: float) -> bool:
    """Whether speech-to-text changed its mind, so that words may have become others."""
    seen: dict[int, tuple[str, ...]] = {}
    for _, event in reading.transcripts():
        words = normalized(event.text)
        before = seen.get(event.segment, ())
        if event.at_ms <= at_ms and words[: len(before)] != before:
            return True
        seen[event.segment] = words
    return False


def _contains(longer: str, shorter: str) -> bool:
    """Whether all words of one text are in another, in order."""
    rest = iter(normalized(longer))
    return all(word in rest for word in normalized(shorter))


def _written_otherwise(reading: Reading, turns: list[Turn]) -> Iterator[Violation]:
    end = reading.trace.end
    if end is None:
        return
    expected = [normalized(turn.words) for turn in turns if turn.fate != "retracted"]
    written = [normalized(line.text) for line in end.history if line.role == "caller"]
    corrected = any(reading.taken(line, "amend_history") for _, line in reading.events)
    if expected != written and not (corrected and len(expected) == len(written)):
        says = f"the caller's turns were {expected}, the history has {written}"
        yield Violation("L5", end.at_ms, says)
