"""What is attached to functions, and event source mappings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column(
            "function_name",
            sa.String(140),
            sa.ForeignKey(
                "functions.name", name="attachments_function_name_fkey", ondelete="CASCADE"
            ),
            nullable=False,
        ),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("function_name", "qualifier", "kind", name="attachments_pkey"),
    )
    op.create_index("attachments_kind", "attachments", ["kind"])
    op.create_table(
        "event_source_mappings",
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("function_name", sa.String(140), nullable=False),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("configuration", sa.Text, nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("identity", name="event_source_mappings_identity_key"),
    )
    op.create_index(
        "event_source_mappings_function_name", "event_source_mappings", ["function_name"]
    )
