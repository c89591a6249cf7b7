"""Tables of the key-value store. Timestamps are Unix time in milliseconds."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from wasmfaas.store.schema import METADATA

#: A namespace: how many `entries` it has, and `bytes` of keys and values, those included whose time
#: is over; and the last `version` that was given to any of them, so that none is given again. One
#: that is a function's own goes with it.
KEY_SPACES = Table(
    "key_spaces",
    METADATA,
    Column("name", String(160), primary_key=True),
    Column(
        "function_name",
        String(140),
        ForeignKey("functions.name", name="key_spaces_function_name_fkey", ondelete="CASCADE"),
    ),
    Column("entries", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("key_spaces_function_name", "function_name"),
)

#: `size` is that of key and value. Keys are bytes, which every database orders alike.
KEY_VALUES = Table(
    "key_values",
    METADATA,
    Column(
        "space",
        String(160),
        ForeignKey("key_spaces.name", name="key_values_space_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("key", LargeBinary(1024), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger),
    PrimaryKeyConstraint("space", "key", name="key_values_pkey"),
    Index("key_values_expires", "expires_at_ms"),
)
