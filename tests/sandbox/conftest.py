"""Real worker processes and a real compiler, without a server around them."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from wasmfaas.invoke.compilers import Compilers
from wasmfaas.invoke.invocation import context_text
from wasmfaas.invoke.job import Errand, WorkerDied
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.workers import Workers
from wasmfaas.models import InvocationContext, Isolation, PackageKind, SandboxSpec
from wasmfaas.settings import MIB, Settings
from wasmfaas.store.artefacts import Artefact, Artefacts

REQUEST_ID = "6f1f6ea4-4b6a-4d53-8d5e-000000000001"


class Pool:
    """Workers, and what it takes to give them something to run."""

    def __init__(self, root: Path, cache_dir: Path, **settings: Any) -> None:
        self.root = root
        self.settings = Settings(
            data_dir=root, cache_dir=cache_dir, **({"workers_max": 1} | settings)
        )
        self.runner = asyncio.Runner()
        self.compilers = Compilers(self.settings, Artefacts(cache_dir))
        self.runtime = PythonRuntime(self.settings, self.compilers)
        (root / "tasks").mkdir(parents=True)
        self.python()  # makes the folder that workers read
        read_paths = [root / "tasks", cache_dir / "artefacts", cache_dir / "python-runtime"]
        self.workers = Workers(self.settings, root / "workers", read_paths)
        self.runner.run(self.workers.start())
        self._serial = itertools.count()

    def close(self) -> None:
        self.runner.run(self.workers.close())
        self.runner.close()

    def compiled(self, module: str | bytes) -> Artefact:
        path = self.root / f"{next(self._serial)}.wasm"
        path.write_bytes(wasmtime.wat2wasm(module) if isinstance(module, str) else module)
        return self.runner.run(self.compilers.compile(path))

    def python(self) -> Artefact:
        return self.runner.run(self.runtime.ensure(lambda step: None))

    def target(
        self, artefact: Artefact, files: Mapping[str, str | bytes] | None = None, **members: Any
    ) -> Target:
        number = next(self._serial)
        task_path = self.root / "tasks" / str(number)
        task_path.mkdir()
        for name, content in (files or {}).items():
            path = task_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        defaults = {
            "key": str(number),
            "function_name": "function",
            "function_version": "$LATEST",
            "kind": artefact.kind,
            "isolation": Isolation.PRISTINE,
            "handler": "app.lambda_handler",
            "artefact_path": str(artefact.path),
            "artefact_sha256": artefact.sha256,
            "restorable": artefact.inspection.restorable,
            "task_path": str(task_path),
            "environment": {"AWS_LAMBDA_LOG_STREAM_NAME": "stream"},
            "memory_bytes_max": 128 * MIB,
            "tmp_bytes_max": 512 * MIB,
            # Of those who are not here to be timed out.
            "timeout_ms": 60_000,
            "fuel_max": 10**13,
            "log_bytes_max": 64 * 1024,
            "response_bytes_max": 6_291_556,
        }
        return Target(SandboxSpec(**(defaults | members)))

    def function(self, source: str, **members: Any) -> Target:
        """A Python function of one file."""
        return self.package({"app.py": source}, **members)

    def package(self, files: Mapping[str, str], **members: Any) -> Target:
        """A Python function of several files."""
        artefact = self.python()
        # The runtime is a component to whoever inspects it; who deploys it knows better.
        own = {"kind": PackageKind.PYTHON, "memory_path": str(self.runtime.memory_path)}
        return self.target(artefact, files, **(own | members))

    def request(
        self, target: Target, event: Any = None, request_id: str = REQUEST_ID
    ) -> dict[str, Any]:
        """The message that asks a worker for one invocation."""
        arn = "arn:aws:lambda:us-east-1:000000000000:function:function"
        known = InvocationContext(
            request_id=request_id,
            invoked_function_arn=arn,
            trace_id="Root=1-00000000-000000000000000000000000",
        )
        context = context_text(target, known)
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return {"op": "invoke", "request_id": request_id, "event": body, "context": context}

    def invoke(self, target: Target, event: Any = None, *, request_id: str = REQUEST_ID) -> Reply:
        """Run one invocation. Raises WorkerDied."""

        def complete(answer: dict[str, Any] | WorkerDied) -> Reply:
            if isinstance(answer, WorkerDied):
                raise answer
            reply: Reply = answer["reply"]
            return reply

        async def run() -> Reply:
            errand = Errand(target, self.request(target, event, request_id), complete)
            self.workers.submit(errand)
            reply: Reply = await errand.result
            return reply

        return self.runner.run(run())


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Pool]:
    """One worker for all tests of sandboxes: what one leaves behind, another would find."""
    pool = Pool(tmp_path_factory.mktemp("pool") / "data", cache_dir)
    yield pool
    pool.close()


def answer(reply: Reply) -> Any:
    """The parsed answer of an invocation that must have succeeded."""
    assert reply.error_type is None, reply.payload
    return json.loads(reply.payload)
