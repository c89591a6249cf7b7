"""What pollers make of the configuration of a mapping."""

from typing import Any

import pytest

from wasmfaas.triggers.mappings.poller import Plan

DESTINATION = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}
KAFKA = {"SelfManagedEventSource": {}}


@pytest.mark.parametrize(
    ("configuration", "retries"),
    [
        ({}, -1),
        ({"DestinationConfig": DESTINATION}, -1),
        (KAFKA, -1),
        ({**KAFKA, "DestinationConfig": {"OnFailure": {}}}, -1),
        ({**KAFKA, "DestinationConfig": DESTINATION}, 10),
        ({**KAFKA, "DestinationConfig": DESTINATION, "MaximumRetryAttempts": -1}, 10),
        ({**KAFKA, "DestinationConfig": DESTINATION, "MaximumRetryAttempts": 3}, 3),
    ],
)
def test_retries(configuration: dict[str, Any], retries: int) -> None:
    """Lambda gives batches of Kafka up after 10 where it has somebody to tell."""
    plan = Plan.of({"BatchSize": 1, **configuration}, bytes_max=1000, concurrency_max=1)
    assert plan.retries_max == retries
