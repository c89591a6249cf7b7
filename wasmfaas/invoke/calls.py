"""What running guests ask the server for, and who answers.

Who asks is known by the worker's lease, and never by what the worker says.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wasmfaas import abi
from wasmfaas.invoke.job import Call
from wasmfaas.models import InvocationContext

_log = logging.getLogger(__name__)

_FORMS: Final = ("json", "msgpack")

Answer = Callable[[bool, bytes], None]


@dataclass(frozen=True, slots=True)
class Caller:
    """The invocation that asks."""

    function_name: str
    #: Its timeout in full; what is left of it is less.
    timeout_ms: int
    context: InvocationContext


class Capabilities(Protocol):
    """What answers calls."""

    async def answer(self, caller: Caller, call: Call, number: int) -> tuple[bool, bytes]:
        """Whether that is an answer or an error, and which, encoded as the call is. *number* counts
        the calls of the invocation from 1."""


class Calls:
    """Where the calls of all invocations arrive. Lives as long as the server."""

    def __init__(self) -> None:
        self._capabilities: Capabilities | None = None

    def connect(self, capabilities: Capabilities) -> None:
        """From now on, calls are answered by *capabilities*, which invoke functions themselves."""
        self._capabilities = capabilities

    def session(self, caller: Caller) -> "CallSession":
        """The calls of one invocation."""
        if self._capabilities is None:
            raise ValueError("a call before there is anybody to answer it")
        return CallSession(self._capabilities, caller)


class CallSession:
    """The calls of one invocation, one at a time. Lives as long as the invocation."""

    def __init__(self, capabilities: Capabilities, caller: Caller) -> None:
        self._capabilities = capabilities
        self._caller = caller
        self._count = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self, call: Call, answer: Answer) -> None:
        """Have *call* answered. Raises ValueError where another one has not been answered yet: a
        guest waits, so it is not the guest's."""
        if self._task is not None:
            raise ValueError("a call while another one waits")
        self._count += 1
        self._task = asyncio.get_running_loop().create_task(self._answer(call, answer))

    def end(self) -> None:
        """The invocation is over: nobody waits for an answer."""
        if self._task is not None:
            self._task.cancel()

    async def _answer(self, call: Call, answer: Answer) -> None:
        try:
            ok, encoded = await self._capabilities.answer(self._caller, call, self._count)
        except Exception:
            # The guest is ended at its deadline.
            _log.exception("a call of %s could not be answered", self._caller.function_name)
            return
        self._task = None
        answer(ok, encoded)


def call_of(message: Mapping[str, Any]) -> Call:
    """The call that a worker sends. Raises ValueError where a subverted one sends something
    else."""
    operation, form, request = message["name"], message["form"], message["request"]
    if type(operation) is not str or form not in _FORMS or type(request) is not bytes:
        raise ValueError("a call that is none")
    if len(operation) > abi.CALL_OPERATION_BYTES_MAX or len(request) > abi.CALL_REQUEST_BYTES_MAX:
        raise ValueError("a call that is too large")
    return Call(operation, form, request)
