"""Functions and their deployments."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "functions",
        sa.Column("name", sa.String(140), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_reason", sa.Text),
        sa.Column("state_reason_code", sa.String(64)),
        sa.Column("last_update_status", sa.String(16)),
        sa.Column("last_update_status_reason", sa.Text),
        sa.Column("last_update_status_reason_code", sa.String(64)),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.Column("url_id", sa.String(32)),
        sa.Column("url_configuration", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.UniqueConstraint("url_id", name="functions_url_id_key"),
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column(
            "function_name",
            sa.String(140),
            sa.ForeignKey(
                "functions.name", name="deployments_function_name_fkey", ondelete="CASCADE"
            ),
            nullable=False,
        ),
        sa.Column("slot", sa.String(16), nullable=False),
        sa.Column("configuration", sa.Text, nullable=False),
        sa.Column("code_sha256", sa.String(44), nullable=False),
        sa.Column("code_digest", sa.String(64), nullable=False),
        sa.Column("code_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16)),
        sa.Column("artefact", sa.Text),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("function_name", "slot", name="deployments_function_name_slot_key"),
    )
