"""Imports a handler, calls it with events, and turns what it raises into Lambda's error payloads.

Error types and texts are those of AWS's own runtime interface client for Python.
"""

import decimal
import gc
import importlib
import io
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from _wasmfaas import chunks
from _wasmfaas.context import LambdaContext, trace_id
from _wasmfaas.library import Library
from _wasmfaas.pages import Pages

TASK_PATH = "/var/task"
LAYER_PATH = "/opt/python"
_RUNTIME_PREFIX = "AWS_Lambda_"
_VERSION = sys.version.split()[0]
#: Standard streams, /var/task, /tmp and /opt come first.
_FIRST_OWN_DESCRIPTOR = 6
_DESCRIPTORS_LOOKED_AT = 256
_WARM_UP_CALLS = 100
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
HEADROOM_BYTES = 8 * 1024 * 1024
_SPARE_BYTES = 1024 * 1024
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


class FunctionError(Exception):
    """Carries Lambda's error payload as JSON text."""

    def __init__(self, error_type: str, message: str, trace: list[str], request_id: str) -> None:
        super().__init__(message)
        members = {
            "errorMessage": message,
            "errorType": error_type,
            "requestId": request_id,
            "stackTrace": trace,
        }
        self.payload = json.dumps(members)


class RequestLog(logging.Handler):
    """Writes records as Lambda does: level, time and request id, separated by tabs."""

    context: LambdaContext | None = None

    @property
    def request_id(self) -> str:
        return "" if self.context is None else self.context.aws_request_id

    def emit(self, record: logging.LogRecord) -> None:
        try:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            text = self.format(record)
            line = f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{self.request_id}"
            sys.stdout.write(f"{line}\t{text}\n")
        except Exception:
            self.handleError(record)


class Runtime:
    """One function in one sandbox. Lives as long as the sandbox."""

    def __init__(self, emit: chunks.Emit) -> None:
        """*emit* sends parts of an answer."""
        self._emit = emit
        self._handler: Callable[[Any, LambdaContext], Any] | None = None
        self._log = RequestLog()
        self._pages = Pages()

    def start(self, handler: str) -> str:
        """As `_start`, with whatever goes wrong as FunctionError: what escapes traps."""
        try:
            return self._start(handler)
        except FunctionError:
            raise
        except BaseException as error:
            raise _report(error, "") from None

    def _start(self, handler: str) -> str:
        """Import *handler* (`package.module.function`); the answer is the version of this Python,
        what `Pages.list_function` says, and more where the memory alone does not make another
        sandbox like this one. A second call, without a handler, ends the start-up.

        Raises FunctionError where it can't be had.
        """
        _touch_descriptors()
        if not handler:
            # Either the memory will be replaced by one that has been started, or it has been now.
            if self._handler is not None:
                self._finish()
            return _VERSION
        os.reload_environ()  # type: ignore[attr-defined]
        os.chdir(TASK_PATH)
        # In the image because of what the build imports. Whoever wants it imports it anew, so that
        # only functions that use it pay for seeding it in every invocation.
        sys.modules.pop("random", None)
        sys.path[:0] = [path for path in _search_path() if os.path.isdir(path)]
        logging.root.addHandler(self._log)
        logging.root.setLevel(_log_level())
        try:
            self._handler = _load(handler)
        finally:
            _flush()
        objects, types = self._pages.list_function()
        opened = "" if _holds_nothing_open() else " with open files"
        return f"{_VERSION} {objects} {types}{opened}"

    def _finish(self) -> None:
        """Make the image final, once the host has seen what is to be immortal."""
        self._pages.settle(id(bytes(_SPARE_BYTES)))
        if os.environ is _ENVIRONMENT:
            _warm_up(self, 1)
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
            answer = self._handler(_parsed(event), lambda_context)
        except SystemExit as error:
            raise _exit_error(error, lambda_context.aws_request_id) from None
        except BaseException as error:
            raise _report(error, lambda_context.aws_request_id) from None
        finally:
            _flush()
        return _marshal(answer, lambda_context) or self._stream(answer, lambda_context)

    def _stream(self, answer: Any, context: LambdaContext) -> str:
        """Send what *answer* yields. Most of its handler runs now."""
        try:
            chunks.send(answer, self._emit)
        except SystemExit as error:
            raise _exit_error(error, context.aws_request_id) from None
        except BaseException as error:
            raise _report(error, context.aws_request_id) from None
        finally:
            _flush()
        return ""

    def settle(self, file: BinaryIO) -> None:
        """Make the image of the runtime final; the addresses of what is in it go to *file*."""
        self._pages.list_runtime(file)
        gc.collect()
        # Grown now and freed at once: a handler that needs no more than this leaves the size of the
        # memory alone, so that its sandbox can be put back to its image.
        self._pages.settle(id(bytes(HEADROOM_BYTES)))
        gc.freeze()
        # A collection while a function is imported would write to every page that holds an object.
        gc.disable()


def _search_path() -> tuple[str, str, str]:
    """Where modules are looked for, in Lambda's order. The Python in the path is the one that the
    function asks for: that is what its layers were made for."""
    python = os.environ.get("AWS_EXECUTION_ENV", "").removeprefix(_RUNTIME_PREFIX)
    return TASK_PATH, f"{LAYER_PATH}/lib/{python}/site-packages", LAYER_PATH


def prepare_image(runtime: Runtime) -> None:
    """Put what every function needs into the image, and take out what only the build needed."""
    library = Library()
    library.collect(next(path for path in sys.path if os.path.exists(f"{path}/os.py")))
    sys.meta_path.append(library)
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = True
    sys.stdout = sys.__stdout__ = _text_stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _text_stream(2)  # type: ignore[misc]
    _warm_up(runtime, _WARM_UP_CALLS)


def _warm_up(runtime: Runtime, calls: int) -> None:
    """Let the interpreter specialise and look up what every invocation needs: an image never gets
    warmer, and what is found in a cache is not written to it again."""
    handler, runtime._handler = runtime._handler, _typical
    kept = _VARIABLES.get(_TRACE_KEY)
    for _ in range(calls):
        runtime.invoke(_TYPICAL_EVENT, _TYPICAL_CONTEXT)
    del _VARIABLES[_TRACE_KEY]
    if kept is not None:
        _VARIABLES[_TRACE_KEY] = kept
    runtime._handler = handler
    runtime._log.context = None


def _typical(event: Any, context: LambdaContext) -> Any:
    text = event.get("text") or "none"
    return {"text": f"{text} {context.get_remaining_time_in_millis()}", "event": event,
            "requestId": context.aws_request_id}  # fmt: skip


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    """A stream that writes lines as they are complete, and in full: the one that the interpreter
    makes here is not buffered, and drops what a single write does not take."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True
    )


def _load(handler: str) -> Callable[[Any, LambdaContext], Any]:
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        message = f"Bad handler '{handler}': {error}"
        raise FunctionError("Runtime.MalformedHandlerName", message, [], "") from None
    module_name = module_name.replace("/", ".")
    if module_name in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise FunctionError("Runtime.BuiltInModuleConflict", message, [], "")
    module = _import(module_name)
    function = getattr(module, function_name, None)
    if not hasattr(module, function_name):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FunctionError("Runtime.HandlerNotFound", message, [], "")
    if not callable(function):
        message = (
            f"Handler '{function_name}' on module '{module_name}' is not callable: "
            f"it is of type {type(function).__name__}"
        )
        raise FunctionError("Runtime.HandlerNotFound", message, [], "")
    return function  # type: ignore[no-any-return]


def _import(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        _log_error("Runtime.ImportModuleError", message, _frames(error))
        raise FunctionError("Runtime.ImportModuleError", message, _frames(error), "") from None
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        _log_error("Runtime.UserCodeSyntaxError", message, trace)
        raise FunctionError("Runtime.UserCodeSyntaxError", message, trace, "") from None
    except SystemExit as error:
        raise _exit_error(error, "") from None
    except BaseException as error:
        raise _report(error, "") from None


def _log_level() -> int:
    """The level that the environment names, if it is one."""
    name = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    return logging.getLevelNamesMapping().get(name, logging.WARNING)


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


def _parsed(event: str) -> Any:
    """As `json.loads`, without what looks for white space around the event."""
    try:
        value, end = _SCAN(event, 0)
    except StopIteration:
        end = -1
    return value if end == len(event) else json.loads(event)


def _marshal(answer: Any, context: LambdaContext) -> str:
    """*answer* as JSON; the empty text where it comes in parts."""
    try:
        text = "".join(_ENCODE(answer, 0))
        # Half of a surrogate pair, which UTF-8 has no form for, is JSON when it is escaped.
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
    except BaseException as error:
        _MARKERS.clear()
        if chunks.is_stream(answer):
            return ""
        message = f"Unable to marshal response: {error}"
        _log_error("Runtime.MarshalError", message, [])
        request_id = context.aws_request_id
        raise FunctionError("Runtime.MarshalError", message, [], request_id) from None


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


#: What `json.loads` does its work with.
_SCAN = json.scanner.c_make_scanner(json.JSONDecoder())  # type: ignore[misc]
#: What `json.dumps(ensure_ascii=False)` makes anew for every call, made once.
_MARKERS: dict[int, Any] = {}
_ENCODE = json.encoder.c_make_encoder(  # type: ignore[misc]
    _MARKERS, _plain, json.encoder.encode_basestring, None, ": ", ", ", False, False, True
)


def _report(error: BaseException, request_id: str) -> FunctionError:
    error_type, trace = type(error).__name__, _frames(error)
    try:
        message = str(error)
    except Exception as second:
        message = f"<{error_type}: its text raised {type(second).__name__}>"
    _log_error(error_type, message, trace)
    return FunctionError(error_type, message, trace, request_id)


def _exit_error(error: SystemExit, request_id: str) -> FunctionError:
    reason = f"with error: exit status {error.code}" if error.code else "without providing a reason"
    message = f"RequestId: {request_id} Error: Runtime exited {reason}"
    return FunctionError("Runtime.ExitError", message, [], request_id)


def _frames(error: BaseException) -> list[str]:
    """The user's frames: those from the first one outside of this file and importlib on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [index for index, frame in enumerate(frames) if not _is_ours(frame.filename)]
    return traceback.format_list(frames[own[0] :]) if own else []


def _is_ours(filename: str) -> bool:
    return filename in (__file__, chunks.__file__) or "importlib" in filename


def _log_error(error_type: str, message: str, trace: list[str]) -> None:
    lines = [f"[ERROR] {error_type}: {message}"]
    if trace:
        lines.append("Traceback (most recent call last):")
        text = "".join(trace).rstrip("\n").replace("\n", "\n" + _NO_BREAK_SPACE)
        lines.append(_NO_BREAK_SPACE + text.replace("  ", _NO_BREAK_SPACE * 2))
    sys.stdout.write("\n".join(lines) + "\n")


def _touch_descriptors() -> None:
    """Let libc open what it opens at first use and keeps: every sandbox then holds the same handles
    in the same order, whatever its function does first."""
    os.write(1, b"")
    os.write(2, b"")
    os.stat(TASK_PATH)


def _holds_nothing_open() -> bool:
    """Whether the start-up left no file open: the host keeps those, not the memory."""
    for descriptor in range(_FIRST_OWN_DESCRIPTOR, _DESCRIPTORS_LOOKED_AT):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        return False
    return True


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # The handler may have closed or replaced it; its output is its own affair.
            continue
