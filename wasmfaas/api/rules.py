"""What Lambda or this server asks of a function's configuration beyond the service model."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from wasmfaas.abi import PROVIDED_RUNTIMES, PYTHON_RUNTIMES
from wasmfaas.api.validation import message, violation
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.models import Isolation
from wasmfaas.services.arns import MessageArn
from wasmfaas.settings import MIB, Settings

RUNTIMES = (*PYTHON_RUNTIMES, *PROVIDED_RUNTIMES)
ENVIRONMENT_BYTES_MAX = 4096
#: Characters of an environment that is too large that the message repeats.
ENVIRONMENT_SHOWN_MAX = 256
NAME_LENGTH_MAX = 64

#: Set by the runtime in every function's environment, so that functions cannot set them.
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def check_name(name: str) -> None:
    """Raise InvalidParameterValue for a bare name that is too long to create."""
    if len(name) > NAME_LENGTH_MAX:
        broken = f"Member must have length less than or equal to {NAME_LENGTH_MAX}"
        raise InvalidParameterValue(message([violation("functionName", name, broken)]))


def check_configuration(configuration: Mapping[str, Any], settings: Settings) -> None:
    """Raise InvalidParameterValue where a complete *configuration* cannot be served here."""
    check_runtime(configuration["Runtime"])
    variables = configuration.get("Environment", {}).get("Variables", {})
    check_environment(variables)
    check_own_variables(variables, settings)
    check_dead_letters(configuration.get("DeadLetterConfig", {}))
    memory_mb = configuration["MemorySize"]
    if memory_mb > settings.memory_mb_max:
        raise InvalidParameterValue(
            f"MemorySize is {memory_mb} MB, but this server gives a function at most "
            f"{settings.memory_mb_max} MB (its setting memory_mb_max). Ask for less, or raise "
            "the setting."
        )
    storage_mb = configuration["EphemeralStorage"]["Size"]
    if storage_mb * MIB > settings.tmp_bytes_max:
        raise InvalidParameterValue(
            f"EphemeralStorage.Size is {storage_mb} MB, but this server gives a function at most "
            f"{settings.tmp_bytes_max // MIB} MB (its setting tmp_bytes_max). Ask for less, or "
            "raise the setting."
        )


def check_runtime(runtime: str) -> None:
    """Raise InvalidParameterValue for a runtime that is not served here."""
    if runtime not in RUNTIMES:
        raise InvalidParameterValue(
            f"Value {runtime[:100]} at 'runtime' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [{', '.join(RUNTIMES)}] or be a valid ARN"
        )


def check_environment(variables: Mapping[str, str]) -> None:
    """Raise InvalidParameterValue for reserved names and for more than 4 KB."""
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not "
            "supported for modification. Reserved keys used in this request: "
            f"{', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode("utf-8")) > ENVIRONMENT_BYTES_MAX:
        if len(measured) > ENVIRONMENT_SHOWN_MAX:
            measured = measured[:ENVIRONMENT_SHOWN_MAX] + "..."
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit. String measured: " + measured
        )


def check_own_variables(variables: Mapping[str, str], settings: Settings) -> None:
    """Raise InvalidParameterValue for a variable that this server reads and cannot use."""
    isolation = variables.get("WASMFAAS_ISOLATION")
    if isolation is not None and isolation not in list(Isolation):
        raise InvalidParameterValue(
            f"The environment variable WASMFAAS_ISOLATION is '{isolation[:100]}', but must be "
            f"one of {', '.join(Isolation)}."
        )
    fuel = variables.get("WASMFAAS_FUEL_MAX")
    if fuel is None:
        return
    is_number = fuel.isascii() and fuel.isdigit() and len(fuel) <= 20
    if not is_number or not 1 <= int(fuel) <= settings.fuel_max:
        raise InvalidParameterValue(
            f"The environment variable WASMFAAS_FUEL_MAX is '{fuel[:100]}', but must be a whole "
            f"number from 1 to {settings.fuel_max} (the server's setting fuel_max)."
        )


def check_dead_letters(config: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValue for a DeadLetterConfig that names no queue and no topic."""
    arn = config.get("TargetArn")
    if arn and MessageArn.parse(arn) is None:
        raise InvalidParameterValue(
            f"DeadLetterConfig.TargetArn is {arn[:200]!a}, but must be the ARN of an SQS queue or "
            "of an SNS topic, such as arn:aws:sqs:us-east-1:000000000000:NAME. Functions and "
            "webhooks can be on-failure destinations (PutFunctionEventInvokeConfig)."
        )


def is_vacuous(value: Any) -> bool:
    """Whether *value* says nothing: empty, false, or made of such values."""
    if isinstance(value, Mapping):
        return all(is_vacuous(item) for item in value.values())
    if isinstance(value, list):
        return all(is_vacuous(item) for item in value)
    return not value


def _passes_through(tracing: Mapping[str, Any]) -> bool:
    return bool(tracing.get("Mode", "PassThrough") == "PassThrough")


def _logs_text(logging: Mapping[str, Any]) -> bool:
    return logging.get("LogFormat", "Text") == "Text" and is_vacuous(
        {name: value for name, value in logging.items() if name not in ("LogFormat", "LogGroup")}
    )


def _is_copied(storage_mode: Any) -> bool:
    return bool(storage_mode == "COPY")


def _is_zip(package_type: Any) -> bool:
    return bool(package_type == "Zip")


#: Members that would change what a function does in ways that this server cannot serve yet, and
#: the test for values that change nothing.
UNSUPPORTED: Mapping[str, Callable[[Any], bool]] = {
    "AcceleratorConfig": is_vacuous,
    "CapacityProviderConfig": is_vacuous,
    "CodeSigningConfigArn": is_vacuous,
    "DurableConfig": is_vacuous,
    "FileSystemConfigs": is_vacuous,
    "ImageConfig": is_vacuous,
    "ImageUri": is_vacuous,
    "KMSKeyArn": is_vacuous,
    "LoggingConfig": _logs_text,
    "PackageType": _is_zip,
    "PublishTo": is_vacuous,
    "RuntimeConfig": is_vacuous,
    "S3ObjectStorageMode": _is_copied,
    "SourceKMSKeyArn": is_vacuous,
    "TenancyConfig": is_vacuous,
    "TracingConfig": _passes_through,
    "VpcConfig": is_vacuous,
}


def check_supported(parameters: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValue for a member that asks for what this server cannot do yet."""
    for name, changes_nothing in UNSUPPORTED.items():
        value = parameters.get(name)
        if value is not None and not changes_nothing(value):
            shown = f" {value}" if isinstance(value, str | bool) else ""
            raise InvalidParameterValue(
                f"{name}{shown[:100]} is not supported by this server yet. Leave it out."
            )
