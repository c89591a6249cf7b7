"""Runs migrations on the connection that `wasmfaas.store.database` hands over."""

from alembic import context

from wasmfaas.store import (  # noqa: F401
    hook_tables,
    key_value_tables,
    message_tables,
    outbox_tables,
    schedule_tables,
)
from wasmfaas.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite alters a table by copying it; the same revisions run on PostgreSQL unchanged.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
