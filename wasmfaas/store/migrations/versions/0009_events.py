"""Events: invocations that wait, what became of them, and each attempt."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("function_name", sa.String(140), nullable=False),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("payload_bytes", sa.BigInteger, nullable=False),
        sa.Column("client_context", sa.Text),
        sa.Column("trace_id", sa.Text),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("delays", sa.Integer, nullable=False),
        sa.Column("enqueued_at_ms", sa.BigInteger, nullable=False),
        sa.Column("due_at_ms", sa.BigInteger, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.Column("lease_owner", sa.String(36)),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("condition", sa.String(64)),
        sa.Column("error", sa.Text),
        sa.Column("sent_to", sa.Text),
    )
    op.create_index("events_due", "events", ["state", "function_name", "due_at_ms"])
    op.create_index("events_ended", "events", ["state", "ended_at_ms"])
    op.create_table(
        "event_attempts",
        sa.Column(
            "event_id",
            sa.String(64),
            sa.ForeignKey("events.id", name="event_attempts_event_id_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger, nullable=False),
        sa.Column("fuel", sa.BigInteger),
        sa.Column("error_type", sa.String(256)),
        sa.PrimaryKeyConstraint("event_id", "attempt", name="event_attempts_pkey"),
    )
    op.create_table(
        "event_keys",
        sa.Column("function_name", sa.String(140), nullable=False),
        sa.Column("idempotency_key", sa.String(256), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("function_name", "idempotency_key", name="event_keys_pkey"),
        sa.Index("event_keys_expires_at_ms", "expires_at_ms"),
    )
