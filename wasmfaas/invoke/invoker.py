"""The one way into a function: resolve, admit, lease, run, meter, log. Every trigger ends here."""

import asyncio
import dataclasses
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from wasmfaas import abi
from wasmfaas.errors import ResourceConflict, WasmfaasError
from wasmfaas.invoke import metering
from wasmfaas.invoke.deployments import Prepared
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.snapshots import Snapshots
from wasmfaas.invoke.worker import Reply, Target, WorkerDied
from wasmfaas.invoke.workers import Workers
from wasmfaas.models import (
    LATEST,
    Deployment,
    Function,
    InvocationContext,
    Outcome,
    PackageKind,
    SandboxSpec,
    State,
    Usage,
)
from wasmfaas.settings import MIB, Settings
from wasmfaas.store.ledger import Ledger

_logger = logging.getLogger(__name__)

#: Traps that leave nothing to charge by but CPU time.
_TIMED_OUT = "Sandbox.Timedout"
_EXITED = "Runtime.ExitError"


class Functions(Protocol):
    """Where functions are looked up."""

    async def get(self, name: str) -> Function: ...


class Preparing(Protocol):
    """What makes a deployment runnable."""

    async def prepare(self, deployment: Deployment) -> Prepared: ...


class Invoker:
    """Runs invocations. Lives as long as the server."""

    def __init__(
        self,
        settings: Settings,
        functions: Functions,
        deployments: Preparing,
        workers: Workers,
        ledger: Ledger,
        logs: LogStore,
        snapshots: Snapshots,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._settings = settings
        self._functions = functions
        self._deployments = deployments
        self._workers = workers
        self._ledger = ledger
        self._logs = logs
        self._snapshots = snapshots
        self._clock_ms = clock_ms
        self._targets: dict[str, Target] = {}
        #: Counts changes of a function, so that what was read before one is not kept after it.
        self._changes: dict[str, int] = {}

    async def invoke(self, name: str, event: bytes, context: InvocationContext) -> Outcome:
        """Run *name* on *event* (JSON text); the outcome is metered before this returns.

        Raises ResourceNotFound, ResourceConflict (not active), TooManyRequests,
        ServiceUnavailable, StorageFull.
        """
        target = self._targets.get(name) or await self._resolve(name)
        # A caller that goes away takes neither the bill nor the log with it.
        run = asyncio.get_running_loop().create_task(self._run(target, event, context))
        try:
            return await asyncio.shield(run)
        finally:
            # An error would hold this frame, and this frame it, with the event, until a collection.
            del run

    async def load(self, name: str) -> None:
        """Have a sandbox of *name* ready before it is called, and a snapshot for those to come; a
        failing start-up is logged."""
        target = await self._resolve(name)
        try:
            error = await self._workers.load(target)
        except WorkerDied as death:
            self._log_start(name, _TIMED_OUT if death.killed else _EXITED)
            return
        if error is not None:
            self._log_start(name, json.loads(error).get("errorType"))
        elif await self._snapshots.take(target):
            self.forget(name)

    def _log_start(self, name: str, error_type: str) -> None:
        text = f"INIT_REPORT Status: error\tError Type: {error_type}\t\n"
        self._logs.append(name, "", text.encode())

    def forget(self, name: str) -> None:
        """Look *name* up anew at its next invocation; called for every change of a function."""
        self._changes[name] = self._changes.get(name, 0) + 1
        self._targets.pop(name, None)

    async def _resolve(self, name: str) -> Target:
        change = self._changes.get(name, 0)
        function = await self._functions.get(name)
        deployment = function.active
        if deployment is None or function.state is not State.ACTIVE:
            raise ResourceConflict(
                "The operation cannot be performed at this time. The function is currently in the "
                f"following state: {function.state}"
            )
        prepared = await self._deployments.prepare(deployment)
        spec = self._spec(function, deployment, prepared)
        if spec.kind is PackageKind.PYTHON:
            snapshot_path = await self._snapshots.find(deployment)
            spec = dataclasses.replace(
                spec,
                memory_path=str(self._snapshots.memory_path),
                snapshot_path=None if snapshot_path is None else str(snapshot_path),
            )
        target = Target(spec)
        if self._changes.get(name, 0) == change:
            self._targets[name] = target
        return target

    def _spec(self, function: Function, deployment: Deployment, prepared: Prepared) -> SandboxSpec:
        settings, environment = self._settings, deployment.environment
        assert deployment.kind is not None, "an active deployment has been inspected"
        tmp_mb = int(deployment.configuration.get("EphemeralStorage", {}).get("Size", 512))
        return SandboxSpec(
            key=deployment.id,
            function_name=function.name,
            function_version=LATEST,
            kind=deployment.kind,
            isolation=deployment.isolation,
            handler=deployment.configuration.get("Handler") or "",
            artefact_path=str(prepared.artefact.path),
            artefact_sha256=prepared.artefact.sha256,
            restorable=prepared.artefact.inspection.restorable,
            task_path=str(prepared.task_path),
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
            "TZ": ":UTC",
            **deployment.environment,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": deployment.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": LATEST,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group(deployment.function_name),
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream(deployment),
            "LAMBDA_TASK_ROOT": abi.TASK_PATH,
            "_HANDLER": configuration.get("Handler") or "",
        }

    async def _run(self, target: Target, event: bytes, context: InvocationContext) -> Outcome:
        request_id, spec = context.request_id, target.spec
        started_at_ms = self._clock_ms()
        live = _LiveLog(self._logs, spec.function_name, request_id)
        try:
            reply = await self._workers.invoke(
                target, request_id, event, _context_members(spec, context), live.append
            )
        except WorkerDied as death:
            reply = _obituary(death, spec, request_id)
        usage = self._usage(spec, reply, request_id, started_at_ms, len(event))
        # The order is the promise: on record first, then answered.
        self._ledger.record(usage)
        log = live.finish(reply, usage, spec)
        return Outcome(
            request_id=request_id,
            executed_version=spec.function_version,
            payload=reply.payload,
            error_type=reply.error_type,
            usage=usage,
            log=log,
        )

    def _usage(
        self, spec: SandboxSpec, reply: Reply, request_id: str, started_at_ms: int, size: int
    ) -> Usage:
        rate = self._settings.fuel_per_cpu_us
        # What a worker says may be the word of a guest that has subverted it.
        burned = min(reply.fuel, spec.fuel_max)
        counted = 0 if reply.trapped else burned
        return Usage(
            request_id=request_id,
            attempt=1,
            function_name=spec.function_name,
            function_version=spec.function_version,
            started_at_ms=started_at_ms,
            fuel_counted=counted,
            fuel=metering.charge(burned, reply.cpu_us, reply.trapped, rate),
            duration_us=reply.duration_us,
            billed_duration_ms=metering.billed_duration_ms(reply.duration_us),
            cpu_us=reply.cpu_us,
            memory_bytes_peak=reply.memory_bytes,
            init_us=reply.init_us,
            request_bytes=size,
            response_bytes=len(reply.payload),
            error_type=reply.error_type,
        )


class _LiveLog:
    """The log of one invocation, written while it runs if it runs for long."""

    def __init__(self, logs: LogStore, function: str, request_id: str) -> None:
        self._logs = logs
        self._function = function
        self._request_id = request_id
        self._start = metering.start_line(request_id, LATEST)
        self._written = b""

    def append(self, data: bytes) -> None:
        """What the guest wrote so far; the first part follows START."""
        text = data if self._written else self._start + data
        self._written += text
        self._append(text)

    def finish(self, reply: Reply, usage: Usage, spec: SandboxSpec) -> bytes:
        """Write the rest, END and REPORT; returns the whole."""
        streamed = len(self._written) - len(self._start) if self._written else 0
        rest = b"" if self._written else reply.init_log + self._start
        rest += reply.log[streamed:]
        if rest and not rest.endswith(b"\n"):
            rest += b"\n"
        if reply.log_dropped:
            note = f"[wasmfaas] {reply.log_dropped} bytes of log dropped: an invocation's log is "
            rest += f"{note}limited to {spec.log_bytes_max} bytes\n".encode()
        rest += _timeout_line(reply, usage, spec)
        rest += metering.end_line(self._request_id)
        rest += metering.report_line(usage, spec.memory_bytes_max // MIB)
        self._append(rest)
        return self._written + rest

    def _append(self, text: bytes) -> None:
        try:
            self._logs.append(self._function, self._request_id, text)
        except WasmfaasError as error:
            _logger.warning("log of %s is not kept: %s", self._function, error.message)


def _timeout_line(reply: Reply, usage: Usage, spec: SandboxSpec) -> bytes:
    if reply.error_type != _TIMED_OUT:
        return b""
    text = f"Task timed out after {spec.timeout_ms / 1000:.2f} seconds"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(usage.started_at_ms / 1000))
    return f"{moment}.{usage.started_at_ms % 1000:03d}Z {usage.request_id} {text}\n\n".encode()


def _obituary(death: WorkerDied, spec: SandboxSpec, request_id: str) -> Reply:
    """The reply that a worker did not live to send."""
    duration_us = death.duration_us
    if death.killed:
        error_type = _TIMED_OUT
        text = f"Task timed out after {spec.timeout_ms / 1000:.2f} seconds"
        # What ran over by the grace that we gave is ours, not the caller's.
        duration_us = min(duration_us, spec.timeout_ms * 1000)
    else:
        error_type = _EXITED
        reason = f"signal {-death.status}" if death.status < 0 else f"exit status {death.status}"
        text = f"Runtime exited with error: {reason}"
    payload = {
        "errorType": error_type,
        "errorMessage": f"RequestId: {request_id} Error: {text}",
        "requestId": request_id,
    }
    return Reply(
        payload=json.dumps(payload).encode(),
        error_type=error_type,
        trapped=True,
        fuel=0,
        cpu_us=death.cpu_us,
        duration_us=duration_us,
        memory_bytes=0,
        init_us=None,
        init_log=b"",
        log=death.log,
        log_dropped=0,
    )


def _context_members(spec: SandboxSpec, context: InvocationContext) -> Mapping[str, Any]:
    """The context of `guest-sdks/README.md`, but for the deadline, which the worker sets."""
    return {
        # First, as the Python runtime finds it there without reading the rest.
        "traceId": context.trace_id,
        "requestId": context.request_id,
        "functionName": spec.function_name,
        "functionVersion": spec.function_version,
        "invokedFunctionArn": context.invoked_function_arn,
        "memoryLimitInMB": str(spec.memory_bytes_max // MIB),
        "logGroupName": log_group(spec.function_name),
        "logStreamName": spec.environment["AWS_LAMBDA_LOG_STREAM_NAME"],
        "clientContext": json.loads(context.client_context) if context.client_context else None,
        "identity": None,
    }


def log_group(function_name: str) -> str:
    """CloudWatch's name for a function's log."""
    return f"/aws/lambda/{function_name}"


def log_stream(deployment: Deployment) -> str:
    """A stream per deployment, in the form that Lambda gives to those of its environments."""
    return f"[{LATEST}]{deployment.id.replace('-', '')[:32]}"
