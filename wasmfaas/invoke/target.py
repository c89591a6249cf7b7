"""A deployment as workers know it."""

import json
from dataclasses import asdict

from wasmfaas.models import SandboxSpec
from wasmfaas.settings import MIB


class Target:
    """A deployment as workers know it. Lives as long as the deployment is served."""

    def __init__(self, spec: SandboxSpec) -> None:
        self.spec = spec
        #: The spec as it goes over the wire, made once, and a name that workers remember it by: a
        #: deployment has another one once it has a snapshot.
        self.members = asdict(spec)
        self.name = f"{spec.key}{'+' if spec.snapshot_path else ''}"
        #: Members of every invocation's context, as JSON text without the braces.
        self.context = json.dumps(_context(spec))[1:-1]


def _context(spec: SandboxSpec) -> dict[str, str | None]:
    return {
        "functionName": spec.function_name,
        "functionVersion": spec.function_version,
        "memoryLimitInMB": str(spec.memory_bytes_max // MIB),
        "logGroupName": log_group(spec.function_name),
        "logStreamName": log_stream(spec),
        "identity": None,
    }


def log_group(function_name: str) -> str:
    """CloudWatch's name for a function's log."""
    return f"/aws/lambda/{function_name}"


def log_stream(spec: SandboxSpec) -> str:
    """The stream of that log which the guest is told that it writes to."""
    return spec.environment.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
