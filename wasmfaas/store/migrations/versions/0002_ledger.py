"""The ledger: what every attempt of every invocation used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "ledger",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("function_name", sa.String(140), nullable=False),
        sa.Column("function_version", sa.String(16), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger, nullable=False),
        sa.Column("fuel_counted", sa.BigInteger, nullable=False),
        sa.Column("fuel", sa.BigInteger, nullable=False),
        sa.Column("duration_us", sa.BigInteger, nullable=False),
        sa.Column("billed_duration_ms", sa.BigInteger, nullable=False),
        sa.Column("cpu_us", sa.BigInteger, nullable=False),
        sa.Column("memory_bytes_peak", sa.BigInteger, nullable=False),
        sa.Column("init_us", sa.BigInteger),
        sa.Column("request_bytes", sa.BigInteger, nullable=False),
        sa.Column("response_bytes", sa.BigInteger, nullable=False),
        sa.Column("error_type", sa.String(256)),
        sa.PrimaryKeyConstraint("request_id", "attempt", name="ledger_pkey"),
    )
    op.create_index("ledger_started_at_ms", "ledger", ["started_at_ms"])
