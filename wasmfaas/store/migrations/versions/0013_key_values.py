"""The key-value store of functions."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "key_spaces",
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column(
            "function_name",
            sa.String(140),
            sa.ForeignKey(
                "functions.name", name="key_spaces_function_name_fkey", ondelete="CASCADE"
            ),
        ),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("key_spaces_function_name", "function_name"),
    )
    op.create_table(
        "key_values",
        sa.Column(
            "space",
            sa.String(160),
            sa.ForeignKey("key_spaces.name", name="key_values_space_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("key", sa.LargeBinary(1024), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("space", "key", name="key_values_pkey"),
        sa.Index("key_values_expires", "expires_at_ms"),
    )
