"""Which requests a browser page may make."""

import asyncio
import json
from typing import Any

import pytest

from tests.api.harness import Answer, send_request
from wasmfaas.api.guard import Guard

FUNCTION = "/f/hello/"
API = "/2015-03-31/functions"


async def _application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"reached"})


def get(path: str, **headers: str) -> Answer:
    guard = Guard(_application, lambda scope: scope["path"].startswith("/f/"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(send_request(guard, "GET", path, headers=named))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:3001",
        "LOCALHOST:3001",
        "127.0.0.1:3001",
        "127.8.8.8",
        "[::1]:3001",
        "abc.lambda-url.us-east-1.localhost:3001",
        "localhost.",
    ],
)
def test_hosts_of_this_machine_are_served(host: str) -> None:
    assert get(API, host=host).body == b"reached"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:3001",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evillocalhost",
        "192.168.1.1",
        "0.0.0.0:3001",
        "localhost:3001@evil.example",
        "localhost:x",
    ],
)
@pytest.mark.parametrize("path", [API, FUNCTION])
def test_other_hosts_are_refused_everywhere(host: str, path: str) -> None:
    answer = get(path, host=host)
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert f"The Host header is '{host}'" in json.loads(answer.body)["Message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3001"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "same-origin"},
        {"Sec_Fetch_Site": "none", "origin": "http://localhost"},
    ],
)
def test_pages_reach_function_urls_only(headers: dict[str, str]) -> None:
    assert get(FUNCTION, **headers).body == b"reached"
    for path in (API, "/_wasmfaas/v1/health"):
        answer = get(path, **headers)
        assert answer.status == 403
        assert "Pages may call function URLs only." in json.loads(answer.body)["Message"]


def test_what_a_person_opens_is_served() -> None:
    assert get("/_wasmfaas/v1/health", sec_fetch_site="none").body == b"reached"


def test_websockets_are_closed_and_the_lifespan_passes() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def scenario() -> None:
        guard = Guard(_application, lambda scope: False)
        scope = {"type": "websocket", "headers": [(b"host", b"evil.example")], "path": "/"}
        await guard(scope, None, send)  # type: ignore[arg-type]
        await guard({"type": "lifespan"}, None, send)  # type: ignore[arg-type]

    asyncio.run(scenario())
    assert sent[0]["type"] == "websocket.close"
    assert sent[1]["type"] == "http.response.start"


def test_a_server_for_others_may_have_any_name() -> None:
    guard = Guard(_application, lambda scope: False, is_local=False)

    def ask(**headers: str) -> Answer:
        return asyncio.run(send_request(guard, "GET", API, headers=headers))

    assert ask(host="lambda.example:443").body == b"reached"
    assert ask(host="").status == 403
    assert ask(host="lambda.example", origin="https://evil.example").status == 403
