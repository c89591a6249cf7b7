"""From the members of a request to the complete configuration of a function."""

from collections.abc import Mapping
from typing import Any

from wasmfaas.api.rules import check_configuration, check_name, check_supported
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.settings import Settings

DEFAULTS: Mapping[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "PackageType": "Zip",
    "Architectures": ["x86_64"],
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None"},
    "TracingConfig": {"Mode": "PassThrough"},
}
#: What a function's configuration consists of, beside LoggingConfig, which follows from its name.
MEMBERS = (
    "FunctionName", "Role", "Runtime", "Handler", "Environment", "DeadLetterConfig", *DEFAULTS
)  # fmt: skip


class Configurations:
    """Makes configurations that this server can serve. Lifetime: process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def created(
        self,
        name: str,
        parameters: Mapping[str, Any],
        layers: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The configuration of a new function from CreateFunction's *parameters*, and from
        *layers*, what UsedLayers made of those in them.

        Raises InvalidParameterValue.
        """
        check_name(name)
        check_supported(parameters)
        if not parameters.get("Runtime") or not parameters.get("Handler"):
            raise InvalidParameterValue(
                "Runtime and Handler are mandatory parameters for functions created with "
                "deployment packages."
            )
        return self._complete(
            {**DEFAULTS, **_given(parameters), **(layers or {}), "FunctionName": name}
        )

    def updated(
        self,
        current: Mapping[str, Any],
        parameters: Mapping[str, Any],
        layers: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """*current* with UpdateFunctionConfiguration's *parameters*, and with *layers*.

        Raises InvalidParameterValue.
        """
        check_supported(parameters)
        name = current["FunctionName"]
        return self._complete(
            {**current, **_given(parameters), **(layers or {}), "FunctionName": name}
        )

    def _complete(self, members: Mapping[str, Any]) -> dict[str, Any]:
        log_group = f"/aws/lambda/{members['FunctionName']}"
        configuration = dict(members)
        asked_group = configuration.pop("LoggingConfig", {}).get("LogGroup", log_group)
        if asked_group != log_group:
            raise InvalidParameterValue(
                f"LoggingConfig.LogGroup is not supported by this server yet: logs are kept "
                f"under '{log_group}'. Leave it out."
            )
        configuration["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": log_group}
        configuration["SnapStart"] = {**DEFAULTS["SnapStart"], **configuration["SnapStart"]}
        configuration["TracingConfig"] = DEFAULTS["TracingConfig"]
        if not configuration.get("Environment", {}).get("Variables"):
            configuration.pop("Environment", None)
        if not configuration.get("Layers"):
            configuration.pop("Layers", None)
        if not configuration.get("DeadLetterConfig", {}).get("TargetArn"):
            configuration.pop("DeadLetterConfig", None)
        check_configuration(configuration, self._settings)
        return configuration


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in (*MEMBERS, "LoggingConfig") if name in parameters}
