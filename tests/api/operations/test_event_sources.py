"""Event source mappings, as boto3 sees them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import Harness, refused

PREFIX = "us-east-1:000000000000"
QUEUE = f"arn:aws:sqs:{PREFIX}:q"
STREAM = f"arn:aws:kinesis:{PREFIX}:stream/s"
TABLE = f"arn:aws:dynamodb:{PREFIX}:table/t/stream/2026-01-01T00:00:00.000"
KAFKA = {
    "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}},
    "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:x"}],
    "StartingPosition": "LATEST",
    "Topics": ["topic"],
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """An API with a function, for tests that leave no mapping behind."""
    directory: Path = tmp_path_factory.mktemp("event-sources")
    harness = Harness(directory / "data")
    harness.create("f")
    yield harness
    harness.close()


@pytest.fixture
def client(shared: Harness) -> Iterator[Any]:
    client = shared.client()
    yield client
    for each in client.list_event_source_mappings()["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=each["UUID"])


def members(response: dict[str, Any]) -> dict[str, Any]:
    """Those that are the same every time."""
    varying = ("ResponseMetadata", "UUID", "EventSourceMappingArn", "LastModified")
    return {name: value for name, value in response.items() if name not in varying}


def test_a_queue_from_its_creation_to_its_deletion(client: Any, shared: Harness) -> None:
    created = client.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", created["UUID"])
    arn = f"arn:aws:lambda:{PREFIX}:event-source-mapping:{created['UUID']}"
    assert created["EventSourceMappingArn"] == arn
    expected = {
        "BatchSize": 10,
        "EventSourceArn": QUEUE,
        "FunctionArn": shared.arn("f"),
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
    }
    assert members(created) == expected
    chosen = {"UUID": created["UUID"]}
    read = client.get_event_source_mapping(**chosen)
    assert members(read) == expected | {"State": "Enabled"}
    for enabled, state in ((False, "Disabling"), (True, "Enabling")):
        updated = client.update_event_source_mapping(**chosen, Enabled=enabled, BatchSize=5)
        assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert (updated["State"], updated["BatchSize"]) == (state, 5)
        settled = "Enabled" if enabled else "Disabled"
        assert client.get_event_source_mapping(**chosen)["State"] == settled
    assert client.update_event_source_mapping(**chosen, BatchSize=6)["State"] == "Updating"
    deleted = client.delete_event_source_mapping(**chosen)
    assert (deleted["State"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("Deleting", 202)
    for call in (
        client.get_event_source_mapping,
        client.update_event_source_mapping,
        client.delete_event_source_mapping,
    ):
        said = refused("ResourceNotFoundException", call, **chosen)
        assert said == "The resource you requested does not exist."


def test_what_no_poller_does_is_refused_of_sources_that_are_polled(
    client: Any, shared: Harness
) -> None:
    source = f"arn:aws:wasmfaas-redis:{PREFIX}:s"
    for name, value in (("ParallelizationFactor", 2), ("TumblingWindowInSeconds", 30)):
        given = {"EventSourceArn": source, "StartingPosition": "LATEST", name: value}
        said = refused(
            "InvalidParameterValueException", client.create_event_source_mapping,
            FunctionName=shared.arn("f"), **given,
        )  # fmt: skip
        assert said.startswith(f"{name} is {value}, but of this event source it can only be ")


def test_a_stream_has_all_defaults(client: Any, shared: Harness) -> None:
    for source in (STREAM, TABLE):
        created = client.create_event_source_mapping(
            FunctionName=shared.arn("f"),
            EventSourceArn=source,
            StartingPosition="TRIM_HORIZON",
            Enabled=False,
        )
        assert members(created) == {
            "BatchSize": 100,
            "BisectBatchOnFunctionError": False,
            "DestinationConfig": {"OnFailure": {}},
            "EventSourceArn": source,
            "FunctionArn": shared.arn("f"),
            "FunctionResponseTypes": [],
            "LastProcessingResult": "No records processed",
            "MaximumBatchingWindowInSeconds": 0,
            "MaximumRecordAgeInSeconds": -1,
            "MaximumRetryAttempts": -1,
            "ParallelizationFactor": 1,
            "StartingPosition": "TRIM_HORIZON",
            "State": "Creating",
            "StateTransitionReason": "User action",
            "TumblingWindowInSeconds": 0,
        }
        read = client.get_event_source_mapping(UUID=created["UUID"])
        assert read["State"] == "Disabled"


def test_kafka_has_a_consumer_group(client: Any) -> None:
    created = client.create_event_source_mapping(FunctionName="f", **KAFKA)
    group = created["SelfManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
    assert group == created["UUID"]
    assert created["Topics"] == ["topic"]


def test_a_consumer_group_stays(client: Any) -> None:
    given = {"ConsumerGroupId": "mine"}
    created = client.create_event_source_mapping(
        FunctionName="f", **KAFKA, SelfManagedKafkaEventSourceConfig=given
    )
    call = client.update_event_source_mapping
    updated = call(
        UUID=created["UUID"], SelfManagedKafkaEventSourceConfig={"ConsumptionMode": "Stream"}
    )
    config = updated["SelfManagedKafkaEventSourceConfig"]
    assert config == given | {"ConsumptionMode": "Stream"}
    other = {"ConsumerGroupId": "other"}
    text = refused(
        "InvalidParameterValueException",
        call,
        UUID=created["UUID"],
        SelfManagedKafkaEventSourceConfig=other,
    )
    assert text == "ConsumerGroupId is 'mine', and cannot be changed: make another mapping."
    text = refused(
        "InvalidParameterValueException",
        call,
        UUID=created["UUID"],
        SelfManagedKafkaEventSourceConfig={"ConsumptionMode": "Queue"},
    )
    assert text == "ConsumptionMode is Queue, but this server reads topics as Stream only."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"EventSourceArn": QUEUE},
            f'An event source mapping with SQS arn (" {QUEUE} ") and function (" f ") already '
            "exists. Please update or delete the existing mapping with UUID ",
        ),
        (
            {"EventSourceArn": STREAM, "StartingPosition": "LATEST"},
            f'The event source arn (" {STREAM} ") and function (" f ") provided mapping already '
            "exists. Please update or delete the existing mapping with UUID ",
        ),
        (
            KAFKA,
            'An event source mapping with event source ("kafka:1000"), function ("arn:aws:lambda:'
            f'{PREFIX}:function:f"), topics ("topic") already exists. Please update or delete the '
            "existing mapping with UUID ",
        ),
    ],
)
def test_there_are_no_two_alike(client: Any, source: dict[str, Any], expected: str) -> None:
    create = client.create_event_source_mapping
    created = create(FunctionName="f", **source)
    said = refused("ResourceConflictException", create, FunctionName="f", **source)
    assert said == expected + created["UUID"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"EventSourceArn": f"arn:aws:s3:{PREFIX}:b"}, "Unrecognized event source."),
        ({"EventSourceArn": None}, "Unrecognized event source."),
        ({"FunctionName": "gone"}, "Function does not exist"),
        ({"FunctionName": "f:7"}, "Function does not exist"),
        (
            {"EventSourceArn": STREAM},
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null.",
        ),
        (
            {"EventSourceArn": TABLE, "StartingPosition": "AT_TIMESTAMP"},
            f"Unsupported starting position for arn type: {TABLE}",
        ),
        (
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "[]"}]}},
            "Invalid filter pattern definition. Filter is not an object, at the top.",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": '{"body":"x"}'}]}},
            'Invalid filter pattern definition. "body" must be an object or an array, at body.',
        ),
        (
            {**KAFKA, "SourceAccessConfigurations": None, "EventSourceArn": None},
            "Required 'sourceAccessConfigurations' parameter is missing.",
        ),
        (
            {**KAFKA, "Topics": None, "EventSourceArn": None},
            "Topics is missing: name the one topic to read.",
        ),
        (
            {**KAFKA, "SelfManagedEventSource": {}, "EventSourceArn": None},
            "SelfManagedEventSource has no Endpoints, but must have KAFKA_BOOTSTRAP_SERVERS.",
        ),
        (
            {
                **KAFKA,
                "SelfManagedKafkaEventSourceConfig": {
                    "SchemaRegistryConfig": {"SchemaRegistryURI": "https://registry.invalid"}
                },
                "EventSourceArn": None,
            },
            "SelfManagedKafkaEventSourceConfig has a SchemaRegistryConfig, but this server asks no "
            "schema registry: functions get records as they are.",
        ),
        (
            {
                **KAFKA,
                "SourceAccessConfigurations": [{"Type": "OAUTHBEARER_AUTH", "URI": "x"}],
                "EventSourceArn": None,
            },
            "SourceAccessConfigurations has the type OAUTHBEARER_AUTH, but of this event source, "
            "there are: BASIC_AUTH, CLIENT_CERTIFICATE_TLS_AUTH, SASL_SCRAM_256_AUTH, "
            "SASL_SCRAM_512_AUTH, SERVER_ROOT_CA_CERTIFICATE, VPC_SECURITY_GROUP, VPC_SUBNET.",
        ),
        (
            {**KAFKA, "StartingPosition": "AT_TIMESTAMP", "EventSourceArn": None},
            "StartingPosition is AT_TIMESTAMP, but StartingPositionTimestamp is missing: say when "
            "to begin.",
        ),
        (
            {**KAFKA, "TumblingWindowInSeconds": 5, "EventSourceArn": None},
            "Unsupported TumblingWindowInSeconds parameter for given event source mapping type.",
        ),
    ],
)
def test_what_cannot_be_mapped(client: Any, changes: dict[str, Any], expected: str) -> None:
    wanted = {"FunctionName": "f", "EventSourceArn": QUEUE} | changes
    given = {name: value for name, value in wanted.items() if value is not None}
    call = client.create_event_source_mapping
    assert refused("InvalidParameterValueException", call, **given) == expected


def test_filters_are_kept_until_they_are_taken_away(client: Any) -> None:
    criteria = {
        "Filters": [
            {"Pattern": '{"body":{"a":[{"prefix":"x"},"y",1,null]},"$or":[{"b":[1]},{"c":[2]}]}'}
        ]
    }
    created = client.create_event_source_mapping(
        FunctionName="f", EventSourceArn=QUEUE, FilterCriteria=criteria
    )
    assert created["FilterCriteria"] == criteria
    chosen = {"UUID": created["UUID"]}
    assert client.update_event_source_mapping(**chosen, BatchSize=2)["FilterCriteria"] == criteria
    updated = client.update_event_source_mapping(**chosen, FilterCriteria={})
    assert "FilterCriteria" not in updated


def test_mappings_are_listed_by_function_and_source(client: Any) -> None:
    for number in range(3):
        client.create_event_source_mapping(
            FunctionName="f:$LATEST" if number else "f", EventSourceArn=f"{QUEUE}{number}"
        )
    pages = client.get_paginator("list_event_source_mappings").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 2}
    )
    shown = [[each["UUID"] for each in page["EventSourceMappings"]] for page in pages]
    assert [len(page) for page in shown] == [2, 1]
    uuids = [each for page in shown for each in page]
    assert uuids == sorted(set(uuids))
    for given, count in (
        ({"EventSourceArn": f"{QUEUE}1"}, 1),
        ({"FunctionName": "f:$LATEST"}, 2),
        ({"FunctionName": "g"}, 0),
    ):
        listed = client.list_event_source_mappings(**given)["EventSourceMappings"]
        assert len(listed) == count
