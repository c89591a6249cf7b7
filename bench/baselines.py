"""What the figures are compared with, run beside the server and in the same rounds."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import hello
from bench.failures import BenchFailure, NotMeasured

_CALL_S_MAX = 30.0
#: After the source of the handler: the event from the arguments, the answer as JSON.
_MAIN_SOURCE = """
import json, sys, types
answer = lambda_handler(json.loads(sys.argv[1]), types.SimpleNamespace(aws_request_id="none"))
print(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class PlainTimes:
    """Nanoseconds of each call, and how many of them the guest's start-up took."""

    total_ns: list[int]
    init_ns: list[int]


class PlainWasmtime:
    """The child process of `plain_wasmtime`. Lives as long as a run."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._failure: str | None = None

    def load(self, options: Mapping[str, Any]) -> None:
        """Have it compile or load what it will call; where it can't, `measure` says so."""
        with suppress(NotMeasured):
            self._exchange(options)

    def measure(self, subject: str, count: int) -> PlainTimes:
        """Time *count* calls of "c" or "python". Raises NotMeasured where it can't."""
        times = self._exchange({"subject": subject, "count": count})
        return PlainTimes(times["total_ns"], times["init_ns"])

    def _exchange(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if self._failure is None:
            answer = self._answer(message)
            self._failure = answer.get("error")
        if self._failure is not None:
            raise NotMeasured(f"plain wasmtime failed: {self._failure}")
        return answer

    def _answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            return {"error": "its process ended"}
        return answer


@contextmanager
def plain_wasmtime(
    folder: Path, cache_dir: Path, component_path: Path, note: Callable[[str], None]
) -> Iterator[PlainWasmtime]:
    """The child, ready for `measure`; gone when the block ends."""
    task, tmp = folder / "task", folder / "tmp"
    for path in (task, tmp):
        path.mkdir()
    (task / "app.py").write_bytes(hello.PYTHON_SOURCE.read_bytes())
    command = [sys.executable, "-m", "bench.plain_wasmtime"]
    root = Path(__file__).parents[1]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root) as process:
        try:
            child = PlainWasmtime(process)
            note("Loading plain wasmtime (once per machine, it compiles the runtime, some 10 s)")
            child.load(
                {
                    "component_path": str(component_path),
                    "module_path": str(hello.C_MODULE),
                    "cache_path": str(cache_dir / "bench"),
                    "handler": hello.PYTHON_HANDLER,
                    "task_path": str(task),
                    "tmp_path": str(tmp),
                    "event": hello.event(),
                    "context": hello.context(),
                    "greeting": hello.GREETING,
                }
            )
            yield child
        finally:
            process.kill()


def python_subprocess() -> int:
    """Nanoseconds of one `python -c` that says hello. Raises BenchFailure where it does not."""
    code = hello.PYTHON_SOURCE.read_text() + _MAIN_SOURCE
    command = [sys.executable, "-c", code, hello.event()]
    started_ns = time.perf_counter_ns()
    ran = subprocess.run(command, capture_output=True, timeout=_CALL_S_MAX, check=False)
    duration_ns = time.perf_counter_ns() - started_ns
    if ran.returncode != 0 or hello.GREETING.encode() not in ran.stdout:
        raise BenchFailure(f"python -c failed: {ran.stderr.decode(errors='replace')[-500:]}")
    return duration_ns
