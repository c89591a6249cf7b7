"""Calls a function's handler with events, in a sandbox that is put back to its image after it."""

import gc
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from _wasmfaas import chunks, coroutines, documents, handlers, output
from _wasmfaas.context import LambdaContext, trace_id
from _wasmfaas.descriptors import holds_nothing_open, touch_descriptors
from _wasmfaas.failures import FunctionError, exit_error, log_error, report
from _wasmfaas.pages import Pages

_VERSION = sys.version.split()[0]
_TYPICAL_EVENT = '{"text": "a", "list": [1, 2.5, null], "object": {"b": true}}'
_TYPICAL_CONTEXT = (
    '{"traceId": "Root=1-0", "requestId": "0", "functionName": "f", "functionVersion": "1", '
    '"invokedFunctionArn": "a", "memoryLimitInMB": "128", "logGroupName": "g", '
    '"logStreamName": "s", "clientContext": null, "identity": null, "deadlineMs": "0"}'
)
_TRACE_VARIABLE = "_X_AMZN_TRACE_ID"
_TRACE_KEY = _TRACE_VARIABLE.encode()
_ENVIRONMENT = os.environ
_VARIABLES: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
_HEADROOM_BYTES = 8 * 1024 * 1024
_SPARE_BYTES = 1024 * 1024


class Runtime:
    """One function in one sandbox. Lives as long as the sandbox."""

    def __init__(self, emit: chunks.Emit) -> None:
        """*emit* sends parts of an answer."""
        self._emit = emit
        self._handler: Callable[[Any, LambdaContext], Any] | None = None
        self._log = output.RequestLog()
        self._pages = Pages()

    def start(self, handler: str) -> str:
        """As `_start`, with whatever goes wrong as FunctionError: what escapes traps."""
        try:
            return self._start(handler)
        except FunctionError:
            raise
        except BaseException as error:
            raise report(error, "") from None

    def _start(self, handler: str) -> str:
        """Import *handler* (`package.module.function`); the answer is the version of this Python,
        what `Pages.list_function` says, and more where the memory alone does not make another
        sandbox like this one. A second call, without a handler, ends the start-up.

        Raises FunctionError where it can't be had.
        """
        touch_descriptors()
        if not handler:
            # Either the memory will be replaced by one that has been started, or it has been now.
            if self._handler is not None:
                self._finish()
            return _VERSION
        os.reload_environ()  # type: ignore[attr-defined]
        os.chdir(handlers.TASK_PATH)
        # In the image because of what the build imports. Whoever wants it imports it anew, so that
        # only functions that use it pay for seeding it in every invocation.
        sys.modules.pop("random", None)
        sys.path[:0] = [path for path in handlers.search_path() if os.path.isdir(path)]
        logging.root.addHandler(self._log)
        logging.root.setLevel(output.level())
        try:
            self._handler = handlers.load(handler)
            coroutines.prepare(self._handler)
        finally:
            output.flush()
        objects, types = self._pages.list_function()
        opened = "" if holds_nothing_open() else " with open files"
        return f"{_VERSION} {objects} {types}{opened}"

    def _finish(self) -> None:
        """Make the image final, once the host has seen what is to be immortal."""
        self._pages.settle(id(bytes(_SPARE_BYTES)))
        if os.environ is _ENVIRONMENT:
            self.warm_up(1)
        # What the image holds is garbage to nobody: collections in a handler must not walk it.
        gc.freeze()
        gc.enable()

    def invoke(self, event: str, context: str) -> str:
        """Call the handler; the answer is the empty text where it was sent in parts. Raises
        FunctionError for whatever goes wrong in it."""
        assert self._handler is not None
        lambda_context = LambdaContext(context)
        self._log.context = lambda_context
        _restore_uniqueness(context)
        try:
            answer = self._handler(documents.parsed(event), lambda_context)
        except SystemExit as error:
            raise exit_error(error, lambda_context.aws_request_id) from None
        except BaseException as error:
            raise report(error, lambda_context.aws_request_id) from None
        finally:
            output.flush()
        return self._answered(answer, lambda_context)

    def _answered(self, answer: Any, context: LambdaContext) -> str:
        try:
            return documents.marshalled(answer)
        except BaseException as error:
            is_coroutine = coroutines.is_coroutine(answer)
            if not is_coroutine and not chunks.is_stream(answer):
                raise _unmarshalled(error, context) from None
        # Not while an exception is handled, which would be the context of what is raised now.
        return self._completed(answer, context) if is_coroutine else self._stream(answer, context)

    def _completed(self, coroutine: Any, context: LambdaContext) -> str:
        """The answer that *coroutine*, a handler's, comes to. Its handler runs now."""
        try:
            answer = coroutines.completed(coroutine)
        except SystemExit as error:
            raise exit_error(error, context.aws_request_id) from None
        except BaseException as error:
            raise report(error, context.aws_request_id) from None
        finally:
            output.flush()
        return self._answered(answer, context)

    def _stream(self, answer: Any, context: LambdaContext) -> str:
        """Send what *answer* yields. Most of its handler runs now."""
        try:
            chunks.send(answer, self._emit)
        except SystemExit as error:
            raise exit_error(error, context.aws_request_id) from None
        except BaseException as error:
            raise report(error, context.aws_request_id) from None
        finally:
            output.flush()
        return ""

    def settle(self, file: BinaryIO) -> None:
        """Make the image of the runtime final; the addresses of what is in it go to *file*."""
        self._pages.list_runtime(file)
        gc.collect()
        # Grown now and freed at once: a handler that needs no more than this leaves the size of the
        # memory alone, so that its sandbox can be put back to its image.
        self._pages.settle(id(bytes(_HEADROOM_BYTES)))
        gc.freeze()
        # A collection while a function is imported would write to every page that holds an object.
        gc.disable()

    def warm_up(self, calls: int) -> None:
        """Let the interpreter specialise and look up what every invocation needs: an image never
        gets warmer, and what is found in a cache is not written to it again."""
        handler, self._handler = self._handler, _typical
        kept = _VARIABLES.get(_TRACE_KEY)
        for _ in range(calls):
            self.invoke(_TYPICAL_EVENT, _TYPICAL_CONTEXT)
        del _VARIABLES[_TRACE_KEY]
        if kept is not None:
            _VARIABLES[_TRACE_KEY] = kept
        self._handler = handler
        self._log.context = None


def _unmarshalled(error: BaseException, context: LambdaContext) -> FunctionError:
    message = f"Unable to marshal response: {error}"
    log_error("Runtime.MarshalError", message, [])
    return FunctionError("Runtime.MarshalError", message, [], context.aws_request_id)


def _typical(event: Any, context: LambdaContext) -> Any:
    text = event.get("text") or "none"
    return {"text": f"{text} {context.get_remaining_time_in_millis()}", "event": event,
            "requestId": context.aws_request_id}  # fmt: skip


def _restore_uniqueness(context: str) -> None:
    """Undo what the image repeats: the state of the pseudo-random generator."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    trace = trace_id(context)
    if trace is not None:
        if os.environ is _ENVIRONMENT:
            # No C code reads it, and `os.environ` would tell libc.
            _VARIABLES[_TRACE_KEY] = trace.encode()
        else:
            os.environ[_TRACE_VARIABLE] = trace
