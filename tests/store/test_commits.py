"""Many callers, one transaction."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, select

from wasmfaas.errors import ResourceNotFound
from wasmfaas.store.commits import GroupCommit
from wasmfaas.store.database import Database
from wasmfaas.store.message_tables import MESSAGE_REMAINS

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(any_database: Database) -> Database:
    return any_database


def entering(name: str) -> Callable[[Connection], str]:
    def step(connection: Connection) -> str:
        if name == "refused":
            raise ResourceNotFound("there is none")
        connection.execute(insert(MESSAGE_REMAINS).values(contents_id=name))
        if name == "defect":
            raise ZeroDivisionError
        return name

    return step


async def test_a_defect_of_one_is_not_that_of_the_others(database: Database) -> None:
    commits = GroupCommit(database)
    names = ["a", "refused", "b", "defect", "c"]
    results = await asyncio.gather(
        *(commits.run(entering(name)) for name in names), return_exceptions=True
    )
    assert results[0] == "a"
    assert [type(result) for result in results] == [
        str, ResourceNotFound, str, ZeroDivisionError, str,
    ]  # fmt: skip
    query = select(MESSAGE_REMAINS.c.contents_id).order_by(MESSAGE_REMAINS.c.contents_id)
    stored = await database.run(lambda connection: connection.scalars(query).all())
    assert stored == ["a", "b", "c"]
    await commits.close()
