"""What a mapping of self-managed Kafka may say, beyond what Lambda's model of the API knows."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.errors import InvalidParameterValue

ACCESS: Final = "SourceAccessConfigurations"
CONSUMERS: Final = "SelfManagedKafkaEventSourceConfig"
_TIMESTAMP: Final = "StartingPositionTimestamp"
#: One of them says who the mapping is.
_CREDENTIALS: Final = (
    "BASIC_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH",
)  # fmt: skip
#: Those of networks have no effect.
_TYPES: Final = (*_CREDENTIALS, "SERVER_ROOT_CA_CERTIFICATE", "VPC_SECURITY_GROUP", "VPC_SUBNET")


def check(configuration: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValue for what no topic can be read by."""
    if not configuration["SelfManagedEventSource"].get("Endpoints"):
        raise InvalidParameterValue(
            "SelfManagedEventSource has no Endpoints, but must have KAFKA_BOOTSTRAP_SERVERS."
        )
    if not configuration.get("Topics"):
        raise InvalidParameterValue("Topics is missing: name the one topic to read.")
    if configuration["StartingPosition"] == "AT_TIMESTAMP" and not configuration.get(_TIMESTAMP):
        raise InvalidParameterValue(
            f"StartingPosition is AT_TIMESTAMP, but {_TIMESTAMP} is missing: say when to begin."
        )
    consumers = configuration[CONSUMERS]
    if consumers.get("SchemaRegistryConfig"):
        raise InvalidParameterValue(
            f"{CONSUMERS} has a SchemaRegistryConfig, but this server asks no schema registry: "
            "functions get records as they are."
        )
    mode = consumers.get("ConsumptionMode", "Stream")
    if mode != "Stream":
        raise InvalidParameterValue(
            f"ConsumptionMode is {mode}, but this server reads topics as Stream only."
        )
    _check_access([each.get("Type", "") for each in configuration.get(ACCESS) or ()])


def _check_access(types: list[str]) -> None:
    for name in types:
        if name not in _TYPES:
            raise InvalidParameterValue(
                f"{ACCESS} has the type {name}, but of this event source, there are: "
                f"{', '.join(_TYPES)}."
            )
    credentials = sorted(set(_CREDENTIALS) & set(types))
    if len(credentials) > 1:
        raise InvalidParameterValue(
            f"{ACCESS} has {' and '.join(credentials)}, but a mapping says in one way who it is."
        )
