"""Functions in JavaScript, TypeScript and Rust on a real server: what the host does for them, and
what goes wrong in scripts."""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server
from tests.guest_sdks import rust
from tests.guest_sdks.languages import CAPABILITIES, LANGUAGES, ODDITIES, ROOT, RUST_PROBE
from tests.guest_sdks.site import permit, serving


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as origin:
        yield origin


def deploy(server: Server, cache_dir: Path, language: str, program: str, **settings: Any) -> str:
    [chosen] = [each for each in LANGUAGES if each.name == language]
    return server.deploy(
        f"script-{program}", chosen.package(program, cache_dir), Runtime="provided.al2023",
        Handler=chosen.handler.format(program), Timeout=60, **settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def deployed(server: Server, cache_dir: Path) -> str:
    return deploy(server, cache_dir, "typescript", CAPABILITIES)


def test_fetch_asks_a_permitted_server_and_no_other(
    server: Server, deployed: str, site: str
) -> None:
    def fetch(path: str, **event: Any) -> Any:
        return server.invoke(deployed, {"do": "fetch", "url": f"{site}{path}", **event})[0]

    permit(server, deployed)
    refused = fetch("/a")
    assert refused["errorType"] == "AccessDenied"
    assert f"permissions.fetch does not have {site}" in refused["errorMessage"]
    assert any("capabilities.ts" in line for line in refused["stackTrace"])
    permit(server, deployed, fetch=[site])
    told = fetch("/ä b?c", init={"method": "post", "body": "é", "headers": {"X-Mine": "m"}})
    seen = {"method": "POST", "path": "/%C3%A4%20b?c", "body": "Ã©", "mine": "m",
            "type": "text/plain;charset=UTF-8"}  # fmt: skip
    assert (told["status"], told["ok"], told["json"]) == (200, True, seen)
    assert told["length"] == len(json.dumps(seen))
    headers = [name for name, _ in told["headers"]]
    assert headers == sorted(headers)
    assert [value for name, value in told["headers"] if name == "set-cookie"] == ["a=1", "b=2"]
    assert (fetch("/none")["status"], fetch("/none")["ok"]) == (404, False)
    assert fetch("/away")["url"] == f"{site}/there?x=1"
    assert fetch("/away", init={"redirect": "manual"})["status"] == 302
    back = fetch("/back", init={"method": "PUT"}, isBinary=True)
    assert back["bytes"] == list(range(256))
    assert fetch("/hangs", timeoutMs=100)["errorType"] == "Timeout"
    for url in (server.url, "http://127.0.0.2/", "https://example.com/"):
        answer, _ = server.invoke(deployed, {"do": "fetch", "url": url})
        assert answer["errorType"] == "AccessDenied"


def test_values_are_kept(server: Server, deployed: str) -> None:
    assert server.invoke(deployed, {"do": "visit"})[0]["errorType"] == "AccessDenied"
    permit(server, deployed, kv=["self"])
    assert [server.invoke(deployed, {"do": "visit"})[0] for _ in range(3)] == [1, 2, 3]
    assert server.invoke(deployed, {"do": "keys"})[0] == {
        "keys": ["binary", "text", "visits"],
        "isKept": True,
        "deleted": [True, False],
        "left": None,
        "text": "é",
    }


CALLEE = """
def lambda_handler(event, context):
    return [event["n"] + 1, context.function_name]
"""


def test_functions_call_functions(server: Server, deployed: str) -> None:
    server.deploy("script-callee", {"app.py": CALLEE}, Timeout=60)

    def invoke(do: str, event: Any) -> Any:
        return server.invoke(deployed, {"do": do, "name": "script-callee", "event": event})[0]

    permit(server, deployed)
    assert invoke("invoke", {"n": 1})["errorType"] == "AccessDenied"
    permit(server, deployed, invoke=["script-callee"])
    assert invoke("invoke", {"n": 1}) == {"answer": [2, "script-callee"]}
    assert invoke("invoke", {}) == {"kind": "Unhandled", "message": "'n'"}
    assert len(invoke("invokeEvent", {"n": 1})) == 36


def test_secrets_are_read(server: Server, deployed: str) -> None:
    asked = {"do": "secret", "name": "SCRIPT_TOKEN"}
    permit(server, deployed, secrets=["SCRIPT_TOKEN"])
    assert server.invoke(deployed, asked)[0]["errorType"] == "NotFound"
    path = "/_wasmfaas/v1/secrets/SCRIPT_TOKEN"
    assert server.http.put(path, content="hünter2").status_code == 200
    assert server.invoke(deployed, asked)[0] == "hünter2"


def test_rust_asks_for_all_of_it(
    server: Server, site: str, function_name: str, cache_dir: Path
) -> None:
    module = rust.programs({"probe": ROOT / RUST_PROBE}, cache_dir)["probe"]
    settings = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 60}
    server.deploy(function_name, {"bootstrap.wasm": module}, **settings)
    server.deploy("rust-callee", {"app.py": CALLEE}, Timeout=60)
    server.http.put("/_wasmfaas/v1/secrets/RUST_TOKEN", content="hünter2").raise_for_status()
    asked = {"do": "ask", "url": f"{site}/a"}
    assert server.invoke(function_name, asked)[0]["errorType"] == "AccessDenied"
    permissions = {"kv": ["self"], "invoke": ["rust-callee"], "secrets": ["RUST_TOKEN"]}
    permit(server, function_name, fetch=[site], **permissions)
    told = {"method": "POST", "path": "/a", "body": "Ã©", "mine": "m", "type": None}
    assert server.invoke(function_name, asked)[0] == {
        "status": 200,
        "kind": "application/json",
        "told": told,
        "conflict": "VersionConflict",
        "keys": ["a/1", "a/2"],
        "expires": True,
        "bytes": [0, 255],
        "deleted": [True, False],
        "left": None,
        "answer": [2, "rust-callee"],
        "failed": "TypeError",
        "accepted": 202,
        "secret": "hünter2",
    }


def parts(server: Server, name: str, do: str) -> tuple[bytes, dict[str, Any]]:
    """All parts of an answer together, and the end."""
    with contextlib.closing(server.lambda_client()) as client:
        response = client.invoke_with_response_stream(
            FunctionName=name, Payload=json.dumps({"do": do})
        )
        with contextlib.closing(response["EventStream"]) as stream:
            *chunks, last = list(stream)
    return b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks), last["InvokeComplete"]


def test_answers_come_in_parts(server: Server, deployed: str) -> None:
    data, end = parts(server, deployed, "parts")
    assert data == "aü".encode() + b"\xff\0" + b"b" * 100_000
    assert "ErrorCode" not in end
    data, end = parts(server, deployed, "breaks")
    assert (data, end["ErrorCode"]) == (b"begun", "RangeError")
    head, _, body = parts(server, deployed, "written")[0].partition(b"\0" * 8)
    assert json.loads(head) == {"statusCode": 201, "headers": {"x-a": "b"}}
    assert body == b"\xffwritten%d" % len(deployed)
    # Who does not ask for parts gets them joined, and what is whole stays so.
    assert server.invoke(deployed, {"do": "breaks"})[0]["errorMessage"] == "halfway"
    permit(server, deployed, kv=["self"])
    assert parts(server, deployed, "visit")[0].isdigit()


@pytest.fixture(scope="module")
def odd(server: Server, cache_dir: Path) -> str:
    variables = {"COLOUR": "blue"}
    return deploy(server, cache_dir, "javascript", ODDITIES, Environment={"Variables": variables})


@pytest.mark.parametrize(
    ("oddity", "error_type", "message"),
    [
        ("bigint", "TypeError", "the handler's answer is not JSON: BigInt"),
        ("circular", "TypeError", "the handler's answer is not JSON: circular"),
        ("converting", "RangeError", "not today"),
        ("deep", "Runtime.StackOverflow", "stack"),
        ("large", "Function.ResponseSizeTooLarge", "exceeded"),
        ("never", "PromiseNeverSettled", "nothing is left that could"),
        ("unreadable", "object", "cannot be shown"),
        ("symbol", "symbol", "Symbol(s)"),
        ("nothing", "undefined", "undefined"),
        ("rejected", "bigint", "10"),
        ("timer", "Error", "late"),
    ],
)
def test_what_goes_wrong_is_told(
    server: Server, odd: str, oddity: str, error_type: str, message: str
) -> None:
    answer, response = server.invoke(odd, {"do": oddity})
    assert (response["FunctionError"], answer["errorType"]) == ("Unhandled", error_type)
    assert message in answer["errorMessage"]
    assert not [line for line in answer.get("stackTrace", []) if "user.js" in line]


def test_what_is_no_json_is_what_javascript_makes_of_it(server: Server, odd: str) -> None:
    answer, _ = server.invoke(odd, {"do": "values"})
    epoch = "1970-01-01T00:00:00.000Z"
    assert answer == [None, None, None, None, 0, epoch, None, "\ud800", {}, True]


def test_what_nobody_listens_to_is_in_the_log(server: Server, odd: str) -> None:
    answer, response = server.invoke(odd, {"do": "lost"}, LogType="Tail")
    assert answer == [1, None]
    told = base64.b64decode(response["LogResult"]).decode()
    assert "Unhandled rejection: Error: nobody listens" in told
    assert "at <anonymous> (" in told
    assert "{ self: [Circular] } [object that cannot be shown] { a: [Getter] } \ufffd" in told
    assert "process.env.COLOUR was read when the component was built" in told
