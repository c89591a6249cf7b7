"""The built-in queue: queues, messages, what is not sent twice, and moves of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "message_queues",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("contents_id", sa.String(32), nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("dead_letter_queue", sa.String(80)),
        sa.Column("deduplicates_groups", sa.Integer, nullable=False),
        sa.Column("number_next", sa.BigInteger, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.Column("purged_at_ms", sa.BigInteger),
        sa.Index("message_queues_dead_letter_queue", "dead_letter_queue"),
    )
    op.create_table(
        "message_remains",
        sa.Column("contents_id", sa.String(32), primary_key=True),
    )
    op.create_table(
        "messages",
        sa.Column("contents_id", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text),
        sa.Column("trace_header", sa.Text),
        sa.Column("sender_id", sa.String(128), nullable=False),
        sa.Column("group_id", sa.String(128)),
        sa.Column("deduplication_id", sa.String(128)),
        sa.Column("source_queue", sa.String(80)),
        sa.Column("sent_at_ms", sa.BigInteger, nullable=False),
        sa.Column("visible_at_ms", sa.BigInteger, nullable=False),
        sa.Column("receives", sa.Integer, nullable=False),
        sa.Column("first_received_at_ms", sa.BigInteger),
        sa.Column("received_at_ms", sa.BigInteger),
        sa.Column("receipt", sa.String(32)),
        sa.PrimaryKeyConstraint("contents_id", "number", name="messages_pkey"),
        sa.Index("messages_visible", "contents_id", "visible_at_ms", "number"),
        sa.Index("messages_group", "contents_id", "group_id", "number"),
        sa.Index("messages_sent", "contents_id", "sent_at_ms"),
    )
    op.create_table(
        "message_deduplications",
        sa.Column("contents_id", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("contents_id", "digest", name="message_deduplications_pkey"),
        sa.Index("message_deduplications_expires_at_ms", "expires_at_ms"),
    )
    op.create_table(
        "message_moves",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("source_queue", sa.String(80), nullable=False),
        sa.Column("target_queue", sa.String(80)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rate_per_s", sa.Integer),
        sa.Column("to_move", sa.BigInteger, nullable=False),
        sa.Column("moved", sa.BigInteger, nullable=False),
        sa.Column("failure", sa.String(64)),
        sa.Column("number_end", sa.BigInteger, nullable=False),
        sa.Column("contents_id", sa.String(32), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger, nullable=False),
        sa.Index("message_moves_source_queue", "source_queue", "started_at_ms"),
    )
