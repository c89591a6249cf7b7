"""How event source mappings fare, and which server polls each.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = "event_source_mappings"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("state", sa.String(16)))
    op.add_column(TABLE, sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column(TABLE, sa.Column("result", sa.Text))
    op.add_column(TABLE, sa.Column("lease_owner", sa.String(36)))
    op.add_column(TABLE, sa.Column("lease_until_ms", sa.BigInteger))


def downgrade() -> None:
    for name in ("lease_until_ms", "lease_owner", "result", "revision", "state"):
        op.drop_column(TABLE, name)
