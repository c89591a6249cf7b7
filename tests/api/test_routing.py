import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.api.routing import Router
from wasmfaas.api.service_model import ServiceModel
from wasmfaas.errors import UnknownOperation

OPERATIONS = ServiceModel.load().operations
ROUTER = Router(OPERATIONS.values())
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


def routed(method: str, path: str, query: str = "") -> tuple[str, dict[str, str]]:
    route = ROUTER.match(method, path.encode(), query.encode())
    return route.operation.name, dict(route.path_parameters)


@pytest.mark.parametrize(
    ("method", "path", "query", "operation", "parameters"),
    [
        ("GET", "/2015-03-31/functions", "", "ListFunctions", {}),
        ("GET", "/2015-03-31/functions/", "", "ListFunctions", {}),
        ("POST", "/2015-03-31/functions/", "", "CreateFunction", {}),
        ("GET", "/2015-03-31/functions/f", "", "GetFunction", {"FunctionName": "f"}),
        ("GET", "/2015-03-31/functions/f/", "", "GetFunction", {"FunctionName": "f"}),
        (
            "POST",
            f"/2015-03-31/functions/{quote(ARN, safe='')}/invocations",
            "",
            "Invoke",
            {"FunctionName": ARN},
        ),
        ("POST", f"/2015-03-31/functions/{ARN}/invocations", "", "Invoke", {"FunctionName": ARN}),
        ("GET", f"/2017-03-31/tags/{quote(ARN, safe='')}", "", "ListTags", {"Resource": ARN}),
        (
            "GET",
            "/2025-12-01/durable-executions/arn%3Ax%2Fy%2Fz/state",
            "CheckpointToken=t",
            "GetDurableExecutionState",
            {"DurableExecutionArn": "arn:x/y/z"},
        ),
        ("GET", "/2018-10-31/layers", "", "ListLayers", {}),
        ("GET", "/2018-10-31/layers", "find=LayerVersion&Arn=a", "GetLayerVersionByArn", {}),
        ("GET", "/2018-10-31/layers", "find=Other", "ListLayers", {}),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency",
            "List=ALL",
            "ListProvisionedConcurrencyConfigs",
            {"FunctionName": "f"},
        ),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency",
            "Qualifier=1",
            "GetProvisionedConcurrencyConfig",
            {"FunctionName": "f"},
        ),
        (
            "GET",
            "/2019-09-25/functions/f/event-invoke-config/list",
            "",
            "ListFunctionEventInvokeConfigs",
            {"FunctionName": "f"},
        ),
    ],
)
def test_requests_find_their_operation(
    method: str, path: str, query: str, operation: str, parameters: dict[str, str]
) -> None:
    assert routed(method, path, query) == (operation, parameters)


def test_every_operation_is_found_by_its_own_binding() -> None:
    for operation in OPERATIONS.values():
        path = "/" + "/".join("x" if s.startswith("{") else s for s in operation.segments)
        query = "&".join(f"{name}={value}" for name, value in operation.query.items())
        assert routed(operation.method, path, query)[0] == operation.name


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/", "No operation of the Lambda API has the path /."),
        ("GET", "/2015-03-31/functions//configuration", "No operation"),
        ("GET", "/2015-03-31/functions/a/b/c/d", "No operation"),
        ("PATCH", "/2015-03-31/functions/f", "does not take PATCH, but DELETE and GET."),
        ("GET", "/2015-03-31/functions/%ff", "cannot be decoded"),
        ("GET", "/2017-03-31/tags/a/b", "No operation"),
    ],
)
def test_what_is_not_an_operation_is_said_so(method: str, path: str, said: str) -> None:
    with pytest.raises(UnknownOperation) as caught:
        routed(method, path)
    assert said in caught.value.message


def test_a_query_that_cannot_be_decoded_is_refused() -> None:
    for query in ("Marker=%ff", "a=1&" * 2000):
        with pytest.raises(UnknownOperation):
            routed("GET", "/2015-03-31/functions", query)


def test_repeated_query_parameters_are_all_kept() -> None:
    route = ROUTER.match("DELETE", b"/2017-03-31/tags/a", b"tagKeys=a&tagKeys=b%20c&tagKeys=")
    assert route.query == (("tagKeys", "a"), ("tagKeys", "b c"), ("tagKeys", ""))


@given(name=st.text(min_size=1))
def test_an_encoded_segment_is_one_parameter_whatever_it_holds(name: str) -> None:
    path = f"/2015-03-31/functions/{quote(name, safe='')}/policy"
    assert routed("GET", path) == ("GetPolicy", {"FunctionName": name})


@given(method=st.text(max_size=10), path=st.binary(max_size=100), query=st.binary(max_size=100))
def test_no_request_line_is_too_odd(method: str, path: bytes, query: bytes) -> None:
    with contextlib.suppress(UnknownOperation):
        ROUTER.match(method, path, query)
