"""An index for what deleting a deployment looks up: the version that it belongs to."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("versions_deployment_id", "versions", ["deployment_id"])
