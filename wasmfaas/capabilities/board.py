"""The table of what can be asked for, and what every call goes through."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wasmfaas import abi
from wasmfaas.capabilities.failures import CallFailed, Kind, failure_of
from wasmfaas.capabilities.requests import Request, decoded, encoded
from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.calls import Caller
from wasmfaas.invoke.job import Call
from wasmfaas.permissions import Permissions

_log = logging.getLogger(__name__)

#: What takes longer than this to read or write would hold up everybody else.
_INLINE_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, as its handler gets it."""

    caller: Caller
    permissions: Permissions
    request: Request


Handler = Callable[[Asked], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table. The handler raises CallFailed or a WasmfaasError, checks the
    permission before it does anything, and may be cancelled at any time."""

    name: str
    handle: Handler


class Granting(Protocol):
    """Where it is looked up what a function may do."""

    async def of(self, function_name: str) -> Permissions: ...


class Board:
    """Answers the calls of all functions. Lives as long as the server."""

    def __init__(self, granting: Granting, operations: Iterable[Operation], calls_max: int) -> None:
        """*calls_max*: how many one invocation may make."""
        self._granting = granting
        self._operations = {operation.name: operation for operation in operations}
        self._calls_max = calls_max

    async def answer(self, caller: Caller, call: Call, number: int) -> tuple[bool, bytes]:
        """Whether that is an answer or an error, and which, encoded as *call* is."""
        try:
            answer = await self._answer(caller, call, number)
            if len(answer) <= abi.CALL_ANSWER_BYTES_MAX:
                return True, answer
            failure = CallFailed(
                Kind.LIMIT_EXCEEDED,
                f"The answer of {call.operation} has {len(answer)} bytes, but at most "
                f"{abi.CALL_ANSWER_BYTES_MAX} can be answered.",
            )
        except CallFailed as error:
            failure = error
        except WasmfaasError as error:
            failure = failure_of(error)
        except Exception:
            _log.exception("a call of %s failed", caller.function_name)
            text = "The host failed to answer; the server's log says why."
            failure = CallFailed(Kind.UNAVAILABLE, text)
        told = {"errorType": str(failure.kind), "errorMessage": failure.message}
        return False, encoded(call.form, told)

    async def _answer(self, caller: Caller, call: Call, number: int) -> bytes:
        if number > self._calls_max:
            raise CallFailed(
                Kind.LIMIT_EXCEEDED,
                f"An invocation may make {self._calls_max} calls (--calls-per-invocation-max).",
            )
        operation = self._operations.get(call.operation)
        if operation is None:
            known = ", ".join(sorted(self._operations))
            raise CallFailed(
                Kind.NOT_FOUND,
                f"There is no operation {call.operation!a}. There are: {known or 'none'}.",
            )
        if len(call.request) > _INLINE_BYTES_MAX:
            request = await asyncio.to_thread(decoded, call.operation, call.form, call.request)
        else:
            request = decoded(call.operation, call.form, call.request)
        permissions = await self._granting.of(caller.function_name)
        members = await operation.handle(Asked(caller, permissions, request))
        if sum(len(v) for v in members.values() if isinstance(v, bytes)) > _INLINE_BYTES_MAX:
            return await asyncio.to_thread(encoded, call.form, members)
        return encoded(call.form, members)
