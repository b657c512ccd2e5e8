"""The tables, as the latest migration leaves them.

    calls ─┬─ turns          one for each turn of the caller, with where its time went
           ├─ transcripts    the conversation as it was heard, line by line
           ├─ tool_calls     what was asked of tools, and what came of it
           └─ takeovers      a provider failed and another took its place
    erasures                 what was erased, so that it stays so

A call's ``id`` is the name of its journal, because a carrier may bring the same call twice. Times
of the wall are UTC; ``_ms`` are milliseconds of the call. What holds words can be emptied.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """A time of the wall, in UTC; SQLite forgets the zone and is told it again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is stored."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is read."""
        if value is None or value.tzinfo:
            return value
        return value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _call() -> Column[str]:
    return Column("call", ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)


def _at_ms(name: str) -> Column[float]:
    return Column(name, Float)


calls = Table(
    "calls",
    metadata,
    Column("id", String, primary_key=True),
    Column("call_id", String, nullable=False, index=True),
    Column("stream_id", String, nullable=False),
    Column("started", Moment, nullable=False, index=True),
    Column("loaded", Moment, nullable=False),
    Column("agent", String, nullable=False),
    Column("chart", String, nullable=False),
    Column("chart_digest", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("called", String, nullable=False),
    Column("number_hash", String, nullable=False, index=True),
    Column("outcome", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("false_alarms", Integer, nullable=False),
    Column("strays", Integer, nullable=False),
    Column("troubles", Integer, nullable=False),  # lines of the journal that could not be read
    Column("has_words", Boolean, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    _call(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("words", Text),
    Column("heard", Text),
    Column("outcome", String, nullable=False),
    Column("endpoint", String),
    *map(_at_ms, ("committed_ms", "voice_ended_ms", "transcript_final_ms")),
    *map(_at_ms, ("requested_ms", "first_token_ms", "first_clause_ms")),
    *map(_at_ms, ("voice_requested_ms", "first_speech_ms", "audio_started_ms")),
    *map(_at_ms, ("first_clause_sent_ms", "first_clause_heard_ms")),
    *map(_at_ms, ("interrupted_ms", "ended_ms", "latency_ms")),
    *map(_at_ms, ("endpoint_took_ms", "mind_took_ms", "voice_took_ms", "playout_took_ms")),
    Column("reply", Integer),
    Column("drafts", Integer, nullable=False),
    Column("hedges", Integer, nullable=False),
    Column("chars_composed", Integer, nullable=False),
    Column("chars_heard", Integer, nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_cached", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("tokens_wasted", Integer, nullable=False),
    Column("recogniser", String, nullable=False),
    Column("mind", String, nullable=False),
    Column("model", String, nullable=False),
    Column("voice", String, nullable=False),
    Column("request_id", String, nullable=False),
)

transcripts = Table(
    "transcripts",
    metadata,
    _call(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("role", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("reply", Integer, nullable=False),
    Column("interrupted", Boolean, nullable=False),
)

tool_calls = Table(
    "tool_calls",
    metadata,
    _call(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", Float, nullable=False),
    Column("took_ms", Float),
    Column("reply", Integer, nullable=False),
    Column("tool", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("changes", Boolean, nullable=False),
    Column("arguments", Text),
    Column("result", Text),
)

takeovers = Table(
    "takeovers",
    metadata,
    _call(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("turn", Integer, nullable=False),
    Column("at_ms", Float, nullable=False),
    Column("port", String, nullable=False),
    Column("failed", String, nullable=False),
    Column("instead", String, nullable=False),
    Column("reason", Text, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),  # call, number or before
    Column("value", String, nullable=False),
    Column("erased", Moment, nullable=False),
)
