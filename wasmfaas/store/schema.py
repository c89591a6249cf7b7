"""The tables, as the newest migration leaves them. Timestamps are Unix time in milliseconds, JSON
is stored as text, and nothing here is particular to one database."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

FUNCTIONS = Table(
    "functions",
    METADATA,
    Column("name", String(140), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text),
    Column("state_reason_code", String(64)),
    Column("last_update_status", String(16)),
    Column("last_update_status_reason", Text),
    Column("last_update_status_reason_code", String(64)),
    Column("revision_id", String(36), nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    Column("tags", Text, nullable=False),
    #: The number of the version that is published next; numbers are never given again.
    Column("version_next", Integer, nullable=False, server_default="1"),
)

#: A function has at most one deployment per slot: `active` is served, `pending` will be, and a
#: published version has its number. The unique constraint is what makes a second update in progress
#: impossible, on any number of nodes.
DEPLOYMENTS = Table(
    "deployments",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="deployments_function_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("slot", String(16), nullable=False),
    Column("configuration", Text, nullable=False),
    Column("code_sha256", String(44), nullable=False),
    Column("code_digest", String(64), nullable=False),
    Column("code_size_bytes", BigInteger, nullable=False),
    Column("kind", String(16)),
    Column("artefact", Text),
    Column("created_at_ms", BigInteger, nullable=False),
    UniqueConstraint("function_name", "slot", name="deployments_function_name_slot_key"),
)

#: What is kept of deleted functions that had versions, so that the next of its name counts on.
FORMER_FUNCTIONS = Table(
    "former_functions",
    METADATA,
    Column("name", String(140), primary_key=True),
    Column("version_next", Integer, nullable=False),
)

#: Published versions. `description` is JSON text.
VERSIONS = Table(
    "versions",
    METADATA,
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="versions_function_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("number", Integer, nullable=False),
    Column(
        "deployment_id",
        String(36),
        ForeignKey("deployments.id", name="versions_deployment_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("description", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text),
    Column("state_reason_code", String(64)),
    Column("revision_id", String(36), nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("function_name", "number", name="versions_pkey"),
    Index("versions_deployment_id", "deployment_id"),
)

#: `description` is JSON text, and `weights` a JSON object of version numbers and shares.
ALIASES = Table(
    "aliases",
    METADATA,
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="aliases_function_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("name", String(128), nullable=False),
    Column("version", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("weights", Text, nullable=False),
    Column("revision_id", String(36), nullable=False),
    PrimaryKeyConstraint("function_name", "name", name="aliases_pkey"),
)

#: Function URLs, of functions (`qualifier` is empty) and of aliases, which they outlive.
FUNCTION_URLS = Table(
    "function_urls",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="function_urls_function_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("qualifier", String(128), nullable=False),
    Column("configuration", Text, nullable=False),
    UniqueConstraint(
        "function_name", "qualifier", name="function_urls_function_name_qualifier_key"
    ),
)

#: Names of layers, and the number of the version that was published last: numbers are never used
#: again.
LAYERS = Table(
    "layers",
    METADATA,
    Column("name", String(140), primary_key=True),
    Column("latest_number", BigInteger, nullable=False),
)

#: Versions of layers. `details` is a JSON object (Description, LicenseInfo), the compatible
#: runtimes and architectures are JSON lists, and the policy is one of statements.
LAYER_VERSIONS = Table(
    "layer_versions",
    METADATA,
    Column(
        "layer_name",
        String(140),
        ForeignKey("layers.name", name="layer_versions_layer_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("number", BigInteger, nullable=False),
    Column("code_sha256", String(44), nullable=False),
    Column("code_digest", String(64), nullable=False),
    Column("code_size_bytes", BigInteger, nullable=False),
    Column("details", Text, nullable=False),
    Column("compatible_runtimes", Text),
    Column("compatible_architectures", Text),
    Column("policy", Text, nullable=False),
    Column("policy_revision_id", String(36), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("layer_name", "number", name="layer_versions_pkey"),
)

#: One row per attempt of an invocation; columns are the fields of `models.Usage`.
LEDGER = Table(
    "ledger",
    METADATA,
    Column("request_id", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("function_name", String(140), nullable=False),
    Column("function_version", String(16), nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("fuel_counted", BigInteger, nullable=False),
    Column("fuel", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("billed_duration_ms", BigInteger, nullable=False),
    Column("cpu_us", BigInteger, nullable=False),
    Column("memory_bytes_peak", BigInteger, nullable=False),
    Column("init_us", BigInteger),
    Column("request_bytes", BigInteger, nullable=False),
    Column("response_bytes", BigInteger, nullable=False),
    Column("error_type", String(256)),
    PrimaryKeyConstraint("request_id", "attempt", name="ledger_pkey"),
    Index("ledger_started_at_ms", "started_at_ms"),
)

#: What is attached to a function by its name or by a version or an alias of it: one row for each
#: kind. The qualifier is empty for the name itself, and need not exist any more.
ATTACHMENTS = Table(
    "attachments",
    METADATA,
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="attachments_function_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("qualifier", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("function_name", "qualifier", "kind", name="attachments_pkey"),
    Index("attachments_kind", "kind"),
)

#: Mappings outlive their function, as Lambda's do. `identity` is what no two may have in common:
#: the source, what of it is read, and the function. `state` is one on the way to what is wanted,
#: until a server has seen `revision`; `result` tells how the last invocation went.
EVENT_SOURCE_MAPPINGS = Table(
    "event_source_mappings",
    METADATA,
    Column("uuid", String(36), primary_key=True),
    Column("function_name", String(140), nullable=False),
    Column("qualifier", String(128), nullable=False),
    Column("source", Text, nullable=False),
    Column("identity", String(64), nullable=False),
    Column("configuration", Text, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    Column("state", String(16)),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("result", Text),
    Column("lease_owner", String(36)),
    Column("lease_until_ms", BigInteger),
    UniqueConstraint("identity", name="event_source_mappings_identity_key"),
    Index("event_source_mappings_function_name", "function_name"),
)

#: Log groups that were made by name, or of which more is known than that their function exists.
LOG_GROUPS = Table(
    "log_groups",
    METADATA,
    Column("name", String(512), primary_key=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("retention_days", Integer),
    Column("tags", Text, nullable=False),
)

#: Asynchronous invocations. They outlive their function: none goes without an end. `failures` are
#: the attempts that ended in an error of the function; `delays`, those that never came to run.
EVENTS = Table(
    "events",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("function_name", String(140), nullable=False),
    Column("qualifier", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_bytes", BigInteger, nullable=False),
    Column("client_context", Text),
    Column("trace_id", Text),
    #: How many events led to this one, by way of destinations.
    Column("depth", Integer, nullable=False),
    #: What a schedule asks for its events; the function's configuration is for the others.
    Column("retries_max", Integer),
    Column("age_s_max", Integer),
    Column("dead_letter", Text),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("delays", Integer, nullable=False),
    Column("enqueued_at_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger),
    Column("ended_at_ms", BigInteger),
    Column("lease_owner", String(36)),
    Column("lease_until_ms", BigInteger),
    Column("condition", String(64)),
    Column("error", Text),
    Column("sent_to", Text),
    Index("events_due", "state", "function_name", "due_at_ms"),
    Index("events_ended", "state", "ended_at_ms"),
)

EVENT_ATTEMPTS = Table(
    "event_attempts",
    METADATA,
    Column(
        "event_id",
        String(64),
        ForeignKey("events.id", name="event_attempts_event_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("attempt", Integer, nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger, nullable=False),
    Column("fuel", BigInteger),
    Column("error_type", String(256)),
    PrimaryKeyConstraint("event_id", "attempt", name="event_attempts_pkey"),
)

#: Clients' idempotency keys: what was enqueued under one is not enqueued again.
EVENT_KEYS = Table(
    "event_keys",
    METADATA,
    Column("function_name", String(140), nullable=False),
    Column("idempotency_key", String(256), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("function_name", "idempotency_key", name="event_keys_pkey"),
    Index("event_keys_expires_at_ms", "expires_at_ms"),
)
