"""One connection to the database, used by one thread. All that is particular to SQLite or to
PostgreSQL is in this module."""

import asyncio
import logging
import operator
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import alembic.command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.sql.functions import func

from wasmfaas.errors import (
    DataDirectoryUnusable,
    ServiceFailure,
    ServiceUnavailable,
    StorageFull,
    WasmfaasError,
)

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

_BUSY_TIMEOUT_MS = 10_000
#: The WAL file is cut back to this size after a checkpoint.
_JOURNAL_SIZE_LIMIT_BYTES = 16 * 1024 * 1024
#: What SQLite answers when the disk, a quota or a file size limit stops a write.
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
#: What it answers where there is something else than a database of ours.
_NOT_A_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class Database:
    """Runs transactions, one at a time, on a thread of its own. Lives as long as the server.

    SQLite gets one writer connection: two that write or checkpoint at once can corrupt a database
    in WAL mode before SQLite 3.51.3.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")

    @classmethod
    def open(cls, url_or_path: str | Path) -> "Database":
        """Connect to a database URL or to the SQLite file at a path, made if need be, and bring its
        schema up to date.

        Blocks. Raises DataDirectoryUnusable for a database that is damaged, not a database or of a
        newer program, StorageFull, and ServiceFailure.
        """
        url = _url(url_or_path)
        database = cls(engine_for(url))
        try:
            database._thread.submit(database._transaction, migrate).result()
        except BaseException:
            database.close()
            raise
        return database

    async def run(self, transaction: Callable[[Connection], Result]) -> Result:
        """The result of *transaction*, committed; it leaves nothing behind where it raises.

        A transaction that has begun is finished even where its caller is cancelled. Raises what
        *transaction* raises, StorageFull where the disk is full, ServiceFailure where the database
        fails, ServiceUnavailable after `close`.
        """
        loop = asyncio.get_running_loop()
        try:
            outcome = loop.run_in_executor(self._thread, self._transaction, transaction)
        except RuntimeError as error:
            raise ServiceUnavailable("The server is stopping.") from error
        return await outcome

    def close(self) -> None:
        """Finish what has been handed over, then disconnect. Blocks; may be called again."""
        self._thread.shutdown(wait=True)
        self._engine.dispose()

    def _transaction(self, transaction: Callable[[Connection], Result]) -> Result:
        try:
            with self._engine.begin() as connection:
                return transaction(connection)
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise _translated(error) from error


def engine_for(url: URL) -> Engine:
    """An engine for *url* that keeps one connection."""
    engine = create_engine(url, pool_size=1, max_overflow=0)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to *revision*, all of it or nothing.

    Raises DataDirectoryUnusable where the schema is of a newer program.
    """
    config = Config()
    directory = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", directory.replace("%", "%%"))
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise DataDirectoryUnusable(
            f"The database {connection.engine.url.render_as_string()} was written by a newer "
            f"wasmfaas: its schema is at revision {current!r}, this program knows up to "
            f"{scripts.get_current_head()!r}. Install that version or choose another --data-dir."
        )
    if current != scripts.get_current_head():
        alembic.command.upgrade(config, revision)


def insert_new(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert those of *rows* whose primary key is not there yet."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = list(rows)
    if not values:
        return
    # Compiled here, and run as it is: SQLAlchemy looks at every value of every row.
    statement = insert(table).on_conflict_do_nothing()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(values[0]))
    names = compiled.positiontup
    if names is None:
        connection.execute(statement, values)
    else:
        of_row = operator.itemgetter(*names)
        connection.exec_driver_sql(str(compiled), [of_row(row) for row in values])


def now_ms(connection: Connection) -> int:
    """The database's clock: Unix time in milliseconds."""
    if connection.dialect.name == "postgresql":
        seconds = select(func.extract("epoch", func.clock_timestamp()))
        return int(connection.execute(seconds).scalar_one() * 1000)
    return time.time_ns() // 1_000_000


def _url(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, str) and "://" in url_or_path:
        return make_url(url_or_path)
    path = Path(url_or_path).absolute()
    try:
        # SQLite gives its -wal and -shm files the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DataDirectoryUnusable(
            f"The database {path} cannot be opened: {error.strerror}."
        ) from error
    return URL.create("sqlite", database=str(path))


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's own transaction handling would commit before DDL and begin too late.
    connection.isolation_level = None
    for pragma, value in (
        ("busy_timeout", _BUSY_TIMEOUT_MS),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("journal_size_limit", _JOURNAL_SIZE_LIMIT_BYTES),
    ):
        connection.execute(f"PRAGMA {pragma} = {value}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _translated(error: DatabaseError) -> WasmfaasError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code in _FULL:
        return StorageFull(
            "The disk that holds the data directory is full: nothing was stored. Make room, then "
            "try again."
        )
    if code in _NOT_A_DATABASE:
        return DataDirectoryUnusable(
            f"The database is damaged or not a database ({error.orig}). Restore it from a backup "
            "or choose another --data-dir."
        )
    _log.error("the database failed", exc_info=error)
    return ServiceFailure("The database failed; the server's log has the cause.")
