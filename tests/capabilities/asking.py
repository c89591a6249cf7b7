"""Calls as a guest makes them, without a guest."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wasmfaas.capabilities.board import Board, Operation
from wasmfaas.invoke.calls import Caller
from wasmfaas.invoke.job import Call
from wasmfaas.models import InvocationContext
from wasmfaas.permissions import Permissions

ARN = "arn:aws:lambda:us-east-1:000000000000:function:caller"


class Granted:
    """Gives every function the same."""

    def __init__(self, **document: Any) -> None:
        self.permissions = Permissions.of(document)

    async def of(self, function_name: str) -> Permissions:
        return self.permissions


def caller(name: str = "caller", **context: Any) -> Caller:
    members = {"request_id": "1", "invoked_function_arn": ARN} | context
    return Caller(name, 30_000, InvocationContext(**members))


class Refused(Exception):
    """The error of a call."""

    def __init__(self, error: Mapping[str, str]) -> None:
        super().__init__(f"{error['errorType']}: {error['errorMessage']}")
        self.kind = error["errorType"]


async def ask(
    operations: Iterable[Operation],
    granted: Granted,
    operation: str,
    request: Mapping[str, Any],
    asking: Caller | None = None,
) -> Any:
    """The answer, parsed. Raises Refused."""
    board = Board(granted, operations, 1000)
    call = Call(operation, "json", json.dumps(request).encode())
    ok, answer = await board.answer(asking or caller(), call, 1)
    document = json.loads(answer)
    if not ok:
        raise Refused(document)
    return document
