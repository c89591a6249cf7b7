"""What a function raises, as Lambda's error payloads and lines of the log.

Error types and texts are those of AWS's own runtime interface client for Python.
"""

import json
import os
import sys
import traceback

_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_OWN_FOLDER = os.path.dirname(__file__)


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


def report(error: BaseException, request_id: str) -> FunctionError:
    error_type, trace = type(error).__name__, frames(error)
    try:
        message = str(error)
    except Exception as second:
        message = f"<{error_type}: its text raised {type(second).__name__}>"
    log_error(error_type, message, trace)
    return FunctionError(error_type, message, trace, request_id)


def exit_error(error: SystemExit, request_id: str) -> FunctionError:
    reason = f"with error: exit status {error.code}" if error.code else "without providing a reason"
    message = f"RequestId: {request_id} Error: Runtime exited {reason}"
    return FunctionError("Runtime.ExitError", message, [], request_id)


def frames(error: BaseException) -> list[str]:
    """The user's frames: those from the first one on that is not of what called the handler."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [index for index, frame in enumerate(frames) if not _is_ours(frame.filename)]
    return traceback.format_list(frames[own[0] :]) if own else []


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OWN_FOLDER) or "importlib" in filename or "/asyncio/" in filename


def log_error(error_type: str, message: str, trace: list[str]) -> None:
    lines = [f"[ERROR] {error_type}: {message}"]
    if trace:
        lines.append("Traceback (most recent call last):")
        text = "".join(trace).rstrip("\n").replace("\n", "\n" + _NO_BREAK_SPACE)
        lines.append(_NO_BREAK_SPACE + text.replace("  ", _NO_BREAK_SPACE * 2))
    sys.stdout.write("\n".join(lines) + "\n")
