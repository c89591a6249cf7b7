"""Runs migrations on the connection that `wasmfaas.store.database` hands over."""

from alembic import context

from wasmfaas.store import message_tables, outbox_tables, schedule_tables  # noqa: F401
from wasmfaas.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite alters a table by copying it; the same revisions run on PostgreSQL unchanged.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
