"""What holds for every operation: bodies, identification, errors on the wire."""

import asyncio
import base64
import json
import logging
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.api.harness import HOST, PACKAGE, Harness, send_request
from tests.conftest import ROLE, zip_of
from wasmfaas.api.bodies import SMALL_BYTES_MAX

FUNCTIONS = "/2015-03-31/functions"


def creation(name: str, package: bytes = PACKAGE, **members: Any) -> bytes:
    given = {
        "FunctionName": name,
        "Runtime": "python3.14",
        "Handler": "app.lambda_handler",
        "Role": ROLE,
        "Code": {"ZipFile": base64.b64encode(package).decode()},
    }
    return json.dumps(given | members).encode()


def pieces(body: bytes, size: int = 64 * 1024) -> list[bytes]:
    return [body[begin : begin + size] for begin in range(0, len(body), size)]


def test_every_answer_has_an_id_of_its_own(harness: Harness) -> None:
    first = harness.request("GET", FUNCTIONS).headers["x-amzn-requestid"]
    second = harness.request("GET", f"{FUNCTIONS}/gone").headers["x-amzn-requestid"]
    assert uuid.UUID(first) != uuid.UUID(second)


def test_errors_are_json_in_lambdas_form(harness: Harness) -> None:
    answer = harness.request("GET", f"{FUNCTIONS}/gone")
    assert answer.status == 404
    assert answer.headers["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (
        b'{"Type":"User","Message":"Function not found: '
        b'arn:aws:lambda:us-east-1:000000000000:function:gone"}'
    )


def test_paths_that_are_no_operation_are_answered_in_json(harness: Harness) -> None:
    answer = harness.request("GET", "/index.html")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert json.loads(answer.body)["Message"].endswith("has the path /index.html.")


def test_an_encoded_arn_and_trailing_slashes_are_understood(harness: Harness) -> None:
    harness.request("POST", f"{FUNCTIONS}/", body=[creation("f")])
    arn = harness.arn("f").replace(":", "%3A")
    answer = harness.request("GET", f"{FUNCTIONS}/{arn}/")
    assert json.loads(answer.body)["Configuration"]["FunctionName"] == "f"


def test_a_failure_of_ours_says_nothing_but_its_id(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.create("f")

    async def broken(*_: Any) -> Any:
        raise RuntimeError("secret path /srv/x")

    harness.invoker.invoke = broken  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        answer = harness.request("POST", f"{FUNCTIONS}/f/invocations", body=[b"{}"])
    request_id = answer.headers["x-amzn-requestid"]
    assert answer.status == 500
    assert json.loads(answer.body) == {
        "Type": "Service",
        "Message": f"The request failed inside the server; its log has {request_id}.",
    }
    assert request_id in caplog.text
    assert "secret path" in caplog.text


def test_a_large_package_arrives_whole(harness: Harness) -> None:
    """Larger than what is parsed and decoded in one piece."""
    package = zip_of({"app.py": "def lambda_handler(e, c): pass", "data": os.urandom(2_000_000)})
    answer = harness.request("POST", FUNCTIONS, body=pieces(creation("f", package)))
    assert answer.status == 201
    function = harness.run(harness.registry.get("f"))
    assert harness.code.read(function.shown.code_digest) == package


def test_a_request_over_the_limit_is_refused_while_it_arrives(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data", api_request_bytes_max=100_000)
    body = pieces(creation("f", b"x" * 150_000))
    try:
        declared = harness.request("POST", FUNCTIONS, body=body)
        chunked = harness.request(
            "POST",
            FUNCTIONS,
            body=body,
            headers={"content-length": "", "transfer-encoding": "chunked"},
        )
    finally:
        harness.close()
    for answer in (declared, chunked):
        assert answer.status == 413
        assert answer.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"
        assert json.loads(answer.body)["message"] == (
            "Request must be smaller than 100000 bytes for the CreateFunction operation"
        )


def test_few_large_requests_are_held_at_once_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Two uploads wait for each other, while small requests are answered."""
    harness = Harness(tmp_path / "data", api_requests_inflight_max=1)
    reading: list[int] = []

    def upload(number: int, begun: asyncio.Event, go_on: asyncio.Event) -> Any:
        body = pieces(creation(f"f{number}", PACKAGE, Description="x" * SMALL_BYTES_MAX))

        async def receive() -> Any:
            reading.append(number)
            begun.set()
            await go_on.wait()
            return {"type": "http.request", "body": body.pop(0), "more_body": bool(body)}

        return receive

    async def scenario() -> None:
        begun, go_on, sent = asyncio.Event(), asyncio.Event(), []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": FUNCTIONS, "raw_path": FUNCTIONS.encode(),
            "query_string": b"", "headers": [(b"host", HOST.encode()),
                                             (b"transfer-encoding", b"chunked")],
        }  # fmt: skip
        async with asyncio.TaskGroup() as group:
            for number in (1, 2):
                group.create_task(harness.api(scope, upload(number, begun, go_on), send))
            await begun.wait()
            small = await send_request(harness.api, "GET", FUNCTIONS)
            assert small.status == 200
            tags = f"/2017-03-31/tags/{harness.arn('gone')}"
            small = await send_request(harness.api, "POST", tags, body=[b'{"Tags":{}}'])
            assert small.status == 404
            assert set(reading) == {1}
            go_on.set()
        assert set(reading) == {1, 2}
        assert [m["status"] for m in sent if m["type"].endswith("start")] == [400, 400]

    try:
        harness.run(scenario())
    finally:
        harness.close()


def test_nobody_is_answered_who_has_left(harness: Harness) -> None:
    async def scenario() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": FUNCTIONS, "raw_path": FUNCTIONS.encode(),
            "query_string": b"", "headers": [(b"content-length", b"10")],
        }  # fmt: skip
        await harness.api(scope, receive, send)
        return sent

    assert harness.run(scenario()) == []


def test_addresses_in_answers_are_those_by_which_the_client_came(harness: Harness) -> None:
    harness.create("f")
    answer = harness.request("GET", f"{FUNCTIONS}/f", headers={"host": "localhost:9"})
    location = json.loads(answer.body)["Code"]["Location"]
    assert location.startswith("http://localhost:9/_wasmfaas/v1/code/")
