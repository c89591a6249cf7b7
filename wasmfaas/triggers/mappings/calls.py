"""Invocations for a mapping: who has no say in them is spared what goes wrong on the way."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from wasmfaas.errors import ResourceNotFound, WasmfaasError
from wasmfaas.models import InvocationContext, Outcome, Route, Usage
from wasmfaas.sources.source import SourceFailed
from wasmfaas.store.event_sources import EventSourceMapping

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

OK: Final = "OK"
CALL_FAILED: Final = "PROBLEM: Function call failed"
#: Longest wait before something is tried again.
_PAUSE_S_MAX: Final = 30.0
_PAUSE_S_MIN: Final = 0.5


class Stopped(Exception):
    """The mapping is polled no more: what is in hand goes back."""


class Invoker(Protocol):
    """What every trigger ends in."""

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome: ...


class Functions(Protocol):
    """Where functions are looked up."""

    async def route(self, name: str, qualifier: str | None = None) -> Route: ...


class Results(Protocol):
    """Where it is kept how a mapping fares."""

    async def record(self, uuid: str, usage: Usage | None, result: str) -> None: ...


class Calls:
    """Invokes the function of one mapping. Lives as long as the mapping is polled.

    A batch that finds no capacity, or a server in trouble, waits; that is no attempt. What an
    invocation used is in the ledger, and synced, before its outcome is known to the poller.
    """

    def __init__(
        self,
        mapping: EventSourceMapping,
        invoker: Invoker,
        functions: Functions,
        results: Results,
        arn: Callable[[str, str | None], str],
    ) -> None:
        self._mapping = mapping
        self._invoker = invoker
        self._functions = functions
        self._results = results
        self._arn = arn
        self._stopping = asyncio.Event()
        self._result = mapping.result
        # What was told of an earlier time may be over.
        self._has_source_failed = self._result not in (None, OK, CALL_FAILED)
        #: Calls that wait for capacity, or for the function.
        self._waiting = 0
        self._is_function_gone = False

    @property
    def is_stopped(self) -> bool:
        """Whether nothing new may begin."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    async def call(self, event: bytes, patience_s: float | None = None) -> Outcome:
        """The outcome for *event*, JSON text. Waits for a function that has no capacity or is not
        there; raises Stopped where that takes longer than *patience_s*, or until `stop`."""
        name, qualifier = self._mapping.function_name, self._mapping.qualifier or None
        pause_s, waited_s = _PAUSE_S_MIN, 0.0
        while True:
            context = InvocationContext(
                request_id=str(uuid.uuid4()), invoked_function_arn=self._arn(name, qualifier)
            )
            try:
                outcome = await self._invoker.invoke(name, event, context, qualifier)
            except Exception as error:
                waited_s += pause_s
                if patience_s is not None and waited_s > patience_s:
                    raise Stopped from None
                await self._hold(error, pause_s)
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)
                continue
            self._is_function_gone = False
            await self._keep(outcome)
            return outcome

    async def _hold(self, error: Exception, pause_s: float) -> None:
        self._is_function_gone = isinstance(error, ResourceNotFound)
        reason = "Function does not exist" if self._is_function_gone else _reason(error)
        self._waiting += 1
        try:
            await self.note(f"PROBLEM: {reason}")
            await self.pause(pause_s)
        finally:
            self._waiting -= 1

    async def until_ready(self) -> None:
        """Wait while calls find no capacity or no function: what was received meanwhile would only
        be held. Raises Stopped."""
        while self._waiting:
            await self.pause(_PAUSE_S_MIN)
        pause_s = _PAUSE_S_MIN
        while self._is_function_gone:
            self._is_function_gone = not await self._exists()
            if self._is_function_gone:
                await self.pause(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)

    async def _exists(self) -> bool:
        try:
            await self._functions.route(
                self._mapping.function_name, self._mapping.qualifier or None
            )
        except ResourceNotFound:
            return False
        except WasmfaasError:
            pass  # It exists, and will say itself what it lacks.
        return True

    async def persistently(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """The result of *work*, tried again while the source, or storage, fails. Raises Stopped
        once there is nobody to wait for it any more."""
        pause_s = _PAUSE_S_MIN
        while True:
            try:
                result = await work()
                if self._has_source_failed:
                    self._has_source_failed = False
                    await self.note(OK)
                return result
            except Stopped:
                raise
            except Exception as error:
                self._has_source_failed = True
                await self.note(f"PROBLEM: {_reason(error)}")
                await self.pause(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)

    async def pause(self, seconds: float) -> None:
        """Wait; raises Stopped where `stop` is called meanwhile, or was."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        if self.is_stopped:
            raise Stopped

    async def either(self, work: "asyncio.Future[Any]", leave_s: float) -> None:
        """Wait until *work* is done; or, after `stop`, for another *leave_s* seconds at most."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await asyncio.wait((work,), timeout=leave_s)
        except BaseException:
            work.cancel()
            raise
        finally:
            stopping.cancel()

    async def note(self, result: str) -> None:
        """Show *result* as the mapping's LastProcessingResult."""
        if result == self._result:
            return
        if result != OK:
            _log.warning("event source mapping %s: %s", self._mapping.uuid, result)
        with contextlib.suppress(WasmfaasError):
            await self._results.record(self._mapping.uuid, None, result)
            self._result = result

    async def trouble(self, error: Exception) -> None:
        """Show *error*, of which nobody knows what it means."""
        await self.note(f"PROBLEM: {_reason(error)}")

    async def _keep(self, outcome: Outcome) -> None:
        result = OK if outcome.error_type is None else CALL_FAILED
        while True:
            try:
                await self._results.record(self._mapping.uuid, outcome.usage, result)
            except WasmfaasError as error:
                # Nobody else can say what was used: the batch stays in hand until it is kept.
                _log.warning("an outcome has to wait: %s", error.message)
                await asyncio.sleep(_PAUSE_S_MIN)
            else:
                self._result = result
                return


def _reason(error: Exception) -> str:
    """*error* for who looks at the mapping; a defect, of ours or of a source's, is in the log."""
    if isinstance(error, SourceFailed | WasmfaasError):
        return error.message
    _log.error("an event source mapping ran into a defect", exc_info=error)
    return f"{type(error).__name__} in the server's log"
