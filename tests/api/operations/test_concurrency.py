"""Reserved concurrency, as boto3 sees it."""

from typing import Any

from tests.api.harness import Harness, refused

MEMBER = "ReservedConcurrentExecutions"


def unreserved(client: Any) -> Any:
    return client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]


def test_a_reservation_lives_until_it_is_deleted(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    assert MEMBER not in client.get_function_concurrency(FunctionName="f")
    assert "Concurrency" not in client.get_function(FunctionName="f")
    before = unreserved(client)
    for count in (7, 0):
        put = client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=count)
        assert put[MEMBER] == count
        assert client.get_function_concurrency(FunctionName="f")[MEMBER] == count
        assert client.get_function(FunctionName="f")["Concurrency"] == {MEMBER: count}
        assert unreserved(client) == before - count
    deleted = client.delete_function_concurrency(FunctionName="f")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert MEMBER not in client.get_function_concurrency(FunctionName="f")
    client.delete_function_concurrency(FunctionName="f")


def test_what_is_reserved_leaves_something(harness: Harness) -> None:
    for name in ("f", "g"):
        harness.create(name)
    client = harness.client()
    put = client.put_function_concurrency
    rest = unreserved(client) - harness.settings.concurrency_unreserved_min
    put(FunctionName="f", ReservedConcurrentExecutions=rest)
    put(FunctionName="f", ReservedConcurrentExecutions=rest)
    arguments = {"FunctionName": "g", "ReservedConcurrentExecutions": 1}
    assert refused("InvalidParameterValueException", put, **arguments) == (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    client.delete_function(FunctionName="f")
    put(**arguments)


def test_it_is_of_functions_only(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    for call, more in (
        (client.put_function_concurrency, {MEMBER: 1}),
        (client.get_function_concurrency, {}),
        (client.delete_function_concurrency, {}),
    ):
        said = refused("InvalidParameterValueException", call, FunctionName="f:1", **more)
        assert said.startswith("This operation is permitted on Lambda functions only.")
        said = refused("ResourceNotFoundException", call, FunctionName="gone", **more)
        assert said == f"Function not found: {harness.arn('gone')}"
