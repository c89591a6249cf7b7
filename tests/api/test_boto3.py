"""Unmodified boto3 scripts against a running server."""

import base64
import io
import json
import zipfile
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.harness import refused
from tests.conftest import ROLE, Server, zip_of

HELLO = """
def lambda_handler(event, context):
    print("called with", event)
    return {"message": "hello " + event["name"], "id": context.aws_request_id}
"""
QUICK = {"Delay": 0.1, "MaxAttempts": 600}


@pytest.fixture
def client(server: Server) -> Any:
    return server.lambda_client()


def wait(client: Any, waiter: str, name: str) -> None:
    client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=QUICK)


def test_a_function_from_creation_to_deletion(client: Any, function_name: str) -> None:
    """The plain script: nothing in it knows that this is not AWS."""
    created = client.create_function(
        FunctionName=function_name,
        Runtime="python3.14",
        Role=ROLE,
        Handler="app.lambda_handler",
        Code={"ZipFile": zip_of({"app.py": HELLO})},
        Description="says hello",
        Timeout=10,
        MemorySize=256,
        Environment={"Variables": {"STAGE": "test"}},
        Tags={"team": "a"},
    )
    assert created["State"] == "Pending"
    wait(client, "function_exists", function_name)
    wait(client, "function_active_v2", function_name)

    invoked = client.invoke(
        FunctionName=function_name, Payload=json.dumps({"name": "you"}), LogType="Tail"
    )
    answer = json.loads(invoked["Payload"].read())
    request_id = invoked["ResponseMetadata"]["RequestId"]
    assert (invoked["StatusCode"], invoked["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in invoked
    assert answer == {"message": "hello you", "id": request_id}
    lines = base64.b64decode(invoked["LogResult"]).decode().splitlines()
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert "called with {'name': 'you'}" in lines
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\t")
    assert "\tFuel: " in lines[-1]
    headers = invoked["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-wasmfaas-fuel"]) > 0

    changed = zip_of({"app.py": HELLO.replace("hello ", "good morning ")})
    updated = client.update_function_code(FunctionName=function_name, ZipFile=changed)
    assert updated["LastUpdateStatus"] == "InProgress"
    wait(client, "function_updated_v2", function_name)
    invoked = client.invoke(FunctionName=function_name, Payload=b'{"name": "you"}')
    assert json.loads(invoked["Payload"].read())["message"] == "good morning you"

    client.update_function_configuration(FunctionName=function_name, Description="other")
    wait(client, "function_updated_v2", function_name)
    pages = client.get_paginator("list_functions").paginate()
    listed = {each["FunctionName"]: each for page in pages for each in page["Functions"]}
    assert listed[function_name]["Description"] == "other"
    assert listed[function_name]["MemorySize"] == 256

    arn = created["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"more": "b"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"more": "b"}

    assert client.delete_function(FunctionName=function_name)["StatusCode"] == 204
    refused("ResourceNotFoundException", client.get_function, FunctionName=function_name)
    refused("ResourceNotFoundException", client.invoke, FunctionName=function_name)


def test_the_package_can_be_downloaded_again(
    server: Server, client: Any, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": HELLO, "data/größe.txt": "ü"})
    location = client.get_function(FunctionName=function_name)["Code"]["Location"]
    answer = httpx.get(location, timeout=120)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("data/größe.txt").decode() == "ü"
    assert httpx.get(location[:-4] + "AAAA", timeout=120).status_code == 403


def test_a_function_error_is_lambdas(server: Server, client: Any, function_name: str) -> None:
    source = "def lambda_handler(event, context):\n    raise KeyError('gone')\n"
    server.deploy(function_name, {"app.py": source})
    invoked = client.invoke(FunctionName=function_name)
    assert (invoked["StatusCode"], invoked["FunctionError"]) == (200, "Unhandled")
    payload = json.loads(invoked["Payload"].read())
    assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert payload["errorType"] == "KeyError"
    assert payload["requestId"] == invoked["ResponseMetadata"]["RequestId"]


def test_the_client_context_reaches_the_function(
    server: Server, client: Any, function_name: str
) -> None:
    source = """
def lambda_handler(event, context):
    return [context.client_context.custom["k"], context.invoked_function_arn]
"""
    server.deploy(function_name, {"app.py": source})
    context = base64.b64encode(json.dumps({"custom": {"k": "välue"}}).encode()).decode()
    invoked = client.invoke(FunctionName=function_name, ClientContext=context, Qualifier="$LATEST")
    value, arn = json.loads(invoked["Payload"].read())
    assert value == "välue"
    assert arn == f"arn:aws:lambda:us-east-1:000000000000:function:{function_name}:$LATEST"


def test_payloads_up_to_the_limit(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": "def lambda_handler(e, c): return len(e)"}, Timeout=60)
    path = f"/2015-03-31/functions/{function_name}/invocations"
    largest = b'"' + b"x" * (6_291_456 - 2) + b'"'
    assert server.http.post(path, content=largest).json() == 6_291_454
    refusal = server.http.post(path, content=largest + b" ")
    assert refusal.status_code == 413
    assert refusal.headers["x-amzn-errortype"] == "RequestTooLargeException"
    # The connection is still good: the rest of the body was read past.
    assert server.http.post(path, content=b'"abc"').json() == 3


def test_bad_packages_are_refused_and_leave_nothing(
    server: Server, client: Any, function_name: str
) -> None:
    for package in (b"", b"not a zip", zip_of({"../escape.py": ""})):
        refused(
            "InvalidParameterValueException",
            client.create_function,
            FunctionName=function_name,
            Runtime="python3.14",
            Role=ROLE,
            Handler="app.lambda_handler",
            Code={"ZipFile": package},
        )
    refused("ResourceNotFoundException", client.get_function, FunctionName=function_name)


def test_an_oversized_upload_is_refused_while_it_arrives(server: Server) -> None:
    def endless() -> Any:
        for _ in range(80):
            yield b"x" * 1_000_000

    # What is signed is another body, but nobody gets to the end of this one.
    path = "/2015-03-31/functions"
    headers = {"Host": urlsplit(server.url).netloc}
    headers |= server.signer.headers("POST", path.encode(), headers)
    refusal = httpx.post(server.url + path, content=endless(), headers=headers, timeout=60)
    assert refusal.status_code == 413
    assert refusal.json()["message"] == (
        "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    )


def test_pages_cannot_drive_the_api(server: Server) -> None:
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ):
        answer = server.http.get("/2015-03-31/functions", headers=headers)
        assert answer.status_code == 403
        assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_logs_usage_and_description_are_served(
    server: Server, client: Any, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": HELLO})
    client.invoke(FunctionName=function_name, Payload=b'{"name": "you"}')
    base = "/_wasmfaas/v1"
    described = server.http.get(f"{base}/functions/{function_name}").json()
    assert described["kind"] == "python"
    assert described["url"] == f"{server.url}/f/{function_name}/"
    entries = server.http.get(f"{base}/functions/{function_name}/logs").json()["entries"]
    assert "called with {'name': 'you'}" in "".join(entry["text"] for entry in entries)
    rows = server.http.get(f"{base}/usage", params={"by": "function"}).json()["rows"]
    (row,) = [row for row in rows if row["key"] == function_name]
    assert row["requests"] == 1
    assert row["fuel"] > 0
