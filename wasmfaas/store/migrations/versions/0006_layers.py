"""Layers and their versions."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "layers",
        sa.Column("name", sa.String(140), primary_key=True),
        sa.Column("latest_number", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "layer_versions",
        sa.Column(
            "layer_name",
            sa.String(140),
            sa.ForeignKey("layers.name", name="layer_versions_layer_name_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("code_sha256", sa.String(44), nullable=False),
        sa.Column("code_digest", sa.String(64), nullable=False),
        sa.Column("code_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("compatible_runtimes", sa.Text),
        sa.Column("compatible_architectures", sa.Text),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("policy_revision_id", sa.String(36), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("layer_name", "number", name="layer_versions_pkey"),
    )
