import json
from datetime import UTC, datetime

import pytest

from wasmfaas.api.response import of_error, of_result
from wasmfaas.api.service_model import ServiceModel
from wasmfaas.errors import ResourceNotFound, TooManyRequests, ValidationFailed

OPERATIONS = ServiceModel.load().operations


def test_members_travel_where_the_model_says() -> None:
    response = of_result(
        OPERATIONS["Invoke"],
        {"StatusCode": 202, "FunctionError": "Unhandled", "LogResult": None, "Payload": b"{}"},
    )
    assert response.status == 202
    assert response.headers == {
        "x-amz-function-error": "Unhandled",
        "content-type": "application/json",
    }
    assert response.body == b"{}"


def test_types_are_those_of_the_wire() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    response = of_result(
        OPERATIONS["GetFunctionEventInvokeConfig"],
        {"LastModified": moment, "MaximumRetryAttempts": None, "DestinationConfig": {}},
    )
    assert json.loads(response.body) == {"LastModified": 1767225600.0, "DestinationConfig": {}}


def test_an_operation_without_output_has_no_body() -> None:
    response = of_result(OPERATIONS["TagResource"], {})
    assert (response.status, response.body) == (204, b"")


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("ListTags", {"Tag": {}}),
        ("TagResource", {"Tags": {}}),
        ("GetFunction", {"Configuration": {"Memory": 1}}),
    ],
)
def test_members_that_the_model_does_not_know_are_our_mistake(
    operation: str, members: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="member"):
        of_result(OPERATIONS[operation], members)


def test_errors_have_the_members_of_their_shape() -> None:
    response = of_error(ResourceNotFound("gone"))
    assert (response.status, json.loads(response.body)) == (
        404,
        {"Type": "User", "Message": "gone"},
    )
    assert response.headers["x-amzn-errortype"] == "ResourceNotFoundException"
    assert json.loads(of_error(ValidationFailed("bad")).body) == {"message": "bad"}
    throttled = of_error(TooManyRequests("Rate Exceeded.", reason="CallerRateLimitExceeded"))
    assert throttled.headers["retry-after"] == "1"
    assert json.loads(throttled.body)["Reason"] == "CallerRateLimitExceeded"
