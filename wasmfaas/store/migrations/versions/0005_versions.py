"""Published versions, aliases, and function URLs of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_REFERRING = ("deployments", "attachments")


def upgrade() -> None:
    _move_urls()
    op.create_table(
        "versions",
        _function_name("versions_function_name_fkey"),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "deployment_id",
            sa.String(36),
            sa.ForeignKey("deployments.id", name="versions_deployment_id_fkey", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_reason", sa.Text),
        sa.Column("state_reason_code", sa.String(64)),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("modified_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("function_name", "number", name="versions_pkey"),
    )
    op.create_table(
        "aliases",
        _function_name("aliases_function_name_fkey"),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("weights", sa.Text, nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("function_name", "name", name="aliases_pkey"),
    )


def _move_urls() -> None:
    """From columns of `functions` to a table. SQLite alters a table by replacing it, so nothing may
    refer to `functions` meanwhile: its rows would go too."""
    for table in _REFERRING:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"{table}_function_name_fkey", type_="foreignkey")
    op.execute(
        "CREATE TABLE urls_moving AS SELECT url_id, name, url_configuration FROM functions "
        "WHERE url_id IS NOT NULL"
    )
    with op.batch_alter_table("functions") as batch:
        batch.drop_constraint("functions_url_id_key", type_="unique")
        batch.drop_column("url_id")
        batch.drop_column("url_configuration")
        batch.add_column(sa.Column("version_next", sa.Integer, nullable=False, server_default="1"))
    for table in _REFERRING:
        with op.batch_alter_table(table) as batch:
            batch.create_foreign_key(
                f"{table}_function_name_fkey",
                "functions",
                ["function_name"],
                ["name"],
                ondelete="CASCADE",
            )
    op.create_table(
        "function_urls",
        sa.Column("id", sa.String(32), primary_key=True),
        _function_name("function_urls_function_name_fkey"),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("configuration", sa.Text, nullable=False),
        sa.UniqueConstraint(
            "function_name", "qualifier", name="function_urls_function_name_qualifier_key"
        ),
    )
    op.execute(
        "INSERT INTO function_urls (id, function_name, qualifier, configuration) "
        "SELECT url_id, name, '', url_configuration FROM urls_moving"
    )
    op.drop_table("urls_moving")


def _function_name(foreign_key: str) -> sa.Column[str]:
    return sa.Column(
        "function_name",
        sa.String(140),
        sa.ForeignKey("functions.name", name=foreign_key, ondelete="CASCADE"),
        nullable=False,
    )
