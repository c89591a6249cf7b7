"""The one way into a function: resolve, admit, lease, run, meter, log. Every trigger ends here."""

import asyncio
import dataclasses
import functools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from wasmfaas import abi
from wasmfaas.errors import ResourceConflict, TooManyRequests, WasmfaasError
from wasmfaas.invoke.admission import Admission
from wasmfaas.invoke.calls import Calls
from wasmfaas.invoke.deployments import Prepared
from wasmfaas.invoke.figures import WINDOW_S
from wasmfaas.invoke.invocation import EXITED, TIMED_OUT, Books, Done, Invocation
from wasmfaas.invoke.job import WorkerDied
from wasmfaas.invoke.routes import Routes, Split
from wasmfaas.invoke.snapshots import Snapshots
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.invoke.target import Target, log_group, log_stream
from wasmfaas.invoke.workers import Workers
from wasmfaas.models import (
    Deployment,
    InvocationContext,
    Outcome,
    PackageKind,
    Route,
    SandboxSpec,
    Version,
)
from wasmfaas.settings import MIB, Settings

#: As Lambda has them, though nothing here looks in most of it.
PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
LIBRARY_PATH = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)


class Functions(Protocol):
    """Where functions are looked up."""

    async def route(self, name: str, qualifier: str | None = None) -> Route: ...


class Reservations(Protocol):
    """Where reserved concurrency is looked up."""

    async def reserved_concurrency(self, name: str) -> int | None: ...


class Preparing(Protocol):
    """What makes a deployment runnable."""

    async def prepare(self, deployment: Deployment) -> Prepared: ...


class Invoker:
    """Runs invocations. Lives as long as the server.

    *draw*, which gives evenly distributed numbers from 0 up to 1, decides which version of a
    weighted alias runs.
    """

    def __init__(
        self,
        settings: Settings,
        functions: Functions,
        deployments: Preparing,
        workers: Workers,
        books: Books,
        snapshots: Snapshots,
        reservations: Reservations,
        admission: Admission,
        calls: Calls,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._functions = functions
        self._deployments = deployments
        self._workers = workers
        self._books = books
        self._snapshots = snapshots
        self._reservations = reservations
        self._admission = admission
        self._calls = calls
        self._targets = Routes(draw)

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        """Run *name* on *event* (JSON text); the outcome is metered before this returns. What runs
        is the version or alias *qualifier*; `$LATEST` where it is None.

        Raises ResourceNotFound, ResourceConflict (not active), TooManyRequests,
        ServiceUnavailable, StorageFull.
        """
        target = self._targets.get(name, qualifier) or await self._resolve(name, qualifier)
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        invocation = self._begin(target, event, context, functools.partial(_end, ended))
        try:
            return await ended
        finally:
            self._withdraw(invocation)

    async def stream(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> ResponseStream:
        """As `invoke`, with the answer as it comes; whoever calls this closes the stream. What
        refuses the invocation is raised where the stream is read."""
        target = self._targets.get(name, qualifier) or await self._resolve(name, qualifier)
        stream = ResponseStream(target.spec.function_version, self._settings.stream_bytes_max)
        invocation = self._begin(target, event, context, stream.end, stream)
        stream.on_close = functools.partial(self._withdraw, invocation)
        return stream

    def _withdraw(self, invocation: Invocation | None) -> None:
        """Have it wait no more; what runs already runs on."""
        if invocation is not None and self._workers.withdraw(invocation):
            invocation.withdrawn()

    def start(
        self,
        name: str,
        event: bytes,
        context: InvocationContext,
        done: Done,
        qualifier: str | None = None,
    ) -> bool:
        """As `invoke`, for a function that is known already: False where it is not, and nothing has
        been done. *done* is called once, with the outcome or the error; raises nothing."""
        target = self._targets.get(name, qualifier)
        if target is None:
            return False
        self._begin(target, event, context, done)
        return True

    def _begin(
        self,
        target: Target,
        event: bytes,
        context: InvocationContext,
        done: Done,
        stream: ResponseStream | None = None,
    ) -> Invocation | None:
        name = target.spec.function_name
        gate = self._admission.gate(name)
        invocation = Invocation(
            self._books, gate, target, event, context, done, self._calls, stream
        )
        try:
            gate.enter()
        except TooManyRequests as error:
            self._books.figures.refuse(name)
            done(error)
            return None
        try:
            self._workers.submit(invocation)
        except WasmfaasError as error:
            invocation.refused(error)
        return invocation

    def figures(self) -> dict[str, Any]:
        """What runs now, and what ran in the last seconds: of the server, and of each function that
        does or did, by name."""
        called, held = self._books.figures.functions(), self._workers.by_function()
        nothing, none = self._books.figures.nothing(), Counter[str]()
        functions = [
            {"name": name}
            | {count: held.get(name, none)[count] for count in ("ready", "busy", "waiting")}
            | called.get(name, nothing)
            for name in sorted(called.keys() | held.keys())
        ]
        return {
            "window_s": WINDOW_S,
            "workers": self._workers.figures(),
            "functions": functions,
        }

    async def load(self, name: str, qualifier: str | None = None, *, once: bool = False) -> None:
        """Have a sandbox of *name* ready before it is called, and a snapshot for those to come; a
        failing start-up is logged. With *once*, only where there can be a snapshot and is none."""
        for target in await self._look_up(name, qualifier):
            lacks_snapshot = target.spec.memory_path is not None and not target.spec.snapshot_path
            if lacks_snapshot or not once:
                await self._load(name, target)

    async def _load(self, name: str, target: Target) -> None:
        try:
            error = await self._workers.load(target)
        except WorkerDied as death:
            self._log_start(target, TIMED_OUT if death.killed else EXITED)
            return
        if error is not None:
            self._log_start(target, _error_type(error))
        elif await self._snapshots.take(target):
            self.forget(name)

    def _log_start(self, target: Target, error_type: str) -> None:
        # The guest's own word: it must not look like further lines of ours.
        shown = "".join(c if c.isprintable() else "?" for c in error_type[:100])
        text = f"INIT_REPORT Status: error\tError Type: {shown}\t\n"
        self._books.log(target.spec.function_name, "", text.encode(), log_stream(target.spec))

    def forget(self, name: str) -> None:
        """Look *name* up anew at its next invocation; called for every change of a function."""
        self._targets.forget(name)

    def gone(self, name: str) -> None:
        """Keep nothing for *name*, which has been deleted."""
        self._admission.forget(name)

    async def _resolve(self, name: str, qualifier: str | None) -> Target:
        return self._targets.pick(await self._look_up(name, qualifier))

    async def split(self, name: str, qualifier: str) -> Split:
        """What runs the invocations of a version or an alias. Raises ResourceNotFound,
        ResourceConflict (not active)."""
        return await self._look_up(name, qualifier)

    async def _look_up(self, name: str, qualifier: str | None) -> Split:
        changes = self._targets.changes(name)
        route = await self._functions.route(name, qualifier)
        reserved = await self._reservations.reserved_concurrency(name)
        if self._targets.changes(name) == changes:
            self._admission.reserve(name, reserved)
        target = await self._target(route.version)
        split = Split(target)
        if route.additional is not None:
            split = Split(target, await self._target(route.additional), route.weight)
        self._targets.keep(name, qualifier, split, changes)
        return split

    async def _target(self, version: Version) -> Target:
        deployment = version.served
        if deployment is None:
            raise ResourceConflict(
                "The operation cannot be performed at this time. The function is currently in the "
                f"following state: {version.state}"
            )
        prepared = await self._deployments.prepare(deployment)
        spec = self._spec(deployment, prepared)
        if spec.kind is PackageKind.PYTHON:
            snapshot_path = await self._snapshots.find(deployment)
            spec = dataclasses.replace(
                spec,
                memory_path=str(self._snapshots.memory_path),
                snapshot_path=None if snapshot_path is None else str(snapshot_path),
            )
        return Target(spec)

    def _spec(self, deployment: Deployment, prepared: Prepared) -> SandboxSpec:
        settings, environment = self._settings, deployment.environment
        assert deployment.kind is not None, "an active deployment has been inspected"
        tmp_mb = int(deployment.configuration.get("EphemeralStorage", {}).get("Size", 512))
        return SandboxSpec(
            key=deployment.id,
            function_name=deployment.function_name,
            function_version=deployment.version,
            kind=deployment.kind,
            isolation=deployment.isolation,
            handler=deployment.configuration.get("Handler") or "",
            artefact_path=str(prepared.artefact.path),
            artefact_sha256=prepared.artefact.sha256,
            restorable=prepared.artefact.inspection.restorable,
            task_path=str(prepared.task_path),
            layers_path=None if prepared.layers_path is None else str(prepared.layers_path),
            environment=self._environment(deployment),
            memory_bytes_max=deployment.memory_mb * MIB,
            tmp_bytes_max=min(tmp_mb * MIB, settings.tmp_bytes_max),
            timeout_ms=deployment.timeout_ms,
            fuel_max=min(int(environment.get("WASMFAAS_FUEL_MAX", settings.fuel_max)),
                         settings.fuel_max),
            log_bytes_max=settings.log_bytes_invocation_max,
            response_bytes_max=settings.response_bytes_max,
        )  # fmt: skip

    def _environment(self, deployment: Deployment) -> dict[str, str]:
        """The environment of a Lambda function: the user's, and on top of it Lambda's own."""
        configuration, region = deployment.configuration, self._settings.region
        runtime = configuration.get("Runtime", "")
        return {
            "LANG": "en_US.UTF-8",
            "LD_LIBRARY_PATH": LIBRARY_PATH,
            "PATH": PATH,
            "TZ": ":UTC",
            **deployment.environment,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": deployment.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group(deployment.function_name),
            "AWS_LAMBDA_LOG_STREAM_NAME": _stream_name(deployment),
            "LAMBDA_TASK_ROOT": abi.TASK_PATH,
            "_HANDLER": configuration.get("Handler") or "",
        }


def _end(ended: asyncio.Future[Outcome], outcome: Outcome | WasmfaasError) -> None:
    if ended.done():
        return
    if isinstance(outcome, Outcome):
        ended.set_result(outcome)
    else:
        ended.set_exception(outcome)


def _stream_name(deployment: Deployment) -> str:
    """A stream per deployment, in the form that Lambda gives to those of its environments."""
    day = time.strftime("%Y/%m/%d", time.gmtime(deployment.created_at_ms / 1000))
    return f"{day}/[{deployment.version}]{deployment.id.replace('-', '')[:32]}"


def _error_type(payload: bytes) -> str:
    """What a worker says that the error of a start-up is; it may say anything."""
    try:
        members = json.loads(payload)
    except (ValueError, RecursionError):
        return "unknown"
    return str(members.get("errorType")) if isinstance(members, dict) else "unknown"
