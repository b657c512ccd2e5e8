"""The laws of the machinery: clean exits, once, the chart is the truth, isolation, bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, zip_longest

from effects.ears import SOUND_LIMIT
from engine import journal
from engine.interpreter import CALL, EXIT_MS
from engine.replay import replay
from engine.simulation.laws.reading import Reading, Violation, is_committed, reading_of
from engine.simulation.laws.utterances import EVER_MS
from engine.simulation.scenario import Recognition, ScriptedTool
from engine.simulation.trace import Trace
from states import mulaw, notes
from states.events import CallerIdle, Dtmf, SpeechStarted, ToolSettled, Transcript

SLACK_MS = 1.0
LONG_FRAME_MS = 200
"""The frames of the simulated carrier are not longer, and that only in silence."""


def clean_exits(trace: Trace) -> list[Violation]:
    """L8. What a state started is over before the next frame goes out; after the call nothing
    is left.

    Observed: the journal's effect lines, the frames on the line, the tasks and the providers'
    sessions ten seconds after the call.

    - An effect is told to stop when its state is no longer among the states after an event, or
      when it is started anew. Until its end (or, after ``EXIT_MS``, that it was abandoned) is in
      the journal, no frame crosses the line.
    - The journal says of every effect how it ended, but for the strays that its last line counts.
    - A reply is asked for only by an effect that runs.
    - A line from memory does not wait longer than ``EXIT_MS`` for what is leaving.
    - No event comes from an effect that was told to stop.
    - The journal has an end, and says there of no bug but one that the script has planted.
    - From the event that ended the call to its close: at most ``closing_ms`` twice (effects,
      carrier) and ``EXIT_MS``.
    - No task and no session of a provider is left in the end.
    """
    reading = reading_of(trace)
    found = [*_sound_while_leaving(reading), *_held_up(reading)]
    found += _ends_badly(trace)
    if trace.end is not None:
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


def _ends_badly(trace: Trace) -> Iterator[Violation]:
    ends = [line for line in trace.lines if isinstance(line, journal.End)]
    if len(ends) != 1:
        yield Violation("L8", trace.closed_ms, f"the journal has {len(ends)} ends")
    for end in ends:
        if end.reason not in ("ended", "stopped") and "a bug in the scripted" not in end.reason:
            yield Violation("L8", end.at_ms, f"a bug ended the call: {end.reason}")


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
            if line.by != CALL and all(line.by != one.effect for one in running.values()):
                says = f"{line.by} was stopped, and emits {line.event.name}"
                yield Violation("L8", line.event.at_ms, says)
            live = {*line.states, CALL}
            for number in [n for n, e in running.items() if e.state not in live]:
                leaving[number] = running.pop(number)
        elif isinstance(line, journal.Effect):
            if line.phase == "started":
                for number in [n for n, e in running.items() if _replaces(line, e)]:
                    leaving[number] = running.pop(number)
                running[line.number] = line
            else:
                running.pop(line.number, None)
                leaving.pop(line.number, None)
        elif isinstance(line, journal.Note) and _is_orphan(line, running.values()):
            yield Violation("L8", line.note.at_ms, "a draft is asked for that was given up")


def _is_orphan(line: journal.Note, running: Iterable[journal.Effect]) -> bool:
    """Whether the language model is asked for a reply that nothing composes any more."""
    asks = isinstance(line.note, notes.ReplyRequested)
    return asks and all(effect.effect != "compose" for effect in running)


def _held_up(reading: Reading) -> Iterator[Violation]:
    """Fixed lines that were ready, and not said at once."""
    if not reading.trace.scenario.phrases_rendered:
        return
    since_ms: float | None = None
    held = False
    for line in reading.trace.lines:
        if isinstance(line, journal.Event):
            held = reading.enters("hold_output", line.states)
            since_ms = since_ms if reading.runs("recite", line.states) and not held else None
        elif isinstance(line, journal.Effect) and line.effect == "recite":
            if line.phase == "started" and not held:
                since_ms = line.at_ms
        elif isinstance(line, journal.Note) and isinstance(line.note, notes.ClauseSent):
            if since_ms is not None and line.note.at_ms - since_ms > EXIT_MS + SLACK_MS:
                says = f"a line waited {line.note.at_ms - since_ms:.0f} ms for what was leaving"
                yield Violation("L8", line.note.at_ms, says)
            since_ms = None


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
    - The caller is put through at most once.
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
    if sum(crossed.kind == "transfer" for crossed in trace.crossed) > 1:
        found.append(Violation("L9", trace.closed_ms, "the caller is put through twice"))
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
            wanted = line.by == CALL or reading.runs("speak", line.states)
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


def isolated(trace: Trace) -> list[Violation]:
    """L11. A call goes the same way whatever happens to the calls beside it.

    Observed: the journal of a call that was held beside another, and of the same call held
    alone; line by line, times included. Exact. A call that was only held alone keeps it.
    """
    alone = trace.alone.journal if trace.alone is not None else trace.journal
    pairs = zip_longest(trace.journal, alone, fillvalue=b"nothing more")
    for place, (beside, usual) in enumerate(pairs):
        if beside != usual:
            last = reading_of(trace).event_before(place + 1)
            says = f"beside another: {beside.decode().strip()}; alone: {usual.decode().strip()}"
            return [Violation("L11", last.event.at_ms if last else 0.0, says)]
    return []


def bounded(trace: Trace) -> list[Violation]:
    """L12. Every queue has a limit, and what is dropped is counted.

    Observed: the sound that is in the carrier's buffer after each frame, the age of the sound
    that speech-to-text is given, the requests to the language model, the journal's notes.

    - The agent's sound is never more than ``lead_ms`` ahead of what is played.
    - Speech-to-text is never given sound older than its queue is long (``SOUND_LIMIT`` frames),
      or than it was stuck and connecting for, whichever is less; slack: one second. What came
      before a session began counts for the one before it.
    - A turn asks for at most ``draft_limit`` drafts and the one that is spoken, and one more for
      each time that another language model takes over. It ends with its commit, or when what was
      said came to nothing (on hold, say).
    - A silent caller is asked as often as the agent has prompts, and then let go.
    """
    reading = reading_of(trace)
    found = [*_too_far_ahead(reading), *_prompted_too_often(reading)]
    scripts = (trace.scenario.recognition, trace.scenario.spare.recognition)
    limit_ms = max(_behind_ms(reading, script) for script in scripts if script)
    if trace.latest_frame_ms > limit_ms + reading.tolerance_ms:
        says = f"speech-to-text is {trace.latest_frame_ms:.0f} ms behind"
        found.append(Violation("L12", trace.closed_ms, says))
    commits = [index for index, _, _ in reading.raised("committed")]
    for begins, ends in pairwise(sorted({0, *commits, *_fresh(reading), len(trace.lines)})):
        asked_ms = {
            note.reply: note.at_ms
            for index, note in reading.notes
            if isinstance(note, notes.ReplyRequested) and begins < index < ends
        }
        changes = sum(
            begins < index < ends and reading.taken(line, "change_mind")
            for index, line in reading.events
        )
        if len(asked_ms) > reading.settings.draft_limit + 1 + changes:
            says = f"{len(asked_ms)} replies were asked for one turn"
            found.append(Violation("L12", max(asked_ms.values()), says))
    return found


def _fresh(reading: Reading) -> Iterator[int]:
    """The journal lines at which the caller's words so far came to nothing."""
    states, before = reading.trace.chart.states, set[str]()
    for index, line in reading.events:
        entered = [state for state in line.states if state in states and state not in before]
        if reading.taken(line, "fresh_turn") or any(
            "fresh_turn" in states[state].enter for state in entered
        ):
            yield index
        before = set(line.states)


def _behind_ms(reading: Reading, script: Recognition) -> float:
    """How old the sound may be that a speech-to-text is given."""
    stuck_ms = min(_queue_ms(reading, script), 1000 * script.stuck_for)
    return stuck_ms + 1000 * script.connects + 1000


def _queue_ms(reading: Reading, script: Recognition) -> float:
    """How old the oldest sound in the queue of speech-to-text can be when it is stuck no more."""
    wire = reading.trace.scenario.wire
    if script.gated:
        return float(SOUND_LIMIT * max(wire.frame_ms, LONG_FRAME_MS))
    at_ms, frames, age_ms = 1000 * (script.stuck_at + script.stuck_for), 0.0, 0.0
    while frames < SOUND_LIMIT:
        age_ms += LONG_FRAME_MS
        from_ms = at_ms - age_ms
        speaks = any(v.from_ms <= from_ms <= v.to_ms - LONG_FRAME_MS for v in reading.voices)
        frames += LONG_FRAME_MS / wire.frame_ms if speaks else 1
    return age_ms


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


def _prompted_too_often(reading: Reading) -> Iterator[Violation]:
    times, most = 0, len(reading.head.agent.prompts) + 1
    for _, line in reading.events:
        if isinstance(line.event, SpeechStarted | Transcript | Dtmf):
            times = 0
        times += isinstance(line.event, CallerIdle) and bool(line.took)
        if times > most:
            yield Violation("L12", line.event.at_ms, f"a silent caller is asked {times} times")
            return
