"""Webhook triggers."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column(
            "function_name",
            sa.String(140),
            sa.ForeignKey("functions.name", name="hooks_function_name_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("is_declared", sa.Boolean, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.Index("hooks_function_name", "function_name"),
    )
