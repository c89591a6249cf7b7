"""Answers in parts, to an unmodified boto3 client and over a plain connection."""

import base64
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Server

SOURCE = r"""
import json, os, time

def pause(seconds=0):
    yield "first"
    print("between")
    time.sleep(seconds)
    yield b"\xffsecond"

def pause_long():
    return pause(3)

def fail():
    yield "first"
    raise KeyError("gone")

def prelude():
    head = {"statusCode": 201, "headers": {"X-Mine": "a", "Content-Type": "text/plain",
                                           "Content-Length": "1"}, "cookies": ["c=1"]}
    yield json.dumps(head) + "\0" * 8 + "body "
    yield "goes on"

def bad_prelude():
    yield '{"statusCode": "teapot"}' + "\0" * 8
    yield "unseen"

def empty():
    yield '{"statusCode": 204}' + "\0" * 8
    yield "unseen"

def nothing():
    return
    yield

def forever():
    yield "first"
    while True:
        pass

def large():
    for number in range(48):
        yield bytes([number]) * 65536

def die():
    yield "first"
    os.abort()

def lambda_handler(event, context):
    how = event.get("how") or event.get("queryStringParameters", {}).get("how")
    if how == "value":
        return {"statusCode": 404, "body": "nowhere"}
    if how == "raise":
        raise ValueError("at once")
    return globals()[how]()
"""


@pytest.fixture(scope="module")
def name(server: Server) -> str:
    """A function with a URL that streams."""
    name = server.deploy("streaming", {"app.py": SOURCE}, Timeout=6)
    with contextlib.closing(server.lambda_client()) as client:
        client.update_function_url_config(FunctionName=name, InvokeMode="RESPONSE_STREAM")
        assert client.get_function_url_config(FunctionName=name)["InvokeMode"] == "RESPONSE_STREAM"
    return name


@pytest.fixture(scope="module")
def buffered(server: Server) -> str:
    """The same function, with a URL that does not stream."""
    return server.deploy("not-streaming", {"app.py": SOURCE}, Timeout=6)


@contextlib.contextmanager
def calling(server: Server, name: str, how: str, **members: Any) -> Iterator[dict[str, Any]]:
    """What boto3 has when the stream begins."""
    with contextlib.closing(server.lambda_client()) as client:
        response = client.invoke_with_response_stream(
            FunctionName=name, Payload=json.dumps({"how": how}), **members
        )
        with contextlib.closing(response["EventStream"]):
            yield response


def call(server: Server, name: str, how: str) -> tuple[bytes, dict[str, Any]]:
    """All chunks together, and the end."""
    with calling(server, name, how) as response:
        *chunks, last = list(response["EventStream"])
    return b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks), last["InvokeComplete"]


def recorded(server: Server, name: str) -> tuple[int, int]:
    """How many invocations of *name* are on record, and how many of them failed."""
    rows = server.http.get("/_wasmfaas/v1/usage?by=function").json()["rows"]
    found = [(row["requests"], row["errors"]) for row in rows if row["key"] == name]
    return found[0] if found else (0, 0)


def get(server: Server, name: str, how: str, method: str = "GET") -> httpx.Response:
    return httpx.request(method, f"{server.url}/f/{name}/?how={how}", timeout=120)


def test_the_first_part_arrives_before_the_function_ends(server: Server, name: str) -> None:
    with calling(server, name, "pause_long", LogType="Tail") as response:
        assert response["StatusCode"] == 200
        assert response["ExecutedVersion"] == "$LATEST"
        assert response["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
        stream = iter(response["EventStream"])
        assert next(stream) == {"PayloadChunk": {"Payload": b"first"}}
        began = time.monotonic()
        assert next(stream) == {"PayloadChunk": {"Payload": b"\xffsecond"}}
        assert time.monotonic() - began > 0.5
        (complete,) = (event["InvokeComplete"] for event in stream)
    assert complete.keys() == {"LogResult"}
    log = base64.b64decode(complete["LogResult"]).decode()
    assert [line.partition(" ")[0] for line in log.splitlines()][:3] == ["START", "between", "END"]


def test_it_is_on_record_when_the_end_arrives(server: Server, name: str) -> None:
    before = recorded(server, name)
    answer, complete = call(server, name, "large")
    assert recorded(server, name) == (before[0] + 1, before[1])
    assert complete == {}
    assert answer == b"".join(bytes([number]) * 65536 for number in range(48))


@pytest.mark.parametrize(
    ("how", "answer", "error_type", "message"),
    [
        ("fail", b"first", "KeyError", "gone"),
        ("raise", b"", "ValueError", "at once"),
        ("forever", b"first", "Sandbox.Timedout", "timed out after 6.00 seconds"),
        ("die", b"first", "Runtime.ExitError", ""),
    ],
)
def test_an_error_ends_the_stream(
    server: Server, name: str, how: str, answer: bytes, error_type: str, message: str
) -> None:
    received, complete = call(server, name, how)
    assert (received, complete["ErrorCode"]) == (answer, error_type)
    details = json.loads(complete["ErrorDetails"])
    assert details["errorType"] == error_type
    assert message in details["errorMessage"]


def test_an_ordinary_answer_is_one_part(server: Server, name: str) -> None:
    answer, complete = call(server, name, "value")
    assert (json.loads(answer)["statusCode"], complete) == (404, {})


def test_what_is_refused_is_no_stream(server: Server, name: str) -> None:
    with contextlib.closing(server.lambda_client()) as client:
        call = client.invoke_with_response_stream
        with pytest.raises(client.exceptions.ResourceNotFoundException, match="not found: arn"):
            call(FunctionName="nowhere", Payload="{}")
        with pytest.raises(client.exceptions.InvalidRequestContentException):
            call(FunctionName=name, Payload="{")
        dry = call(FunctionName=name, InvocationType="DryRun")
        dry["EventStream"].close()
        assert dry["StatusCode"] == 204


def test_invoke_joins_the_parts(server: Server, name: str) -> None:
    with contextlib.closing(server.lambda_client()) as client:
        response = client.invoke(FunctionName=name, Payload=json.dumps({"how": "pause"}))
        assert response["Payload"].read() == b"first\xffsecond"
        assert "FunctionError" not in response
        failed = client.invoke(FunctionName=name, Payload=json.dumps({"how": "fail"}))
        assert failed["FunctionError"] == "Unhandled"
        assert json.loads(failed["Payload"].read())["errorType"] == "KeyError"


def test_a_url_sends_what_comes(server: Server, name: str) -> None:
    with httpx.stream("GET", f"{server.url}/f/{name}/?how=pause_long", timeout=120) as response:
        parts: Iterator[bytes] = response.iter_raw()
        assert next(parts) == b"first"
        began = time.monotonic()
        assert b"".join(parts) == b"\xffsecond"
        assert time.monotonic() - began > 0.5
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["transfer-encoding"] == "chunked"
    assert "x-amzn-requestid" in response.headers


def test_a_prelude_sets_status_and_headers(server: Server, name: str, buffered: str) -> None:
    for function in (name, buffered):
        response = get(server, function, "prelude")
        assert (response.status_code, response.text) == (201, "body goes on")
        assert (response.headers["x-mine"], response.headers["content-type"]) == ("a", "text/plain")
        assert response.headers["set-cookie"] == "c=1"
        assert get(server, function, "bad_prelude").status_code == 502
    assert get(server, name, "empty").status_code == 204


def test_a_url_that_streams_infers_what_comes_whole(server: Server, name: str) -> None:
    response = get(server, name, "value")
    assert (response.status_code, response.text) == (404, "nowhere")
    assert "x-wasmfaas-fuel" in response.headers
    assert get(server, name, "raise").status_code == 502
    assert get(server, name, "nothing").content == b""


def test_a_url_without_streaming_sends_the_whole(server: Server, buffered: str) -> None:
    response = get(server, buffered, "pause")
    assert response.content == b"first\xffsecond"
    assert response.headers["content-length"] == "12"


@pytest.mark.parametrize("how", ["fail", "forever", "die"])
def test_an_answer_that_breaks_off_has_no_end(server: Server, name: str, how: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        get(server, name, how)


def test_other_clients_are_served(server: Server, name: str) -> None:
    """A HEAD has no body; HTTP/1.0 knows no parts."""
    head = get(server, name, "prelude", method="HEAD")
    assert (head.status_code, head.content) == (201, b"")
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(f"GET /f/{name}/?how=prelude HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\nbody goes on")


def test_a_client_that_leaves_ends_nothing(server: Server, name: str) -> None:
    """The function runs to its end, and the worker serves on."""
    requests, errors = recorded(server, name)
    with httpx.stream("GET", f"{server.url}/f/{name}/?how=large", timeout=120) as response:
        next(response.iter_raw())
    deadline = time.monotonic() + 120
    while recorded(server, name) != (requests + 1, errors):
        assert time.monotonic() < deadline
        time.sleep(0.05)
