"""The server's end of one compiler process: what it is told, and what its end means."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from wasmfaas import wire
from wasmfaas.declaration import environment_name
from wasmfaas.errors import InvalidParameterValue, ServiceFailure, StorageFull
from wasmfaas.invoke.worker import child_environment
from wasmfaas.models import Inspection
from wasmfaas.settings import MIB, Settings

_logger = logging.getLogger(__name__)

_ANSWERS_BYTES_MAX = 256 * 1024
_STDERR_BYTES_KEPT = 16 * 1024
_REASON_CHARACTERS_MAX = 4096
_THREADS_MAX = 8
_NICENESS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What one compilation may use; None is as much as it takes."""

    cpu_s: int | None = None
    wall_s: int | None = None
    memory_bytes: int | None = None
    #: Added to the priority, so that what runs already goes first.
    niceness: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Those for modules that anybody may have sent."""
        return cls(
            cpu_s=settings.compile_cpu_s_max,
            wall_s=settings.compile_wall_s_max,
            memory_bytes=settings.compile_memory_bytes_max,
            niceness=_NICENESS,
        )


@dataclass(slots=True)
class _Answers:
    """What the compiler said. It may have been subverted by its module: nothing is taken on trust,
    and the worst that it can say is something wrong about that module."""

    inspection: Inspection | None = None
    compiled: bool = False
    refusal: str | None = None
    failure: str | None = None
    jail_missing: dict[str, str] = field(default_factory=dict)

    def add(self, message: dict[str, Any]) -> None:
        """Raises ValueError for what is no answer."""
        match message:
            case {"type": "jail", "missing": dict(missing)}:
                self.jail_missing = {str(k): str(v)[:200] for k, v in list(missing.items())[:16]}
            case {"type": "inspected"}:
                self.inspection = Inspection.read(message)
            case {"type": "compiled"}:
                self.compiled = True
            case {"type": "refused", "reason": str(reason)}:
                self.refusal = _printable(reason[:_REASON_CHARACTERS_MAX])
            case {"type": "failed", "cause": str(cause)}:
                self.failure = cause
            case _:
                raise ValueError("not an answer of a compiler")


class _Conversation(asyncio.SubprocessProtocol):
    """What a compiler process says, until it has ended. Lives as long as the process."""

    def __init__(
        self,
        on_inspected: Callable[[Inspection], None],
        on_jail: Callable[[dict[str, str]], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.answers = _Answers()
        #: Done when all has been said; failed where that is no answer.
        self.ended: asyncio.Future[None] = loop.create_future()
        self.exited: asyncio.Future[None] = loop.create_future()
        self._on_inspected = on_inspected
        self._on_jail = on_jail
        self._decoder = wire.Decoder()
        self._bytes = 0

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self.ended.done():
            return
        try:
            self._bytes += len(data)
            if self._bytes > _ANSWERS_BYTES_MAX:
                raise ValueError(f"more than {_ANSWERS_BYTES_MAX} bytes")
            for message in self._decoder.feed(data):
                self._add(message)
        except (wire.BrokenFrame, ValueError) as error:
            _logger.error("a compiler sent what is no answer: %s", error)
            self.ended.set_exception(ServiceFailure("The compiler gave no proper answer."))

    def process_exited(self) -> None:
        self.exited.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _add(self, message: dict[str, Any]) -> None:
        before = self.answers.inspection
        self.answers.add(message)
        if message["type"] == "jail":
            self._on_jail(self.answers.jail_missing)
        if before is None and self.answers.inspection is not None:
            self._on_inspected(self.answers.inspection)


class Compiler:
    """Compiles one module in a child process. Lives as long as that."""

    def __init__(
        self,
        limits: Limits,
        on_inspected: Callable[[Inspection], None],
        on_jail: Callable[[dict[str, str]], None],
    ) -> None:
        self._limits = limits
        self._conversation = _Conversation(on_inspected, on_jail)

    async def run(self, wasm_path: Path, output_path: Path) -> Inspection:
        """Compile the module to *output_path*, in a folder that holds nothing else.

        Raises InvalidParameterValue where the module is at fault, ServiceFailure, StorageFull.
        """
        conversation, limits = self._conversation, self._limits
        with tempfile.TemporaryFile(dir=output_path.parent) as stderr:
            # Not in a thread: the child dies with the thread that starts it (PR_SET_PDEATHSIG).
            child, _ = await asyncio.get_running_loop().subprocess_exec(
                lambda: conversation,
                *(sys.executable, "-P", "-m", "wasmfaas.sandbox.compiler"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=stderr,
                env=child_environment() | _thrift(),
                cwd=output_path.parent,
            )
            try:
                self._send(child, self._request(wasm_path, output_path))
                async with asyncio.timeout(limits.wall_s):
                    await conversation.ended
            except TimeoutError:
                raise _exceeded(f"takes longer than {limits.wall_s} s", "wall_s") from None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await conversation.exited
                child.close()
            status = child.get_returncode()
            assert status is not None, "it has exited"
            return self._verdict(status, _tail(stderr))

    def _send(self, child: asyncio.SubprocessTransport, request: bytes) -> None:
        # uvloop's transports do not derive from asyncio's.
        stdin = cast(asyncio.WriteTransport, child.get_pipe_transport(0))
        stdin.write(request)
        stdin.close()

    def _request(self, wasm_path: Path, output_path: Path) -> bytes:
        return wire.encode(
            {
                "parent_pid": os.getpid(),
                "wasm_path": str(wasm_path.absolute()),
                "output_path": str(output_path),
                "memory_bytes_max": self._limits.memory_bytes,
                "cpu_s_max": self._limits.cpu_s,
                "niceness": self._limits.niceness,
            }
        )

    def _verdict(self, status: int, stderr: str) -> Inspection:
        """What the answers and the exit status come to. Raises as `run`."""
        answers, limits = self._conversation.answers, self._limits
        if answers.refusal is not None:
            raise InvalidParameterValue(answers.refusal)
        if answers.compiled and answers.inspection is not None and status == 0:
            return answers.inspection
        if answers.failure == "space":
            raise StorageFull(
                "The disk that holds the cache directory is full: the module was not compiled. "
                "Make room, then deploy again."
            )
        if answers.failure == "memory" or "memory allocation of" in stderr:
            memory_mb = (limits.memory_bytes or 0) // MIB
            raise _exceeded(f"needs more than {memory_mb} MB of memory", "memory_bytes")
        if status == -signal.SIGXCPU:
            raise _exceeded(f"takes more than {limits.cpu_s} s of CPU time", "cpu_s")
        _logger.error("a compiler ended with status %d:\n%s", status, stderr)
        if status == -signal.SIGKILL:
            raise InvalidParameterValue(
                "Compiling the module was ended by the system, most likely because the machine "
                "ran out of memory. Deploy a smaller or simpler module."
            )
        if status < 0:
            name = signal.Signals(-status).name
            raise InvalidParameterValue(f"The compiler crashed on the module ({name}).")
        raise ServiceFailure("The compiler failed; the server's log says why.")


def _exceeded(what: str, limit: str) -> InvalidParameterValue:
    variable = environment_name(f"compile_{limit}_max")
    return InvalidParameterValue(
        f"Compiling the module {what}, the limit. Deploy a smaller or simpler module, or start the "
        f"server with a higher {variable}."
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _tail(file: IO[bytes]) -> str:
    """The last that was written to *file*."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _STDERR_BYTES_KEPT, 0))
    return file.read().decode("utf-8", "replace")


def _thrift() -> dict[str, str]:
    """Address space is limited, and both arenas and threads take it by the core."""
    threads = min(os.cpu_count() or 1, _THREADS_MAX)
    return {"MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": str(threads)}
