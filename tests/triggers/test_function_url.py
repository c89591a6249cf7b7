"""Function URLs of a running server, as clients see them."""

import base64
import json
import socket
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Server

HANDLER = """
import base64, json

PAGES = {
    "/string": "hello",
    "/list": ["hello", 3, True],
    "/none": None,
    "/teapot": {"statusCode": "418", "body": "i'm a teapot"},
    "/nothing": {"statusCode": 204, "body": "not sent"},
    "/cookies": {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "headers": {"x-a": "b"}},
    "/binary": {
        "statusCode": 200,
        "headers": {"Content-Type": "image/png"},
        "body": base64.b64encode(bytes(range(256))).decode(),
        "isBase64Encoded": True,
    },
    "/page": {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": "<p>é</p>"},
    "/injection": {"statusCode": 200, "headers": {"x-a": "b\\r\\nx-c: d"}},
    "/forged": {"statusCode": 200, "headers": {"X-Wasmfaas-Fuel": "0", "Content-Length": "3"},
                "body": "longer"},
    "/cors": {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://evil.example"}},
}


def lambda_handler(event, context):
    path = event["rawPath"]
    if path == "/error":
        raise ValueError("told to")
    if path == "/length":
        body = event["body"]
        return len(base64.b64decode(body)) if event["isBase64Encoded"] else len(body)
    if path in PAGES:
        return PAGES[path]
    return {"event": event, "request_id": context.aws_request_id,
            "arn": context.invoked_function_arn}
"""
LIMIT = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def echo(server: Server) -> str:
    """A function that returns its event, or what its path asks for."""
    return server.deploy(f"echo-{uuid.uuid4().hex[:12]}", {"app.py": HANDLER})


@pytest.fixture
def get(server: Server, echo: str) -> Callable[..., httpx.Response]:
    def request(path: str, method: str = "GET", **arguments: Any) -> httpx.Response:
        return server.http.request(method, f"/f/{echo}{path}", **arguments)

    return request


def test_the_event_is_the_request(server: Server, echo: str) -> None:
    response = server.http.post(
        f"/f/{echo}/a%2Fb/%C3%A9?x=1&y=a+b&x=2",
        content='{"é": 1}'.encode(),
        headers=[("Content-Type", "application/json"), ("X-Two", "a"), ("x-two", "b"),
                 ("Cookie", "s=1; t=2"), ("User-Agent", "tester/1")],
    )  # fmt: skip
    assert response.status_code == 200
    answer = response.json()
    event, context = answer["event"], answer["event"]["requestContext"]
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert event["rawPath"] == "/a%2Fb/%C3%A9"
    assert event["rawQueryString"] == "x=1&y=a+b&x=2"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "a b"}
    assert event["cookies"] == ["s=1", "t=2"]
    assert event["headers"]["x-two"] == "a,b"
    assert (event["body"], event["isBase64Encoded"]) == ('{"é": 1}', False)
    assert context["http"] == {
        "method": "POST",
        "path": "/a%2Fb/%C3%A9",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tester/1",
    }
    configuration = server.lambda_client().get_function_url_config(FunctionName=echo)
    assert urlsplit(configuration["FunctionUrl"]).hostname == context["domainName"]
    assert configuration["FunctionArn"] == answer["arn"]
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 60
    moment = time.gmtime(context["timeEpoch"] / 1000)
    assert context["time"] == time.strftime("%d/%b/%Y:%H:%M:%S +0000", moment)
    request_id = response.headers["x-amzn-requestid"]
    assert request_id == context["requestId"] == answer["request_id"]


def test_the_same_function_answers_under_its_host_name(server: Server, echo: str) -> None:
    url = server.lambda_client().get_function_url_config(FunctionName=echo)["FunctionUrl"]
    host = urlsplit(url).netloc
    response = server.http.get("/f/other/path?x=y", headers={"Host": host})
    event = response.json()["event"]
    assert (event["rawPath"], event["rawQueryString"]) == ("/f/other/path", "x=y")
    assert event["headers"]["host"] == host
    stranger = server.http.get("/", headers={"Host": host.replace("us-east-1", "us-east-2")})
    assert stranger.status_code == 403
    assert "No function URL has the host" in stranger.json()["Message"]


@pytest.mark.parametrize(
    ("path", "status", "content_type", "content"),
    [
        ("/string", 200, "application/json", b"hello"),
        ("/list", 200, "application/json", b'["hello",3,true]'),
        ("/none", 200, "application/json", b"null"),
        ("/teapot", 418, "application/json", b"i'm a teapot"),
        ("/nothing", 204, "application/json", b""),
        ("/binary", 200, "image/png", bytes(range(256))),
        ("/page", 200, "text/html", "<p>é</p>".encode()),
        ("/error", 502, "text/plain", b"Internal Server Error"),
        ("/injection", 502, "text/plain", b"Internal Server Error"),
        ("/forged", 200, "application/json", b"longer"),
    ],
)
def test_answers(
    get: Callable[..., httpx.Response], path: str, status: int, content_type: str, content: bytes
) -> None:
    response = get(path)
    assert (response.status_code, response.content) == (status, content)
    assert response.headers["content-type"] == content_type
    assert int(response.headers["x-wasmfaas-fuel"]) > 0
    assert int(response.headers["x-wasmfaas-billed-duration-ms"]) >= 1
    assert "x-c" not in response.headers


def test_cookies_are_separate_headers(get: Callable[..., httpx.Response]) -> None:
    response = get("/cookies")
    assert response.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]
    assert response.headers["x-a"] == "b"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_all_methods(get: Callable[..., httpx.Response], method: str) -> None:
    event = get("/x", method).json()["event"]
    assert event["requestContext"]["http"]["method"] == method


def test_head_has_the_length_and_no_body(get: Callable[..., httpx.Response]) -> None:
    response = get("/page", "HEAD")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == "9"


def test_the_headers_show_what_the_log_reports(server: Server, echo: str) -> None:
    response = server.http.get(f"/f/{echo}/string")
    request_id = response.headers["x-amzn-requestid"]
    logs = server.http.get(f"/_wasmfaas/v1/functions/{echo}/logs", params={"limit": 50}).json()
    text = json.dumps(logs)
    assert f"START RequestId: {request_id} Version: $LATEST" in text
    report = text[text.index(f"REPORT RequestId: {request_id}") :].split("\\n")[0]
    headers = response.headers
    assert f"\\tFuel: {headers['x-wasmfaas-fuel']}\\t" in report
    assert f"\\tBilled Duration: {headers['x-wasmfaas-billed-duration-ms']} ms\\t" in report
    assert f"\\tDuration: {headers['x-wasmfaas-duration-ms']} ms\\t" in report
    assert f"\\tMax Memory Used: {headers['x-wasmfaas-memory-peak-mb']} MB\\t" in report


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_six_megabytes_are_taken_and_a_byte_more_is_not(
    get: Callable[..., httpx.Response], content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    response = get("/length", "POST", content=b"x" * LIMIT, headers=headers)
    assert (response.status_code, response.json()) == (200, LIMIT)
    response = get("/length", "POST", content=b"x" * (LIMIT + 1), headers=headers)
    assert response.status_code == 413
    assert response.headers["x-amzn-errortype"] == "RequestTooLargeException"


def test_binary_bodies_arrive_whole(get: Callable[..., httpx.Response]) -> None:
    octets = bytes(range(256)) * 16
    event = get("/x", "POST", content=octets).json()["event"]
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == octets


def test_unknown_functions_are_not_found(server: Server) -> None:
    response = server.http.get("/f/nobody/x")
    assert response.status_code == 404
    assert "Function not found" in response.json()["Message"]
    assert response.headers["x-amzn-errortype"] == "ResourceNotFoundException"


def test_a_url_is_open_only_while_it_is_configured(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": HANDLER})
    client, url = server.lambda_client(), f"/f/{function_name}/string"
    assert server.http.get(url).text == "hello"
    client.delete_function_url_config(FunctionName=function_name)
    response = server.http.get(url)
    assert response.status_code == 404
    assert "has no function URL" in response.json()["Message"]
    client.delete_function(FunctionName=function_name)
    assert "Function not found" in server.http.get(url).json()["Message"]


def test_cors_as_configured(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": HANDLER})
    server.lambda_client().update_function_url_config(
        FunctionName=function_name,
        Cors={"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "MaxAge": 60},
    )
    url = f"/f/{function_name}/cors"
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    preflight = server.http.options(url, headers=asked)
    assert preflight.headers["access-control-allow-origin"] == "https://example.com"
    assert preflight.headers["access-control-max-age"] == "60"
    assert "x-wasmfaas-fuel" not in preflight.headers
    let_in = server.http.get(url, headers={"Origin": "https://example.com"})
    assert let_in.headers["access-control-allow-origin"] == "https://example.com"
    kept_out = server.http.get(url, headers={"Origin": "https://evil.example"})
    assert kept_out.status_code == 200
    assert "access-control-allow-origin" not in kept_out.headers


def test_a_client_that_leaves_does_not_disturb_others(server: Server, echo: str) -> None:
    address = urlsplit(server.url)
    for sent in (b"half", b"enough"):
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST /f/{echo}/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n"
            connection.sendall(head.encode() + sent)
    assert server.http.get(f"/f/{echo}/string").text == "hello"
    log = server.data_dir.with_name(server.data_dir.name + ".log").read_text()
    assert "Traceback" not in log
