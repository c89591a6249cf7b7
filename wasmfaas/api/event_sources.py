"""Kinds of event sources: what a mapping of each may say, and what it says by default."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas import patterns
from wasmfaas.api import kafka_sources
from wasmfaas.errors import InvalidParameterValue, ResourceConflict

#: Members of any mapping.
_COMMON: Final = frozenset(
    ("BatchSize", "Enabled", "EventSourceArn", "FilterCriteria", "FunctionName", "KMSKeyArn",
     "LoggingConfig", "MaximumBatchingWindowInSeconds", "MetricsConfig", "ProvisionedPollerConfig",
     "Tags", "UUID")
)  # fmt: skip
_ACCESS: Final = kafka_sources.ACCESS
_ORDERED: Final = ("StartingPosition", "StartingPositionTimestamp")
_STREAM: Final = (
    *_ORDERED, "BisectBatchOnFunctionError", "DestinationConfig", "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "ParallelizationFactor",
    "TumblingWindowInSeconds",
)  # fmt: skip
_KAFKA: Final = (
    *_ORDERED, _ACCESS, "BisectBatchOnFunctionError", "DestinationConfig", "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "Topics",
)  # fmt: skip
_FAILED: Final[Mapping[str, Any]] = {"OnFailure": {}}
_STREAM_DEFAULTS: Final[Mapping[str, Any]] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": _FAILED,
    "FunctionResponseTypes": [],
    "LastProcessingResult": "No records processed",
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
_KAFKA_DEFAULTS: Final[Mapping[str, Any]] = {
    "BatchSize": 100,
    "DestinationConfig": _FAILED,
    "LastProcessingResult": "No records processed",
    "MaximumBatchingWindowInSeconds": 0,
}

FILTERS_MAX: Final = 10
TAGS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event source."""

    name: str
    #: Members that a mapping of this kind may have beside those of any.
    members: tuple[str, ...]
    defaults: Mapping[str, Any]
    #: Lambda's StateTransitionReason once somebody has changed a mapping.
    reason: str = "User action"
    #: Whether one has to say where to begin.
    ordered: bool = True
    #: The member that names the consumers of a mapping, by default with its UUID.
    consumers: str | None = None

    def shows_result(self, result: str | None) -> bool:
        """Whether *result* is shown as LastProcessingResult: of a queue, what went wrong is."""
        if result is None:
            return False
        return "LastProcessingResult" in self.defaults or result.startswith("PROBLEM")


SQS: Final = Kind(
    "sqs",
    ("FunctionResponseTypes", "ScalingConfig"),
    {"BatchSize": 10, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0},
    reason="USER_INITIATED",
    ordered=False,
)
_SELF_MANAGED: Final = Kind(
    "self-managed-kafka",
    (*_KAFKA, "SelfManagedEventSource", kafka_sources.CONSUMERS),
    _KAFKA_DEFAULTS,
    consumers=kafka_sources.CONSUMERS,
)
_QUEUE_DEFAULTS: Final[Mapping[str, Any]] = {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0}
#: Sources that AWS does not have; what they are is up to who makes them.
EXTENSION: Final = "wasmfaas-"
_EXTENSION: Final = Kind("extension", _STREAM, _STREAM_DEFAULTS)
#: By the third part of an ARN.
_BY_SERVICE: Final[Mapping[str, Kind]] = {
    "sqs": SQS,
    "kinesis": Kind("kinesis", _STREAM, _STREAM_DEFAULTS),
    "dynamodb": Kind("dynamodb", _STREAM, _STREAM_DEFAULTS),
    "kafka": Kind(
        "kafka", (*_KAFKA, "AmazonManagedKafkaEventSourceConfig"), _KAFKA_DEFAULTS,
        consumers="AmazonManagedKafkaEventSourceConfig",
    ),
    "mq": Kind("mq", ("Queues", _ACCESS), _QUEUE_DEFAULTS, ordered=False),
    "rds": Kind(
        "docdb", (*_ORDERED, "DocumentDBEventSourceConfig", _ACCESS), _QUEUE_DEFAULTS
    ),
}  # fmt: skip


def kind_of(parameters: Mapping[str, Any]) -> Kind:
    """The kind of source that *parameters* or a stored configuration name.

    Raises InvalidParameterValue where it is none that Lambda knows.
    """
    if "SelfManagedEventSource" in parameters:
        return _SELF_MANAGED
    parts = parameters.get("EventSourceArn", "").split(":", 5)
    kind = None
    if len(parts) == 6:
        extension = _EXTENSION if parts[2].startswith(EXTENSION) and parts[5] else None
        kind = _BY_SERVICE.get(parts[2], extension)
    if kind is None:
        raise InvalidParameterValue("Unrecognized event source.")
    return kind


def source_of(configuration: Mapping[str, Any]) -> str:
    """The ARN of the source, or the addresses of one without."""
    if "SelfManagedEventSource" not in configuration:
        return str(configuration["EventSourceArn"])
    endpoints = configuration["SelfManagedEventSource"].get("Endpoints", {})
    return ",".join(address for addresses in endpoints.values() for address in addresses)


def created(parameters: Mapping[str, Any], mapping_uuid: str | None = None) -> dict[str, Any]:
    """The configuration of a new mapping from CreateEventSourceMapping's *parameters*.

    Raises InvalidParameterValue.
    """
    kind = kind_of(parameters)
    _check_members(kind, parameters)
    check_tags(parameters.get("Tags", {}))
    if kind.ordered and "StartingPosition" not in parameters:
        raise InvalidParameterValue(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )
    if kind is _SELF_MANAGED and _ACCESS not in parameters:
        raise InvalidParameterValue("Required 'sourceAccessConfigurations' parameter is missing.")
    if kind.name == "dynamodb" and parameters["StartingPosition"] == "AT_TIMESTAMP":
        raise InvalidParameterValue(
            f"Unsupported starting position for arn type: {parameters['EventSourceArn']}"
        )
    given = {name: value for name, value in parameters.items() if name != "FunctionName"}
    configuration = {**kind.defaults, "Enabled": True, **given}
    if kind.consumers is not None:
        group = {"ConsumerGroupId": mapping_uuid or str(uuid.uuid4())}
        configuration[kind.consumers] = group | configuration.get(kind.consumers, {})
    return _checked(kind, configuration)


def updated(before: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """*before*, a configuration, with UpdateEventSourceMapping's *parameters*.

    Raises InvalidParameterValue.
    """
    kind = kind_of(before)
    _check_members(kind, parameters)
    given = {name: v for name, v in parameters.items() if name not in ("FunctionName", "UUID")}
    if kind.consumers in given:
        group, wanted = before[kind.consumers]["ConsumerGroupId"], given[kind.consumers]
        if wanted.get("ConsumerGroupId", group) != group:
            raise InvalidParameterValue(
                f"ConsumerGroupId is {group!r}, and cannot be changed: make another mapping."
            )
        given[kind.consumers] = before[kind.consumers] | wanted
    return _checked(kind, {**before, **given})


def conflict(
    configuration: Mapping[str, Any], function_name: str, function_arn: str, other_uuid: str
) -> ResourceConflict:
    """Lambda's error for a mapping that is there already, as *other_uuid*."""
    kind, source = kind_of(configuration), source_of(configuration)
    if kind is SQS:
        text = (
            f'An event source mapping with SQS arn (" {source} ") and function '
            f'(" {function_name} ") already exists.'
        )
    elif kind is _SELF_MANAGED:
        topics = ",".join(configuration.get("Topics", ()))
        text = (
            f'An event source mapping with event source ("{source}"), function '
            f'("{function_arn}"), topics ("{topics}") already exists.'
        )
    else:
        text = (
            f'The event source arn (" {source} ") and function (" {function_name} ") provided '
            "mapping already exists."
        )
    return ResourceConflict(
        f"{text} Please update or delete the existing mapping with UUID {other_uuid}"
    )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise InvalidParameterValue for more tags than a mapping may have."""
    if len(tags) > TAGS_MAX:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")


def _check_members(kind: Kind, parameters: Mapping[str, Any]) -> None:
    for name in parameters:
        if name not in _COMMON and name not in kind.members:
            raise InvalidParameterValue(
                f"Unsupported {name} parameter for given event source mapping type."
            )


def _checked(kind: Kind, configuration: dict[str, Any]) -> dict[str, Any]:
    """*configuration* without what says nothing. Raises InvalidParameterValue."""
    size, window = configuration["BatchSize"], configuration["MaximumBatchingWindowInSeconds"]
    if kind is SQS and configuration["EventSourceArn"].endswith(".fifo"):
        if size > 10 or window:
            raise InvalidParameterValue(
                f"BatchSize is {size} and MaximumBatchingWindowInSeconds {window}, but of a FIFO "
                "queue, at most 10 messages come at once, and none waits for others."
            )
    elif kind is SQS and size > 10 and not window:
        raise InvalidParameterValue(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
    if kind is _EXTENSION:
        _check_plain(configuration)
    if kind is _SELF_MANAGED:
        kafka_sources.check(configuration)
    filters = configuration.get("FilterCriteria", {}).get("Filters") or []
    if len(filters) > FILTERS_MAX:
        raise InvalidParameterValue(
            f"FilterCriteria has {len(filters)} filters, but may have at most {FILTERS_MAX}."
        )
    for each in filters:
        _check_pattern(each.get("Pattern", ""))
    if not filters:
        configuration.pop("FilterCriteria", None)
    return configuration


def _check_plain(configuration: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValue for what no poller of ours does."""
    for name, most, reason in (
        ("ParallelizationFactor", 1, "a partition has one batch at a time"),
        ("TumblingWindowInSeconds", 0, "batches carry no state from one to the next"),
    ):
        if configuration[name] > most:
            raise InvalidParameterValue(
                f"{name} is {configuration[name]}, but of this event source it can only be {most}: "
                f"{reason}."
            )


def _check_pattern(text: str) -> None:
    try:
        patterns.parse(text)
    except patterns.InvalidPattern as error:
        raise InvalidParameterValue(f"Invalid filter pattern definition. {error}.") from None
