"""Functions as the Lambda API shows them."""

from typing import Any

from wasmfaas.abi import ABI_VERSION, PYTHON_RUNTIMES
from wasmfaas.api.names import Names
from wasmfaas.models import LATEST, Deployment, FunctionUrl, State, UpdateStatus, Version

#: Members that lists leave out, as Lambda's do.
NOT_LISTED = (
    "State",
    "StateReason",
    "StateReasonCode",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RuntimeVersionConfig",
)
IN_PROGRESS = ("The function is being created.", "Creating")


class Views:
    """Describes functions in the model's shapes. Lifetime: process.

    *guest_python* is the version of the Python that runs the functions, such as `3.14.0`.
    """

    def __init__(self, names: Names, guest_python: str, scheme: str = "http") -> None:
        self._names = names
        self._scheme = scheme
        self._guest_python = guest_python

    def configuration(self, version: Version, qualifier: str | None = None) -> dict[str, Any]:
        """The members of FunctionConfiguration; the ARN has *qualifier*, if it is given."""
        deployment = version.deployment
        stored = deployment.configuration
        shown = {
            "FunctionName": version.function_name,
            "FunctionArn": self._names.arn(version.function_name, qualifier),
            "CodeSha256": deployment.code_sha256,
            "CodeSize": deployment.code_size_bytes,
            "LastModified": version.last_modified,
            "RevisionId": version.revision_id,
            "Version": version.number,
            "SnapStart": {**stored["SnapStart"], "OptimizationStatus": _optimisation(version)},
            "RuntimeVersionConfig": {"RuntimeVersionArn": self.runtime_arn(deployment)},
            "Layers": _layers(deployment),
        }
        return {**stored, **shown, **_state(version)}

    def listed(self, version: Version, qualifier: str | None = None) -> dict[str, Any]:
        """As `configuration`, with the members that lists have."""
        configuration = self.configuration(version, qualifier)
        return {name: v for name, v in configuration.items() if name not in NOT_LISTED}

    def runtime_arn(self, deployment: Deployment) -> str:
        """Names what runs *deployment*: the guest Python, or the ABI of modules."""
        if deployment.configuration["Runtime"] in PYTHON_RUNTIMES:
            runtime = f"wasmfaas-python-{self._guest_python}"
        else:
            runtime = f"wasmfaas-abi-{ABI_VERSION}"
        return f"arn:aws:lambda:{self._names.region}::runtime:{runtime}"

    def url(self, url: FunctionUrl, authority: str) -> dict[str, Any]:
        """The members of FunctionUrlConfig."""
        return {
            **url.configuration,
            "FunctionArn": self._names.arn(url.function_name, url.qualifier),
            "FunctionUrl": self.host_url(url, authority),
        }

    def host_url(self, url: FunctionUrl, authority: str) -> str:
        """The address of the function URL for a client that reaches us at *authority*."""
        port = authority.rpartition(":")[2]
        suffix = f":{port}" if port.isdigit() else ""
        host = f"{url.id}.lambda-url.{self._names.region}.localhost"
        return f"{self._scheme}://{host}{suffix}/"


def _layers(deployment: Deployment) -> list[dict[str, Any]] | None:
    layers = deployment.layers
    return [{"Arn": layer.arn, "CodeSize": layer.code_size_bytes} for layer in layers] or None


def _optimisation(version: Version) -> str:
    """Here, every Python function has a snapshot; Lambda's clients see it where they ask for it."""
    asked = version.deployment.configuration["SnapStart"].get("ApplyOn") == "PublishedVersions"
    return "On" if asked and version.number != LATEST and version.served else "Off"


def _state(version: Version) -> dict[str, Any]:
    state: dict[str, Any] = {"State": version.state}
    if version.state is not State.ACTIVE:
        pending = IN_PROGRESS if version.state is State.PENDING else (None, None)
        state["StateReason"] = version.state_reason or pending[0]
        state["StateReasonCode"] = version.state_reason_code or pending[1]
    status = version.last_update_status
    if status is not None and version.state is not State.PENDING:
        state["LastUpdateStatus"] = status
        if status is not UpdateStatus.SUCCESSFUL:
            running = IN_PROGRESS if status is UpdateStatus.IN_PROGRESS else (None, None)
            state["LastUpdateStatusReason"] = version.last_update_status_reason or running[0]
            code = version.last_update_status_reason_code or running[1]
            state["LastUpdateStatusReasonCode"] = code
    return state
