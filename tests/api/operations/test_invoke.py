"""Invoke through an unmodified boto3 client, and where boto3 is too polite, by hand."""

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.harness import Answer, Harness, refused
from wasmfaas.api.operations.invoke import LOG_TAIL_BYTES, event_of, log_tail
from wasmfaas.errors import InvalidRequestContent, TooManyRequests

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
INVOCATIONS = "/2015-03-31/functions/f/invocations"


@pytest.fixture
def client(harness: Harness) -> Any:
    harness.create("f")
    return harness.client()


def context_header(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def post(harness: Harness, body: bytes, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.request("POST", INVOCATIONS, headers=named, body=[body])


def test_the_answer_and_what_the_invoker_was_asked(client: Any, harness: Harness) -> None:
    response = client.invoke(FunctionName="f", Payload=b'{"a": 1}')
    assert response["Payload"].read() == b'"answer"'
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response
    assert "LogResult" not in response
    ((name, event, context),) = harness.invoker.calls
    assert (name, event) == ("f", b'{"a": 1}')
    metadata = response["ResponseMetadata"]
    assert context.request_id == metadata["RequestId"]
    assert context.invoked_function_arn == ARN
    assert context.client_context is None
    assert metadata["HTTPHeaders"]["x-wasmfaas-fuel"] == "7"
    assert metadata["HTTPHeaders"]["x-wasmfaas-billed-duration-ms"] == "2"


def test_an_invocation_by_qualifier_keeps_it_in_the_arn(client: Any, harness: Harness) -> None:
    client.invoke(FunctionName="f", Qualifier="$LATEST")
    client.invoke(FunctionName=ARN + ":$LATEST")
    client.invoke(FunctionName=ARN)
    arns = [context.invoked_function_arn for _, _, context in harness.invoker.calls]
    assert arns == [ARN + ":$LATEST", ARN + ":$LATEST", ARN]


def test_a_function_error_is_unhandled_with_status_200(client: Any, harness: Harness) -> None:
    harness.invoker.error_type = "ValueError"
    harness.invoker.payload = b'{"errorMessage":"x"}'
    response = client.invoke(FunctionName="f")
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert response["Payload"].read() == b'{"errorMessage":"x"}'


def test_no_payload_is_an_empty_object(client: Any, harness: Harness) -> None:
    client.invoke(FunctionName="f")
    assert harness.invoker.calls[0][1] == b"{}"


def test_the_end_of_the_log_comes_along_when_asked_for(client: Any, harness: Harness) -> None:
    harness.invoker.log = b"x" * LOG_TAIL_BYTES + "ä".encode() * (LOG_TAIL_BYTES // 2) + b"."
    response = client.invoke(FunctionName="f", LogType="Tail")
    tail = base64.b64decode(response["LogResult"]).decode()
    assert tail == "ä" * (LOG_TAIL_BYTES // 2 - 1) + "."


@given(st.text())
def test_a_tail_is_always_text(text: str) -> None:
    tail = base64.b64decode(log_tail(text.encode("utf-8", "replace") * 50)).decode()
    assert len(tail.encode()) <= LOG_TAIL_BYTES


def test_a_dry_run_only_checks(client: Any, harness: Harness) -> None:
    response = client.invoke(FunctionName="f", InvocationType="DryRun")
    assert response["StatusCode"] == 204
    assert response["Payload"].read() == b""
    assert harness.invoker.calls == []
    refused("ResourceNotFoundException", client.invoke, FunctionName="g", InvocationType="DryRun")


def queued(harness: Harness) -> list[Any]:
    return harness.run(harness.queue.claim(10))


def test_an_asynchronous_invocation_is_answered_once_it_is_queued(
    client: Any, harness: Harness
) -> None:
    response = client.invoke(
        FunctionName="f",
        InvocationType="Event",
        Payload=b"[1]",
        Qualifier="$LATEST",
        ClientContext=context_header({"custom": 1}),
    )
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    assert not response.keys() & {"ExecutedVersion", "FunctionError", "LogResult"}
    [event] = queued(harness)
    assert event.id == response["ResponseMetadata"]["RequestId"]
    assert (event.function_name, event.qualifier) == ("f", "$LATEST")
    assert (event.payload, event.client_context) == (b"[1]", '{"custom": 1}')
    assert harness.invoker.calls == []


def test_the_old_operation_queues_too(client: Any, harness: Harness) -> None:
    response = client.invoke_async(FunctionName="f", InvokeArgs=b"{}")
    assert response["Status"] == 202
    assert [event.payload for event in queued(harness)] == [b"{}"]
    said = refused(
        "RequestTooLargeException",
        client.invoke_async,
        FunctionName="f",
        InvokeArgs=b'"' + b"x" * 262_143 + b'"',
    )
    assert said == "Request must be smaller than 262144 bytes for the InvokeAsync operation"


def test_what_cannot_be_queued_is_refused(client: Any, harness: Harness) -> None:
    def said(code: str, name: str = "f", **members: Any) -> str:
        given = {"FunctionName": name, "InvocationType": "Event"}
        return refused(code, client.invoke, **(given | members))

    assert said("ResourceNotFoundException", "g").endswith(":function:g:$LATEST")
    assert said("ResourceNotFoundException", Qualifier="no").endswith(":function:f:no")
    said("InvalidRequestContentException", Payload=b"{")
    limit = b'"' + b"x" * (1_048_576 - 1) + b'"'
    assert said("RequestTooLargeException", Payload=limit) == (
        "Request must be smaller than 1048576 bytes for the InvokeFunction operation"
    )
    assert queued(harness) == []


def test_an_idempotency_key_has_one_event(client: Any, harness: Harness) -> None:
    named = {"X-Amz-Invocation-Type": "Event", "X-Wasmfaas-Idempotency-Key": "order-1"}
    answers = [post_named(harness, named) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    ids = {answer.headers["x-wasmfaas-event-id"] for answer in answers}
    assert ids == {event.id for event in queued(harness)}
    assert post_named(harness, named | {"X-Wasmfaas-Idempotency-Key": "x" * 257}).status == 400


def post_named(harness: Harness, headers: dict[str, str]) -> Answer:
    return harness.request("POST", INVOCATIONS, headers=headers, body=[b"{}"])


def test_an_unknown_function_is_named_with_latest(client: Any) -> None:
    said = refused("ResourceNotFoundException", client.invoke, FunctionName="gone")
    assert said == (
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:gone:$LATEST"
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"hello",
        b"NaN",
        b"[Infinity]",
        b"{'a': 1}",
        b'{"a": 1} x',
        b"\xff",
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b"[" * 200_000,
        b" ",
    ],
)
def test_a_payload_that_is_not_json_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidRequestContent) as caught:
        event_of(payload)
    assert caught.value.message.startswith(
        "Could not parse request body into json: Could not parse payload into json: "
    )
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "payload", [b"null", b"1" * 10_000, b'"x"', b' {"a":1} ', b'"\\ud800"', b"[[[1e400]]]"]
)
def test_a_payload_that_is_json_is_passed_on_as_it_is(payload: bytes) -> None:
    assert event_of(payload) == payload


def test_a_payload_over_the_limit(harness: Harness) -> None:
    harness.create("f")
    fits = b'"' + b"x" * (harness.settings.event_bytes_max - 2) + b'"'
    assert post(harness, fits).status == 200
    answer = post(harness, fits + b" ")
    assert answer.status == 413
    assert answer.headers["x-amzn-errortype"] == "RequestTooLargeException"
    assert json.loads(answer.body)["message"] == (
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    )


def test_a_client_context_is_decoded(client: Any, harness: Harness) -> None:
    context = {"client": {"installation_id": "é"}, "custom": {"k": 1}}
    client.invoke(FunctionName="f", ClientContext=context_header(context))
    assert json.loads(harness.invoker.calls[0][2].client_context or "") == context


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("%%%", "Client context must be a valid Base64-encoded JSON object."),
        (base64.b64encode(b"\xff").decode(), "Client context must be a valid Base64-encoded"),
        (base64.b64encode(b"{").decode(), "Client context must be a valid Base64-encoded"),
        (context_header([1]), "Client context must be a valid Base64-encoded JSON object."),
        (base64.b64encode(b"[" * 2600).decode(), "Client context must be a valid Base64-encoded"),
        (context_header({"a": "x" * 2700}), "Client context is 3612 bytes of base64, but must be"),
    ],
)
def test_a_client_context_that_is_none_is_refused(
    client: Any, harness: Harness, header: str, said: str
) -> None:
    answer = post(harness, b"{}", X_Amz_Client_Context=header)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"
    assert json.loads(answer.body)["message"].startswith(said)


def test_traces_go_through_and_begin_here_otherwise(client: Any, harness: Harness) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    assert post(harness, b"", X_Amzn_Trace_Id=trace).headers["x-amzn-trace-id"] == trace
    assert harness.invoker.calls[0][2].trace_id == trace
    for unusable in ("x", "Root=" + "x" * 600, "Root=\xe9"):
        made = post(harness, b"", X_Amzn_Trace_Id=unusable).headers["x-amzn-trace-id"]
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", made)


def test_throttling_tells_when_to_come_back(client: Any, harness: Harness) -> None:
    harness.invoker.failure = TooManyRequests(
        "Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded"
    )
    answer = post(harness, b"{}")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert json.loads(answer.body) == {
        "Reason": "ConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }


def test_kinds_of_invocation_that_do_not_exist_here_are_refused(client: Any) -> None:
    for arguments in ({"TenantId": "t"}, {"DurableExecutionName": "n"}):
        refused("InvalidParameterValueException", client.invoke, FunctionName="f", **arguments)


def test_enumerations_in_headers_are_checked(harness: Harness) -> None:
    answer = post(harness, b"{}", X_Amz_Invocation_Type="Maybe", X_Amz_Log_Type="All")
    assert answer.status == 400
    assert json.loads(answer.body) == {
        "message": "2 validation errors detected: Value 'Maybe' at 'invocationType' failed to "
        "satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, "
        "DryRun]; Value 'All' at 'logType' failed to satisfy constraint: Member must satisfy "
        "enum value set: [None, Tail]"
    }
