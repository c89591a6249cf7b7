"""Starting a worker process, and telling it what it may do."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from wasmfaas.invoke.worker import Worker, child_environment
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefact

#: A worker that takes longer to come up than this is given up.
_START_S_MAX = 30.0


class Launcher:
    """Starts worker processes. Lives as long as the server."""

    def __init__(self, settings: Settings, scratch_path: Path, read_paths: list[Path]) -> None:
        self._settings = settings
        self._scratch_path = scratch_path
        self._read_paths = read_paths
        self._serial = 0
        #: A component that every worker loads before anybody asks for it.
        self.prewarmed: Artefact | None = None

    async def launch(
        self, on_idle: Callable[[Worker], None] | None, on_end: Callable[[Worker], None]
    ) -> Worker:
        """A worker that is about to report ready. Raises OSError."""
        self._serial += 1
        scratch = self._scratch_path / str(self._serial)
        scratch.mkdir(mode=0o700)
        ours, theirs = socket.socketpair()
        with theirs:
            # Not in a thread: the worker dies with the thread that starts it (PR_SET_PDEATHSIG).
            process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, "-P", "-m", "wasmfaas.sandbox.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=child_environment(),
                cwd=scratch,
            )
        worker = Worker(process, scratch)
        if on_idle is not None:
            worker.on_idle = on_idle
        worker.on_end = on_end
        await asyncio.get_running_loop().create_connection(lambda: worker, sock=ours)
        worker.configure(self._options(scratch))
        return worker

    def _options(self, scratch: Path) -> dict[str, object]:
        settings, warm = self._settings, self.prewarmed
        return {
            "parent_pid": os.getpid(),
            "scratch_path": str(scratch),
            "read_paths": [str(path) for path in self._read_paths],
            "sandboxes_max": settings.sandboxes_per_worker_max,
            "memory_bytes_max": settings.worker_memory_share,
            "calls_max": settings.sandbox_calls_max,
            "prewarmed": None if warm is None else [warm.sha256, str(warm.path)],
        }


async def until_started(worker: Worker) -> None:
    """Return once *worker* is ready. Raises WorkerDied, and TimeoutError where it takes too long,
    which ends it."""
    try:
        async with asyncio.timeout(_START_S_MAX):
            await worker.started
    except TimeoutError:
        worker.kill()
        raise
