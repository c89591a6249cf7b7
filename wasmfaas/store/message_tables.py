"""The tables of the built-in queue. Timestamps are Unix time in milliseconds, JSON is text."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from wasmfaas.store.schema import METADATA

#: `attributes` are those that were set, `tags` a JSON object. Messages belong to the queue's
#: `contents_id`: a queue that is purged gets another, so that purging takes as long for a million.
MESSAGE_QUEUES = Table(
    "message_queues",
    METADATA,
    Column("name", String(80), primary_key=True),
    Column("contents_id", String(32), nullable=False),
    Column("attributes", Text, nullable=False),
    Column("tags", Text, nullable=False),
    #: The queue that its redrive policy names, whether or not that exists.
    Column("dead_letter_queue", String(80)),
    #: 1 where deduplication ids count for each message group: fixed when the queue is created.
    Column("deduplicates_groups", Integer, nullable=False),
    #: The number of the message that is sent next, and how many messages there are.
    Column("number_next", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    Column("purged_at_ms", BigInteger),
    Index("message_queues_dead_letter_queue", "dead_letter_queue"),
)

#: What is left of queues that were purged or deleted, and goes bit by bit.
MESSAGE_REMAINS = Table(
    "message_remains",
    METADATA,
    Column("contents_id", String(32), primary_key=True),
)

#: `receipt` is the secret of the last receive.
MESSAGES = Table(
    "messages",
    METADATA,
    Column("contents_id", String(32), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("id", String(36), nullable=False),
    Column("body", Text, nullable=False),
    Column("attributes", Text),
    Column("trace_header", Text),
    Column("sender_id", String(128), nullable=False),
    Column("group_id", String(128)),
    Column("deduplication_id", String(128)),
    Column("source_queue", String(80)),
    Column("sent_at_ms", BigInteger, nullable=False),
    Column("visible_at_ms", BigInteger, nullable=False),
    Column("receives", Integer, nullable=False),
    Column("first_received_at_ms", BigInteger),
    Column("received_at_ms", BigInteger),
    Column("receipt", String(32)),
    PrimaryKeyConstraint("contents_id", "number", name="messages_pkey"),
    Index("messages_visible", "contents_id", "visible_at_ms", "number"),
    Index("messages_group", "contents_id", "group_id", "number"),
    Index("messages_sent", "contents_id", "sent_at_ms"),
)

#: What was sent to a FIFO queue under one deduplication id is not sent again for a while.
MESSAGE_DEDUPLICATIONS = Table(
    "message_deduplications",
    METADATA,
    Column("contents_id", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("contents_id", "digest", name="message_deduplications_pkey"),
    Index("message_deduplications_expires_at_ms", "expires_at_ms"),
)

#: Moves of messages out of dead-letter queues.
MESSAGE_MOVES = Table(
    "message_moves",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("source_queue", String(80), nullable=False),
    Column("target_queue", String(80)),
    Column("state", String(16), nullable=False),
    Column("rate_per_s", Integer),
    Column("to_move", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),
    Column("failure", String(64)),
    #: Messages up to this number are moved: those that were there when it began.
    Column("number_end", BigInteger, nullable=False),
    Column("contents_id", String(32), nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    #: Nobody goes on with it before: so it keeps to its rate, however many servers there are.
    Column("due_at_ms", BigInteger, nullable=False, server_default="0"),
    Index("message_moves_source_queue", "source_queue", "started_at_ms"),
)
