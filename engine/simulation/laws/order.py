"""The laws of the machinery: clean exits, once, the chart is the truth, isolation, bounds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from effects.ears import SOUND_LIMIT
from engine import journal
from engine.interpreter import CALL, EXIT_MS
from engine.replay import replay
from engine.simulation.laws.reading import Reading, Violation, is_committed, reading_of
from engine.simulation.laws.utterances import EVER_MS
from engine.simulation.scenario import ScriptedTool
from engine.simulation.trace import Trace
from states import mulaw, notes
from states.events import ToolSettled

SLACK_MS = 1.0


def clean_exits(trace: Trace) -> list[Violation]:
    """L8. What a state started is over before the next frame goes out; after the call nothing
    is left.

    Observed: the journal's effect lines, the frames on the line, the tasks and the providers'
    sessions ten seconds after the call.

    - An effect is told to stop when its state is no longer among the states after an event, or
      when it is started anew. Until its end (or, after ``EXIT_MS``, that it was abandoned) is in
      the journal, no frame crosses the line.
    - The journal has a last line, and says of every effect how it ended, but for the strays that
      its last line counts.
    - From the event that ended the call to its close: at most ``closing_ms`` twice (effects,
      carrier) and ``EXIT_MS``.
    - No task and no session of a provider is left in the end.
    """
    reading = reading_of(trace)
    found = list(_sound_while_leaving(reading))
    if trace.end is None:
        found.append(Violation("L8", trace.closed_ms, "the journal has no last line"))
    else:
        unfinished = len(_unfinished(reading))
        if unfinished != trace.end.strays:
            says = f"{unfinished} effects have no end, the journal counts {trace.end.strays} strays"
            found.append(Violation("L8", trace.end.at_ms, says))
    closing_ms = trace.closed_ms - reading.ended_ms
    limit_ms = 2 * reading.settings.closing_ms + EXIT_MS + SLACK_MS + reading.round_trip_ms / 2
    if closing_ms > limit_ms:
        found.append(Violation("L8", reading.ended_ms, f"closing took {closing_ms:.0f} ms"))
    if trace.tasks_left or trace.sessions_left:
        says = (
            f"{trace.tasks_left} tasks and {trace.sessions_left} sessions are left after the call"
        )
        found.append(Violation("L8", trace.closed_ms, says))
    return found


def _sound_while_leaving(reading: Reading) -> Iterator[Violation]:
    frames = iter([crossed for crossed in reading.trace.crossed if crossed.kind == "media"])
    frame = next(frames, None)
    running: dict[int, journal.Effect] = {}
    leaving: dict[int, journal.Effect] = {}
    for index, line in enumerate(reading.trace.lines):
        while frame is not None and frame.after <= index:
            for effect in leaving.values():
                says = (
                    f"a frame goes out while {effect.effect} of '{effect.state}' is still leaving"
                )
                yield Violation("L8", frame.at_ms, says)
            frame = next(frames, None)
        if isinstance(line, journal.Event) and line.states:
            for number in [n for n, e in running.items() if e.state not in (*line.states, CALL)]:
                leaving[number] = running.pop(number)
        elif isinstance(line, journal.Effect):
            if line.phase == "started":
                for number in [n for n, e in running.items() if _replaces(line, e)]:
                    leaving[number] = running.pop(number)
                running[line.number] = line
            else:
                running.pop(line.number, None)
                leaving.pop(line.number, None)


def _replaces(new: journal.Effect, old: journal.Effect) -> bool:
    return new.state == old.state != CALL and new.effect == old.effect


def _unfinished(reading: Reading) -> set[int]:
    open_effects: set[int] = set()
    for line in reading.trace.lines:
        if isinstance(line, journal.Effect):
            if line.phase == "started":
                open_effects.add(line.number)
            elif line.phase != "abandoned":
                open_effects.discard(line.number)
    return open_effects


def once(trace: Trace) -> list[Violation]:
    """L9. A side effect is done at most once for one intent, and what became of it is known.

    Observed: the runs that the tools themselves counted, and the history at the end.

    - An intent is a tool with its arguments within one turn of the caller, from its first
      commit to the commit of the next turn (a turn that is taken back and committed again is
      the same). It runs at most once.
    - Each run of such a tool is settled in the journal and stands in the history, once.
    - A surviving read that began after the commit is not begun anew for its intent before it is
      settled, nor after it was done. Once its turn is committed, its result stands in the history,
      once.
    """
    reading = reading_of(trace)
    acting = {tool.name for tool in trace.scenario.tools if tool.changes}
    found = []
    for tool in sorted(acting):
        runs = [(_turn_at(reading, at_ms), arguments) for at_ms, arguments in trace.tool_log[tool]]
        found += [
            Violation("L9", trace.closed_ms, f"{tool} ran {runs.count(run)} times for one intent")
            for run in sorted(set(runs))
            if runs.count(run) > 1
        ]
    started = [n for _, n in reading.notes if isinstance(n, notes.ToolStarted) and n.tool in acting]
    settled = [
        line.event
        for _, line in reading.events
        if isinstance(line.event, ToolSettled) and line.event.changes
    ]
    if len(started) != len(settled):
        says = f"{len(started)} side effects began, {len(settled)} are settled"
        found.append(Violation("L9", trace.closed_ms, says))
    if trace.end is not None:
        written = [line.use.call_id for line in trace.end.history if line.use and line.use.changes]
        if sorted(written) != sorted(event.call_id for event in settled):
            says = f"side effects {[e.call_id for e in settled]} are settled, history has {written}"
            found.append(Violation("L9", trace.end.at_ms, says))
    return [*found, *_reads_wasted(reading), *_reads_lost(reading)]


def _reads_wasted(reading: Reading) -> Iterator[Violation]:
    trace = reading.trace
    for tool in (tool.name for tool in trace.scenario.tools if survives(tool)):
        known: dict[tuple[int, str], float] = {}
        started = [
            (index, note.reply)
            for index, note in reading.notes
            if isinstance(note, notes.ToolStarted) and note.tool == tool
        ]
        for (index, reply), (at_ms, arguments) in zip(started, trace.tool_log[tool], strict=False):
            intent = _turn_at(reading, at_ms), arguments
            if not is_committed(reading, reply, index):
                continue
            if at_ms < known.get(intent, 0.0):
                says = f"{tool} is run again although its answer is known, or will be"
                yield Violation("L9", at_ms, says)
            known[intent] = _needed_until_ms(reading, index, reply, tool)


def _needed_until_ms(reading: Reading, index: int, reply: int, tool: str) -> float:
    """Until when a run that began at a journal line makes another one needless."""
    for later, line in reading.events:
        event = line.event
        if later <= index or not isinstance(event, ToolSettled):
            continue
        if event.reply == reply and event.tool == tool:
            return EVER_MS if event.outcome == "done" else event.at_ms
    return EVER_MS


def _reads_lost(reading: Reading) -> Iterator[Violation]:
    end = reading.trace.end
    if end is None:
        return
    written = [line.use.call_id for line in end.history if line.use]
    for _, line in reading.events:
        event = line.event
        if isinstance(event, ToolSettled) and event.survives and not event.changes:
            wanted = line.by == CALL or "voiced" in line.states
            times = written.count(event.call_id)
            if times > 1 or (wanted and times == 0):
                says = f"what {event.tool} read is {times} times in the history"
                yield Violation("L9", event.at_ms, says)


def survives(tool: ScriptedTool) -> bool:
    """Whether a tool that only reads is finished although its reply is given up."""
    return tool.survives and not tool.changes


def _turn_at(reading: Reading, at_ms: float) -> int:
    """Which turn of the caller was answered at a moment: commits less retractions."""
    number = 0
    for _, line in reading.events:
        if line.event.at_ms > at_ms:
            break
        number -= reading.taken(line, "retract_turn") and number > 0 and _was_committed(line)
        number += any(event == "committed" for _, event in line.took)
    return number


def _was_committed(line: journal.Event) -> bool:
    return any(event == "abandoned" for _, event in line.took)


def chart_is_the_truth(trace: Trace) -> list[Violation]:
    """L10. Every transition taken is in the file, and a replay of the journal takes the same.

    Observed: the journal's event lines; a fresh machine on the same chart. Exact.
    """
    reading = reading_of(trace)
    transitions = trace.chart.transitions
    for _, line in reading.events:
        for number, event in line.took:
            if not (number < len(transitions) and transitions[number].event == event):
                says = f"transition {number} on {event} is not in the chart"
                return [Violation("L10", line.event.at_ms, says)]
    difference = replay(trace.lines, trace.chart).difference
    return [Violation("L10", difference.at_ms, str(difference))] if difference else []


def isolated(together: Trace, alone: Trace) -> list[Violation]:
    """L11. A call goes the same way whatever happens to the calls beside it.

    Observed: the journal of a call that was held beside others, and of the same call held
    alone; line by line, times included. Exact.
    """
    for first, second in zip(together.journal, alone.journal, strict=False):
        if first != second:
            return [Violation("L11", 0.0, f"beside others: {first!r}; alone: {second!r}")]
    if len(together.journal) != len(alone.journal):
        return [Violation("L11", 0.0, f"{len(together.journal)} lines, {len(alone.journal)} alone")]
    return []


def bounded(trace: Trace) -> list[Violation]:
    """L12. Every queue has a limit, and what is dropped is counted.

    Observed: the sound that is in the carrier's buffer after each frame, the age of the sound
    that speech-to-text is given, the requests to the language model, the journal's notes.

    - The agent's sound is never more than ``lead_ms`` ahead of what is played.
    - Speech-to-text is never given sound older than its queue is long (``SOUND_LIMIT`` frames),
      or than it was stuck and connecting for, whichever is less; slack: one second.
    - A turn asks for at most ``draft_limit`` drafts and the one that is spoken. It ends with its
      commit, or when nobody says anything any more.
    """
    reading = reading_of(trace)
    found = list(_too_far_ahead(reading))
    wire, script = trace.scenario.wire, trace.scenario.recognition
    queue_ms = SOUND_LIMIT * max(wire.frame_ms, 200)
    limit_ms = min(queue_ms, 1000 * (script.stuck_for + script.connects) + 1000)
    if trace.latest_frame_ms > limit_ms + reading.tolerance_ms:
        says = f"speech-to-text is {trace.latest_frame_ms:.0f} ms behind"
        found.append(Violation("L12", trace.closed_ms, says))
    commits = [index for index, _, _ in reading.raised("committed")]
    turns = sorted([0, *commits, *_dismissed(reading), len(trace.lines)])
    for begins, ends in pairwise(turns):
        requests = [
            note
            for index, note in reading.notes
            if isinstance(note, notes.ReplyRequested) and note.round == 1 and begins < index < ends
        ]
        if len(requests) > reading.settings.draft_limit + 1:
            says = f"{len(requests)} replies were asked for one turn"
            found.append(Violation("L12", requests[-1].at_ms, says))
    return found


def _dismissed(reading: Reading) -> Iterator[int]:
    """The events after which nobody says anything any more: what was said led nowhere."""
    quiet = True
    for index, line in reading.events:
        was_quiet, quiet = quiet, bool({"waiting", "on_hold"} & set(line.states))
        if quiet and not was_quiet:
            yield index


def _too_far_ahead(reading: Reading) -> Iterator[Violation]:
    ends_ms, limit_ms = 0.0, reading.settings.lead_ms + SLACK_MS
    for crossed in reading.trace.crossed:
        if crossed.kind == "clear":
            ends_ms = crossed.at_ms
        elif crossed.kind == "media":
            ends_ms = max(ends_ms, crossed.at_ms) + mulaw.duration_ms(crossed.audio)
            if ends_ms - crossed.at_ms > limit_ms:
                says = f"{ends_ms - crossed.at_ms:.0f} ms of sound are ahead of the caller"
                yield Violation("L12", crossed.at_ms, says)
