"""What a function writes: its log, and the streams that lead there."""

import io
import logging
import os
import sys
import time

from _wasmfaas.context import LambdaContext


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


def level() -> int:
    """The level that the environment names, if it is one."""
    name = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    return logging.getLevelNamesMapping().get(name, logging.WARNING)


def text_stream(descriptor: int) -> io.TextIOWrapper:
    """A stream that writes lines as they are complete, and in full: the one that the interpreter
    makes here is not buffered, and drops what a single write does not take."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True
    )


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # The handler may have closed or replaced it; its output is its own affair.
            continue
