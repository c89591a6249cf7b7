"""Queues on a real database, on a clock that a test sets."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from wasmfaas.store.database import Database
from wasmfaas.store.message_queues.queues import MessageQueues

ARNS = "arn:aws:sqs:us-east-1:000000000000:"


class Clock:
    """The database's clock."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000_000

    def __call__(self, connection: Connection) -> int:
        return self.now_ms

    def pass_s(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(any_database: Database) -> Database:
    """Queues keep their promises on either."""
    return any_database


@pytest.fixture
def queues(database: Database, clock: Clock) -> MessageQueues:
    return MessageQueues(database, ARNS, queues_max=5, messages_max=20, clock=clock)


@pytest.fixture
def create(queues: MessageQueues) -> Callable[..., Any]:
    """Make a queue with attributes."""

    async def create(name: str, **attributes: Any) -> None:
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        given = {key: str(value) for key, value in attributes.items()}
        await queues.administration.create(name, given, {})

    return create
