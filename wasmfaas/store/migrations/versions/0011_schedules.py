"""Schedules, their groups, rules with their targets, occurrences; what of them an event keeps."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    groups = op.create_table(
        "schedule_groups",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("client_token", sa.String(64)),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
    )
    now_ms = time.time_ns() // 1_000_000
    default = {
        "name": "default",
        "tags": "{}",
        "created_at_ms": now_ms,
        "modified_at_ms": now_ms,
    }
    op.bulk_insert(groups, [default])
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("family", sa.String(16), nullable=False),
        sa.Column("group_name", sa.String(256), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("configuration", sa.Text, nullable=False),
        sa.Column("pattern", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("client_token", sa.String(64)),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.Column("anchor_ms", sa.BigInteger, nullable=False),
        sa.Column("next_at_ms", sa.BigInteger),
        sa.Column("due_at_ms", sa.BigInteger),
        sa.Column("last_at_ms", sa.BigInteger),
        sa.Column("fired", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.UniqueConstraint(
            "family", "group_name", "name", name="schedules_family_group_name_name_key"
        ),
        sa.Index("schedules_due_at_ms", "due_at_ms"),
    )
    op.create_table(
        "rule_targets",
        _schedule_id("rule_targets_schedule_id_fkey"),
        sa.Column("target_id", sa.String(64), nullable=False),
        sa.Column("arn", sa.Text, nullable=False),
        sa.Column("configuration", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", "target_id", name="rule_targets_pkey"),
    )
    op.create_table(
        "occurrences",
        _schedule_id("occurrences_schedule_id_fkey"),
        sa.Column("scheduled_at_ms", sa.BigInteger, nullable=False),
        sa.Column("fired_at_ms", sa.BigInteger, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", "scheduled_at_ms", name="occurrences_pkey"),
        sa.Index("occurrences_fired_at_ms", "fired_at_ms"),
    )
    op.add_column("events", sa.Column("retries_max", sa.Integer))
    op.add_column("events", sa.Column("age_s_max", sa.Integer))
    op.add_column("events", sa.Column("dead_letter", sa.Text))


def _schedule_id(key: str) -> sa.Column[str]:
    parent = sa.ForeignKey("schedules.id", name=key, ondelete="CASCADE")
    return sa.Column("schedule_id", sa.String(36), parent, nullable=False)
