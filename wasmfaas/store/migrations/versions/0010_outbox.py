"""What is to be sent to services elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("function_name", sa.String(140), nullable=False),
        sa.Column("destination", sa.String(512), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("body_bytes", sa.BigInteger, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("enqueued_at_ms", sa.BigInteger, nullable=False),
        sa.Column("due_at_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.Column("lease_owner", sa.String(36)),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("error", sa.Text),
    )
    op.create_index("outbox_due", "outbox", ["state", "destination", "due_at_ms"])
    op.create_index("outbox_ended", "outbox", ["state", "ended_at_ms"])
    op.create_index("outbox_event", "outbox", ["event_id"])
