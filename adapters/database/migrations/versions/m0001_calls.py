"""Calls, their turns, transcripts, tool calls and takeovers; what was erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loaded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("chart", sa.String(), nullable=False),
        sa.Column("chart_digest", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("called", sa.String(), nullable=False),
        sa.Column("number_hash", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("interruptions", sa.Integer(), nullable=False),
        sa.Column("false_alarms", sa.Integer(), nullable=False),
        sa.Column("strays", sa.Integer(), nullable=False),
        sa.Column("troubles", sa.Integer(), nullable=False),
        sa.Column("has_words", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index(op.f("ix_calls_call_id"), "calls", ["call_id"], unique=False)
    op.create_index(op.f("ix_calls_number_hash"), "calls", ["number_hash"], unique=False)
    op.create_index(op.f("ix_calls_started"), "calls", ["started"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("erased", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_table(
        "takeovers",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.Float(), nullable=False),
        sa.Column("port", sa.String(), nullable=False),
        sa.Column("failed", sa.String(), nullable=False),
        sa.Column("instead", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call"], ["calls.id"], name=op.f("fk_takeovers_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call", "position", name=op.f("pk_takeovers")),
    )
    op.create_table(
        "tool_calls",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.Float(), nullable=False),
        sa.Column("took_ms", sa.Float(), nullable=True),
        sa.Column("reply", sa.Integer(), nullable=False),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("changes", sa.Boolean(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call"], ["calls.id"], name=op.f("fk_tool_calls_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call", "position", name=op.f("pk_tool_calls")),
    )
    op.create_table(
        "transcripts",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reply", sa.Integer(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call"], ["calls.id"], name=op.f("fk_transcripts_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call", "position", name=op.f("pk_transcripts")),
    )
    op.create_table(
        "turns",
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("heard", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=True),
        sa.Column("committed_ms", sa.Float(), nullable=True),
        sa.Column("voice_ended_ms", sa.Float(), nullable=True),
        sa.Column("transcript_final_ms", sa.Float(), nullable=True),
        sa.Column("requested_ms", sa.Float(), nullable=True),
        sa.Column("first_token_ms", sa.Float(), nullable=True),
        sa.Column("first_clause_ms", sa.Float(), nullable=True),
        sa.Column("voice_requested_ms", sa.Float(), nullable=True),
        sa.Column("first_speech_ms", sa.Float(), nullable=True),
        sa.Column("audio_started_ms", sa.Float(), nullable=True),
        sa.Column("first_clause_sent_ms", sa.Float(), nullable=True),
        sa.Column("first_clause_heard_ms", sa.Float(), nullable=True),
        sa.Column("interrupted_ms", sa.Float(), nullable=True),
        sa.Column("ended_ms", sa.Float(), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=True),
        sa.Column("endpoint_took_ms", sa.Float(), nullable=True),
        sa.Column("mind_took_ms", sa.Float(), nullable=True),
        sa.Column("voice_took_ms", sa.Float(), nullable=True),
        sa.Column("playout_took_ms", sa.Float(), nullable=True),
        sa.Column("reply", sa.Integer(), nullable=True),
        sa.Column("drafts", sa.Integer(), nullable=False),
        sa.Column("hedges", sa.Integer(), nullable=False),
        sa.Column("chars_composed", sa.Integer(), nullable=False),
        sa.Column("chars_heard", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_cached", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("tokens_wasted", sa.Integer(), nullable=False),
        sa.Column("recogniser", sa.String(), nullable=False),
        sa.Column("mind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("voice", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call"], ["calls.id"], name=op.f("fk_turns_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call", "number", name=op.f("pk_turns")),
    )


def downgrade() -> None:
    for table in ("erasures", "takeovers", "tool_calls", "transcripts", "turns", "calls"):
        op.drop_table(table)
