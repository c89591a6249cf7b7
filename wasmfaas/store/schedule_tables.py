"""Tables of schedules: those of EventBridge Scheduler, and rules of EventBridge. Timestamps are
Unix time in milliseconds, JSON is stored as text."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from wasmfaas.store.schema import METADATA

SCHEDULE_GROUPS = Table(
    "schedule_groups",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("tags", Text, nullable=False),
    Column("client_token", String(64)),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
)

#: `family` tells schedules from rules; the group of a rule is its event bus. What is not enabled or
#: has no time any more has no `due_at_ms`; `next_at_ms` is the occurrence that is due then, which
#: differs where it is spread over a window. `revision` counts changes, but not occurrences.
SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("family", String(16), nullable=False),
    Column("group_name", String(256), nullable=False),
    Column("name", String(64), nullable=False),
    Column("state", String(64), nullable=False),
    Column("configuration", Text, nullable=False),
    #: The event pattern of a rule that has one.
    Column("pattern", Text),
    Column("tags", Text, nullable=False),
    Column("client_token", String(64)),
    Column("revision", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    #: What rates count from.
    Column("anchor_ms", BigInteger, nullable=False),
    Column("next_at_ms", BigInteger),
    Column("due_at_ms", BigInteger),
    #: The last occurrence that was fired; how many were, and how many were missed.
    Column("last_at_ms", BigInteger),
    Column("fired", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    UniqueConstraint("family", "group_name", "name", name="schedules_family_group_name_name_key"),
    Index("schedules_due_at_ms", "due_at_ms"),
)

RULE_TARGETS = Table(
    "rule_targets",
    METADATA,
    Column(
        "schedule_id",
        String(36),
        ForeignKey("schedules.id", name="rule_targets_schedule_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("target_id", String(64), nullable=False),
    Column("arn", Text, nullable=False),
    Column("configuration", Text, nullable=False),
    PrimaryKeyConstraint("schedule_id", "target_id", name="rule_targets_pkey"),
)

#: An occurrence is a row, made in the transaction that enqueues its events: whoever comes second
#: finds it there.
OCCURRENCES = Table(
    "occurrences",
    METADATA,
    Column(
        "schedule_id",
        String(36),
        ForeignKey("schedules.id", name="occurrences_schedule_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("scheduled_at_ms", BigInteger, nullable=False),
    Column("fired_at_ms", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    PrimaryKeyConstraint("schedule_id", "scheduled_at_ms", name="occurrences_pkey"),
    Index("occurrences_fired_at_ms", "fired_at_ms"),
)
