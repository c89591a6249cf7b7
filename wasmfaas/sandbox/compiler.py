"""The compiler: a process for one module. The request comes as a frame on stdin; frames go out on
stdout: `jail`, then `inspected` and `compiled`, or `refused`, or `failed`.

A module can be made so that compiling it takes hours and all memory, or so that it upsets the
compiler. This process is limited in both, reaches no file but the module and the folder for the
result, and is killed by its parent if it takes too long.
"""

import errno
import os
import sys
import traceback
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime import component

from wasmfaas import wire
from wasmfaas.models import PackageKind
from wasmfaas.sandbox import jail
from wasmfaas.sandbox.engine import new_engine
from wasmfaas.sandbox.exposure import expose
from wasmfaas.sandbox.inspection import Inspector, Refused, shown_reason
from wasmfaas.sandbox.segments import joined

_RECEIVE_BYTES = 65536
_OUT_OF_MEMORY = "memory"
_OUT_OF_SPACE = "space"
_OUT_OF_MEMORY_WORDS = ("os error 12", "cannot allocate memory", "memory allocation")


class Failed(Exception):
    """The module may be fine, but its compilation failed; `cause` says for want of what."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Answers:
    """The channel to the server: stdout, as it was before anything else could print on it."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def send(self, **members: Any) -> None:
        """One frame."""
        data = wire.encode(members)
        while data:
            data = data[os.write(self._descriptor, data) :]


def main() -> None:
    """Entry point: `python -m wasmfaas.sandbox.compiler`."""
    request = _request()
    jail.die_with_parent(request["parent_pid"])
    os.nice(request["niceness"])
    answers = Answers()
    wasm_path, output_path = Path(request["wasm_path"]), Path(request["output_path"])
    report = jail.enter(
        jail.JailPolicy(
            read_paths=(wasm_path,),
            write_paths=(output_path.parent,),
            address_bytes_max=request["memory_bytes_max"],
            file_bytes_max=request["memory_bytes_max"],
            cpu_s_max=request["cpu_s_max"],
        )
    )
    answers.send(type="jail", missing=report.missing)
    try:
        inspector = Inspector(new_engine())
        _serve(inspector, wasm_path, output_path, answers)
    except Refused as reason:
        answers.send(type="refused", reason=str(reason))
    except Failed as failure:
        answers.send(type="failed", cause=failure.cause)
    except MemoryError:
        answers.send(type="failed", cause=_OUT_OF_MEMORY)


def _serve(inspector: Inspector, wasm_path: Path, output_path: Path, answers: Answers) -> None:
    wasm = wasm_path.read_bytes()
    inspection = inspector.inspect(wasm)
    if inspection.kind is not PackageKind.COMPONENT:
        wasm = joined(wasm)
    if inspection.kind is PackageKind.REACTOR and (exposed := expose(wasm)) is not None:
        wasm, inspection = exposed, replace(inspection, restorable=True)
    answers.send(type="inspected", **asdict(inspection))
    compile_ = component.Component if inspection.kind is PackageKind.COMPONENT else wasmtime.Module
    try:
        compiled = compile_(inspector.engine, wasm).serialize()
    except wasmtime.WasmtimeError as error:
        if any(words in str(error).lower() for words in _OUT_OF_MEMORY_WORDS):
            raise MemoryError from error
        raise Refused(f"The module cannot be compiled: {shown_reason(error)}") from None
    try:
        output_path.write_bytes(compiled)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Failed(_OUT_OF_SPACE) from error
        raise
    answers.send(type="compiled")


def _request() -> dict[str, Any]:
    decoder = wire.Decoder()
    while data := os.read(0, _RECEIVE_BYTES):
        for request in decoder.feed(data):
            return request
    os._exit(0)  # The server has gone.


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    # Wasmtime's threads may still hold callbacks that a normal exit would take down.
    os._exit(0)
