"""The table of webhook triggers. Times are Unix time in milliseconds, JSON is stored as text."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from wasmfaas.store.schema import METADATA

#: Each goes with its function. Its secret is kept elsewhere, under its `id`: one that is made anew
#: under an old name has another.
HOOKS = Table(
    "hooks",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("id", String(36), nullable=False),
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="hooks_function_name_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("definition", Text, nullable=False),
    #: Made by a deploy, from a file that may stop naming it.
    Column("is_declared", Boolean, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("modified_at_ms", BigInteger, nullable=False),
    Index("hooks_function_name", "function_name"),
)
