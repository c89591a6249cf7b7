"""The data that the parts of wasmfaas hand to each other: frozen, plain, without behaviour of
their own beyond reading what they hold."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: The one version of a function that can change.
LATEST = "$LATEST"


class PackageKind(enum.StrEnum):
    """What a package turned out to hold; decides how it is called."""

    #: Python source, run by the shared Python runtime component.
    PYTHON = "python"
    #: A component that exports the world of `guest-sdks/wit`.
    COMPONENT = "component"
    #: A core module that exports `memory`, `wasmfaas_alloc` and `wasmfaas_handle`.
    REACTOR = "reactor"
    #: A WASI command: the event on stdin, the answer on stdout.
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a look at a Wasm module told, short of running it."""

    kind: PackageKind
    #: Linear memory that it has from the start.
    memory_minimum_bytes: int
    #: Whether it has a start-up that runs once per sandbox (`init` or `_initialize`).
    has_init: bool
    #: Whether all that an invocation can change of an instance can be put back.
    restorable: bool = False

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> "Inspection":
        """From a mapping of its fields, of which nothing is taken on trust. Raises ValueError."""
        minimum, has_init = members.get("memory_minimum_bytes"), members.get("has_init")
        restorable = members.get("restorable")
        if type(minimum) is not int or minimum < 0:
            raise ValueError("not an inspection")
        if type(has_init) is not bool or type(restorable) is not bool:
            raise ValueError("not an inspection")
        return cls(
            kind=PackageKind(str(members.get("kind"))),
            memory_minimum_bytes=minimum,
            has_init=has_init,
            restorable=restorable,
        )


class Isolation(enum.StrEnum):
    """What an invocation may see of earlier invocations of the same version."""

    #: Nothing: memory is put back to the image taken after start-up, or the instance is replaced.
    PRISTINE = "pristine"
    #: Nothing: every invocation has a new Wasmtime instance.
    FRESH = "fresh"
    #: Module state, as on Lambda.
    REUSE = "reuse"


class State(enum.StrEnum):
    """Lambda's State of a function."""

    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"


class UpdateStatus(enum.StrEnum):
    """Lambda's LastUpdateStatus of a function."""

    SUCCESSFUL = "Successful"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class LayerReference:
    """One version of a layer as a function uses it, also after that version has been deleted."""

    #: Of the version: `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:NUMBER`.
    arn: str
    #: Size of its zip.
    code_size_bytes: int
    #: SHA-256 of its zip in hex.
    digest: str

    def members(self) -> dict[str, Any]:
        """As the configuration of a deployment holds it."""
        return {"Arn": self.arn, "CodeSize": self.code_size_bytes, "Digest": self.digest}


def layers_of(configuration: Mapping[str, Any]) -> tuple[LayerReference, ...]:
    """The layers in the configuration of a deployment, first to last."""
    return tuple(
        LayerReference(layer["Arn"], layer["CodeSize"], layer["Digest"])
        for layer in configuration.get("Layers", ())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One immutable pair of configuration and code. A function points at the one it serves
    (`active`) and, while an update runs, at the one it will serve next (`pending`). A published
    version has one of its own."""

    id: str
    function_name: str
    #: `$LATEST`, or the number of the published version that this is.
    version: str = LATEST
    #: Lambda's configuration members by Lambda's names (`MemorySize`, `Timeout`, `Environment`…),
    #: defaults filled in; each of `Layers` with its `Digest`.
    configuration: Mapping[str, Any]
    #: SHA-256 of the zip as Lambda prints it: base64.
    code_sha256: str
    #: SHA-256 of the zip in hex: the name of the blob and of the unpacked tree.
    code_digest: str
    #: Size of the zip.
    code_size_bytes: int
    #: Unix time in milliseconds.
    created_at_ms: int = 0
    #: What the package holds; None until it has been inspected.
    kind: PackageKind | None = None
    #: Name of the compiled artefact; None until compiled.
    artefact: str | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        variables: Mapping[str, str] = self.configuration.get("Environment", {}).get(
            "Variables", {}
        )
        return variables

    @property
    def layers(self) -> tuple[LayerReference, ...]:
        return layers_of(self.configuration)

    @property
    def memory_mb(self) -> int:
        return int(self.configuration["MemorySize"])

    @property
    def timeout_ms(self) -> int:
        return int(self.configuration["Timeout"]) * 1000

    @property
    def isolation(self) -> Isolation:
        return Isolation(self.environment.get("WASMFAAS_ISOLATION", Isolation.PRISTINE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as the registry knows it: `$LATEST` and what hangs on the name."""

    name: str
    state: State
    state_reason: str | None = None
    state_reason_code: str | None = None
    last_update_status: UpdateStatus | None = None
    last_update_status_reason: str | None = None
    last_update_status_reason_code: str | None = None
    revision_id: str
    #: `2026-11-23T04:00:00.000+0000`
    last_modified: str
    active: Deployment | None
    pending: Deployment | None
    tags: Mapping[str, str] = field(default_factory=dict)
    #: The version that the change published from which this came, if it did.
    published: "Version | None" = None

    @property
    def shown(self) -> Deployment:
        """The deployment that the API describes: the newest one, served or not."""
        deployment = self.pending or self.active
        assert deployment is not None, "a function always has a deployment"
        return deployment

    @property
    def latest(self) -> "Version":
        """`$LATEST`, as a version."""
        return Version(
            function_name=self.name,
            number=LATEST,
            deployment=self.shown,
            served=self.active if self.state is State.ACTIVE else None,
            revision_id=self.revision_id,
            last_modified=self.last_modified,
            state=self.state,
            state_reason=self.state_reason,
            state_reason_code=self.state_reason_code,
            last_update_status=self.last_update_status,
            last_update_status_reason=self.last_update_status_reason,
            last_update_status_reason_code=self.last_update_status_reason_code,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a function: `$LATEST`, or a published one, which never changes."""

    function_name: str
    #: `$LATEST`, or a whole number from 1.
    number: str
    #: What the API describes.
    deployment: Deployment
    #: What invocations run; None while there is nothing that can.
    served: Deployment | None
    revision_id: str
    #: `2026-11-23T04:00:00.000+0000`
    last_modified: str
    state: State
    state_reason: str | None = None
    state_reason_code: str | None = None
    last_update_status: UpdateStatus | None = None
    last_update_status_reason: str | None = None
    last_update_status_reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for a version of a function, or for two of them by share."""

    function_name: str
    name: str
    #: The version that it stands for: `$LATEST` or a number.
    version: str
    description: str
    #: The share of invocations, from 0 to 1, that go to another version instead; at most one.
    weights: Mapping[str, float]
    revision_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUrl:
    """An address at which HTTP requests call a function or an alias of it."""

    function_name: str
    #: The alias that is called; None for `$LATEST`.
    qualifier: str | None
    #: 32 characters, the first part of the host.
    id: str
    #: Members of Lambda's function URL configuration (AuthType, Cors, InvokeMode, CreationTime…).
    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """Where the invocations of a qualifier go."""

    version: Version
    #: The version that gets the share `weight` (from 0 to 1) of them instead.
    additional: Version | None = None
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """All that a worker needs in order to make sandboxes of one deployment."""

    #: Identifies the deployment to workers; equal keys mean interchangeable sandboxes.
    key: str
    function_name: str
    function_version: str
    kind: PackageKind
    isolation: Isolation
    handler: str
    #: The compiled artefact and the SHA-256 (hex) that the server authenticated.
    artefact_path: str
    artefact_sha256: str
    #: Whether all that an invocation changes of an instance can be put back.
    restorable: bool = False
    #: What the memory holds right after instantiation, as a file, where the artefact has it not.
    memory_path: str | None = None
    #: The memory after start-up, taken from another sandbox of this deployment, as a file.
    snapshot_path: str | None = None
    #: The unpacked package, shown to the guest as /var/task, read-only.
    task_path: str
    #: The merged layers, shown to the guest as /opt, read-only; None where there are none.
    layers_path: str | None = None
    environment: Mapping[str, str]
    memory_bytes_max: int
    tmp_bytes_max: int
    timeout_ms: int
    fuel_max: int
    log_bytes_max: int
    response_bytes_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationContext:
    """What a trigger knows about one invocation, beside its event."""

    request_id: str
    invoked_function_arn: str
    #: Decoded ClientContext JSON text, or None.
    client_context: str | None = None
    trace_id: str | None = None
    #: Which attempt of this request it is, from 1.
    attempt: int = 1
    #: How many functions wait for one another, this one included.
    depth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one attempt of one invocation used: one row of the ledger."""

    request_id: str
    attempt: int
    function_name: str
    function_version: str
    #: Unix time of the start, in milliseconds.
    started_at_ms: int
    #: Fuel that Wasmtime counted; for a trap, which loses the count, 0.
    fuel_counted: int
    #: Fuel charged: `fuel_counted`, or for a trap the CPU time at the configured rate if greater.
    fuel: int
    duration_us: int
    billed_duration_ms: int
    cpu_us: int
    memory_bytes_peak: int
    #: Time the start-up took if this invocation had to wait for it, else None.
    init_us: int | None
    request_bytes: int
    response_bytes: int
    #: None, or the error type of a function error.
    error_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended: with the function's answer or with a function error."""

    request_id: str
    executed_version: str
    #: JSON text: the answer, or Lambda's error payload.
    payload: bytes
    #: None for success; else e.g. `Runtime.ExitError`, `Sandbox.Timedout`, or the exception's name.
    error_type: str | None
    usage: Usage
    #: START … REPORT, as written to the function's log.
    log: bytes
