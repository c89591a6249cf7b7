"""What is to be sent to services elsewhere, in the schema of `wasmfaas.store.schema`."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from wasmfaas.store.schema import METADATA

#: States are those of events: `queued`, `running`; `done`, `dead` and `expired`.
OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", String(64), primary_key=True),
    #: What it came of; it may have been deleted meanwhile.
    Column("event_id", String(64), nullable=False),
    Column("function_name", String(140), nullable=False),
    #: An ARN or a URL.
    Column("destination", String(512), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_bytes", BigInteger, nullable=False),
    #: A JSON object of message attributes: text, or whole numbers.
    Column("attributes", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    #: Attempts since it was enqueued last.
    Column("failures", Integer, nullable=False),
    Column("enqueued_at_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("lease_owner", String(36)),
    Column("lease_until_ms", BigInteger),
    #: Why the last attempt failed.
    Column("error", Text),
    Index("outbox_due", "state", "destination", "due_at_ms"),
    Index("outbox_ended", "state", "ended_at_ms"),
    Index("outbox_event", "event_id"),
)
