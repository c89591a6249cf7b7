"""Tests of sources run in an event loop; those with a poller have a database of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.triggers.mappings.world import World


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as world:
        yield world
