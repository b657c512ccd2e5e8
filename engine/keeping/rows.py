"""A call as rows: what the tables keep of a journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert

from adapters.database import tables
from engine.errors import JournalError
from engine.inspector.summary import Summary
from engine.journal import AnyLine, End, Event, Head, Note
from engine.keeping.numbers import Numbers
from engine.turns import TurnRecord
from states import events, notes

Row = dict[str, Any]
"""A row as SQLAlchemy takes it: columns by name."""

_STAGES = ("endpoint", "mind", "voice", "playout")


@dataclass(frozen=True, slots=True)
class CallRows:
    """All rows of one call, the call's own first."""

    call: Row
    parts: Sequence[tuple[Table, list[Row]]]

    def insert(self, connection: Connection) -> None:
        """Write them."""
        connection.execute(insert(tables.calls), self.call)
        for table, rows in self.parts:
            if rows:
                connection.execute(insert(table), rows)


def rows_of(name: str, lines: Sequence[AnyLine], troubles: int, numbers: Numbers) -> CallRows:
    """The rows of a journal's lines, which begin with a head. ``name`` is the journal's, without
    its ending; ``troubles`` counts lines that could not be read. Raises :class:`JournalError`
    where the head makes no sense."""
    head = lines[0]
    assert isinstance(head, Head), "a reading begins with its head"
    summary = Summary.of(lines)
    told = summary.told(live=False)
    assert told is not None
    end = next((line for line in reversed(lines) if isinstance(line, End)), None)
    party = numbers.kept(head)
    call: Row = {
        "id": name,
        "call_id": _text(head.call_id),
        "stream_id": _text(head.stream_id),
        "started": started_of(head),
        "loaded": datetime.now(UTC),
        "agent": _text(head.agent.name),
        "chart": _text(head.chart),
        "chart_digest": _text(head.chart_digest),
        "direction": _text(head.direction),
        "caller": _text(party.caller),
        "called": _text(party.called),
        "number_hash": party.number_hash,
        "outcome": told.outcome,
        "reason": _text(told.reason),
        "duration_ms": told.duration_ms,
        "turns": told.turns,
        "interruptions": told.interruptions,
        "false_alarms": told.false_alarms,
        "strays": end.strays if end else 0,
        "troubles": troubles,
        "has_words": True,
    }
    records = summary.turns.records
    parts = [
        (tables.turns, [_turn(name, record) for record in records]),
        (tables.transcripts, _transcript(name, end)),
        (tables.tool_calls, _tool_calls(name, lines)),
        (tables.takeovers, _takeovers(name, records)),
    ]
    return CallRows(call, parts)


def started_of(head: Head) -> datetime:
    """When a call began, in UTC. Raises :class:`JournalError`."""
    try:
        started = datetime.fromisoformat(head.started)
    except ValueError:
        raise JournalError(f"a head that does not say when: {head.started!r}") from None
    return started if started.tzinfo else started.replace(tzinfo=UTC)


def _turn(name: str, record: TurnRecord) -> Row:
    reply, stages = record.reply, record.stages
    return {
        "call": name,
        "number": record.number,
        "words": _text(record.words),
        "heard": _text(record.heard),
        "outcome": record.outcome,
        "endpoint": record.endpoint,
        "committed_ms": record.committed_ms,
        "voice_ended_ms": record.voice_ended_ms,
        "transcript_final_ms": record.transcript_final_ms,
        "requested_ms": reply.requested_ms,
        "first_token_ms": reply.first_token_ms,
        "first_clause_ms": reply.first_clause_ms,
        "voice_requested_ms": reply.voice_requested_ms,
        "first_speech_ms": reply.first_speech_ms,
        "audio_started_ms": record.audio_started_ms,
        "first_clause_sent_ms": reply.first_clause_sent_ms,
        "first_clause_heard_ms": reply.first_clause_heard_ms,
        "interrupted_ms": record.interrupted_ms,
        "ended_ms": record.ended_ms,
        "latency_ms": record.latency_ms,
        **{f"{stage}_took_ms": stages.get(stage) for stage in _STAGES},
        "reply": record.reply_number,
        "drafts": record.drafts,
        "hedges": reply.hedges,
        "chars_composed": reply.chars_composed,
        "chars_heard": len(record.heard),
        "tokens_in": reply.tokens_in,
        "tokens_cached": reply.tokens_cached,
        "tokens_out": reply.tokens_out,
        "tokens_wasted": record.tokens_wasted,
        "recogniser": record.recogniser,
        "mind": reply.mind,
        "model": _text(reply.model),
        "voice": reply.voice,
        "request_id": _text(reply.request_id),
    }


def _transcript(name: str, end: End | None) -> list[Row]:
    return [
        {
            "call": name,
            "position": position,
            "role": line.role,
            "text": _text(line.text),
            "reply": line.reply,
            "interrupted": line.interrupted,
        }
        for position, line in enumerate(end.history if end else [])
    ]


def _tool_calls(name: str, lines: Sequence[AnyLine]) -> list[Row]:
    rows: list[Row] = []
    begun: dict[tuple[int, str], list[float]] = {}
    for line in lines:
        match line:
            case Note(note=notes.ToolStarted(at_ms=at_ms, reply=reply, tool=tool)):
                begun.setdefault((reply, tool), []).append(at_ms)
            case Event(event=events.ToolSettled() as settled):
                times = begun.get((settled.reply, settled.tool))
                begun_ms = times.pop(0) if times else None
                rows.append(
                    {
                        "call": name,
                        "position": len(rows),
                        "at_ms": settled.at_ms if begun_ms is None else begun_ms,
                        "took_ms": None if begun_ms is None else settled.at_ms - begun_ms,
                        "reply": settled.reply,
                        "tool": _text(settled.tool),
                        "outcome": settled.outcome,
                        "changes": settled.changes,
                        "arguments": _text(settled.arguments),
                        "result": _text(settled.result),
                    }
                )
    return rows


def _takeovers(name: str, records: Sequence[TurnRecord]) -> list[Row]:
    every = [(record.number, takeover) for record in records for takeover in record.takeovers]
    return [
        {
            "call": name,
            "position": position,
            "turn": turn,
            "at_ms": takeover.at_ms,
            "port": takeover.port,
            "failed": takeover.failed,
            "instead": takeover.instead,
            "reason": _text(takeover.reason),
        }
        for position, (turn, takeover) in enumerate(every)
    ]


def _text(text: str) -> str:
    """A text that every database takes: PostgreSQL knows no NUL."""
    return text.replace("\0", "")
