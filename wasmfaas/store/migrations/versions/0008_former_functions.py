"""What is kept of deleted functions: which number a version gets that is published next."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "former_functions",
        sa.Column("name", sa.String(140), primary_key=True),
        sa.Column("version_next", sa.Integer, nullable=False),
    )
