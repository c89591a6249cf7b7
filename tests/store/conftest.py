"""A data directory, its database and its registry, opened for one test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.registry import Registry


def arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


def configuration(name: str, **members: Any) -> dict[str, Any]:
    return {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "MemorySize": 128,
        "Timeout": 3,
    } | members


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    directory = DataDirectory.open(tmp_path / "data")
    yield directory
    directory.close()


@pytest.fixture
def database(directory: DataDirectory) -> Iterator[Database]:
    database = Database.open(directory.database)
    yield database
    database.close()


@pytest.fixture
def changes() -> list[str]:
    """Names that the registry has told its listener."""
    return []


@pytest.fixture
def registry(database: Database, changes: list[str]) -> Registry:
    return Registry(database, arn, changes.append)
