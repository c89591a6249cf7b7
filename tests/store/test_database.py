"""The database: one transaction at a time, whole or absent, and its schema."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.engine import URL

from tests.store.conftest import arn
from wasmfaas.errors import DataDirectoryUnusable, ServiceFailure, ServiceUnavailable
from wasmfaas.store.database import Database, engine_for, insert_new, migrate
from wasmfaas.store.registry import Registry
from wasmfaas.store.schema import ATTACHMENTS, FUNCTIONS, LEDGER, METADATA

pytestmark = pytest.mark.anyio


def _enter(connection: Connection, name: str) -> None:
    row = {"name": name, "state": "Active", "revision_id": "r", "modified_at_ms": 1, "tags": "{}"}
    connection.execute(insert(FUNCTIONS).values(row))


async def _names(database: Database) -> list[str]:
    return await database.run(lambda connection: list(connection.scalars(select(FUNCTIONS.c.name))))


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def transaction(connection: Connection) -> None:
        _enter(connection, "f")
        raise KeyError("half way")

    with pytest.raises(KeyError):
        await database.run(transaction)
    assert await _names(database) == []


async def test_a_transaction_that_has_begun_is_finished_though_its_caller_is_gone(
    database: Database,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def transaction(connection: Connection) -> None:
        _enter(connection, "f")
        begun.set()
        go_on.wait(30)

    caller = asyncio.create_task(database.run(transaction))
    await asyncio.to_thread(begun.wait, 30)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    assert await _names(database) == ["f"]


async def test_sqlite_is_set_up_to_survive_a_loss_of_power(database: Database) -> None:
    def pragmas(connection: Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in names}

    full = 2
    assert await database.run(pragmas) == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
    }


async def test_the_migrations_make_the_schema_that_the_program_uses(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    assert await database.run(differences) == []


async def test_rows_with_a_known_key_are_left_alone(database: Database) -> None:
    def row(request_id: str, fuel: int) -> dict[str, object]:
        numbers = {column.name: fuel for column in LEDGER.c if not column.nullable}
        return numbers | {
            "request_id": request_id,
            "attempt": 1,
            "function_name": "f",
            "function_version": "1",
        }

    def transaction(connection: Connection) -> list[int]:
        insert_new(connection, LEDGER, [row("a", 1)])
        insert_new(connection, LEDGER, [row("a", 2), row("b", 3)])
        insert_new(connection, LEDGER, [])
        return list(connection.scalars(select(LEDGER.c.fuel).order_by(LEDGER.c.request_id)))

    assert await database.run(transaction) == [1, 3]


async def test_a_failure_of_the_database_does_not_tell_its_cause_to_clients(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServiceFailure) as caught:
        await database.run(lambda connection: connection.execute(text("SELECT secret FROM no")))
    assert "no" not in caught.value.message.split()
    assert "no such table" in caplog.text


async def test_a_closed_database_says_that_the_server_is_stopping(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "wasmfaas.db")
    database.close()
    database.close()
    with pytest.raises(ServiceUnavailable):
        await database.run(lambda connection: None)


async def test_opening_again_finds_what_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "odd ?#% name" / "wasmfaas.db"
    path.parent.mkdir()
    for expected in ([], ["f0"], ["f0", "f1"]):
        database = Database.open(path)
        assert await _names(database) == expected
        await database.run(partial(_enter, name=f"f{len(expected)}"))
        database.close()
    assert [entry.name for entry in path.parent.iterdir()] == ["wasmfaas.db"]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_older_database_is_migrated_and_keeps_its_functions(tmp_path: Path) -> None:
    path = tmp_path / "wasmfaas.db"
    engine = engine_for(URL.create("sqlite", database=str(path)))
    with engine.begin() as connection:
        migrate(connection, "0001")
        for name, url_id in (("f", "u" * 32), ("g", None)):
            connection.execute(
                text(
                    "INSERT INTO functions (name, state, revision_id, modified_at_ms, tags, url_id,"
                    " url_configuration) VALUES (:name, 'Active', 'r', 1, '{}', :url_id, :url)"
                ),
                {"name": name, "url_id": url_id, "url": url_id and '{"AuthType":"NONE"}'},
            )
            connection.execute(
                text(
                    "INSERT INTO deployments (id, function_name, slot, configuration, code_sha256,"
                    " code_digest, code_size_bytes, created_at_ms)"
                    " VALUES (:name, :name, 'active', '{}', 's', 'd', 1, 1)"
                ),
                {"name": name},
            )
        migrate(connection, "0004")
        connection.execute(
            text(
                "INSERT INTO attachments VALUES ('f', '', 'policy', '{}', 1), ('g', '', 'x', '', 1)"
            )
        )
    engine.dispose()
    database = Database.open(path)
    registry = Registry(database, arn)
    url = await registry.urls.by_id("u" * 32)
    assert (url.function_name, url.qualifier) == ("f", None)
    assert url.configuration == {"AuthType": "NONE"}
    assert await registry.urls.find("g") is None
    assert (await registry.get("f")).shown.code_digest == "d"
    assert (await registry.get("g")).shown.id == "g"
    assert (await registry.versions.publish("g")).number == "1"
    await registry.delete("g")
    assert await registry.deployment_ids() == {"f"}, "a deployment goes with its function"
    rows = await database.run(lambda connection: connection.execute(select(ATTACHMENTS)).all())
    assert [row.function_name for row in rows] == ["f"]
    database.close()


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wasmfaas.db"
    database = Database.open(path)
    await database.run(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
    )
    database.close()
    with pytest.raises(DataDirectoryUnusable) as caught:
        Database.open(path)
    assert "newer wasmfaas" in caught.value.message
    assert "'9999'" in caught.value.message
    assert "--data-dir" in caught.value.message
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    plain.close()


async def test_a_migration_that_is_interrupted_leaves_the_older_schema(tmp_path: Path) -> None:
    engine = engine_for(URL.create("sqlite", database=str(tmp_path / "wasmfaas.db")))

    def interrupted() -> None:
        with engine.begin() as connection:
            migrate(connection)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


@pytest.mark.parametrize(
    "content", [b"not a database" * 1000, b"SQLite format 3\x00" + b"\xff" * 9000]
)
async def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wasmfaas.db"
    path.write_bytes(content)
    with pytest.raises(DataDirectoryUnusable, match="not a database"):
        Database.open(path)
    assert path.read_bytes() == content


async def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryUnusable, match="cannot be opened"):
        Database.open(tmp_path)


def test_migrations_run_from_the_package_in_any_directory(tmp_path: Path) -> None:
    code = (
        "import sys, wasmfaas.store.database as d; "
        "d.Database.open(sys.argv[1]).close(); print(d.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "x.db")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
