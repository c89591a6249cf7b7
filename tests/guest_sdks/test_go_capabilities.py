"""What the host does for functions in Go, through net/http too, on a real server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server
from tests.guest_sdks import toolchain
from tests.guest_sdks.site import permit, serving

PROGRAM = Path(__file__).parent / "probes" / "go" / "capabilities"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as origin:
        yield origin


@pytest.fixture(scope="module")
def deployed(server: Server, cache_dir: Path) -> str:
    files = toolchain.built(lambda output: toolchain.build_go(PROGRAM, cache_dir, output))
    settings = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 60}
    return server.deploy("go-capabilities", files, **settings)


def test_net_http_asks_a_permitted_server_and_no_other(
    server: Server, deployed: str, site: str
) -> None:
    def http(url: str, method: str = "GET", **event: Any) -> Any:
        return server.invoke(deployed, {"do": "http", "url": url, "method": method, **event})[0]

    permit(server, deployed)
    refused = http(f"{site}/a")
    assert refused["errorType"] == "AccessDenied"
    assert f"permissions.fetch does not have {site}" in refused["errorMessage"]
    permit(server, deployed, fetch=[site])
    told = http(f"{site}/a?b", "POST", body="é")
    assert (told["status"], told["cookies"]) == (200, 2)
    seen = {"method": "POST", "path": "/a?b", "body": "Ã©", "mine": "m", "type": None}
    assert json.loads(told["body"]) == seen
    followed = http(f"{site}/away")
    assert (followed["status"], followed["url"]) == (200, f"{site}/there?x=1")
    assert http(f"{site}/none")["status"] == 404
    assert "errorType" in http(f"{site}/hangs", timeoutMs=100)
    plain = server.invoke(deployed, {"do": "fetch", "url": f"{site}/away"})[0]
    assert (plain["Status"], plain["URL"]) == (302, f"{site}/away")
    for url in (server.url, "http://127.0.0.2/", "https://example.com/"):
        assert http(url)["errorType"] == "AccessDenied"


def test_values_are_kept(server: Server, deployed: str) -> None:
    assert server.invoke(deployed, {"do": "visit"})[0]["errorType"] == "AccessDenied"
    permit(server, deployed, kv=["self"])
    assert [server.invoke(deployed, {"do": "visit"})[0] for _ in range(2)] == [1, 2]
    assert server.invoke(deployed, {"do": "keys"})[0] == {
        "names": ["short", "visits"],
        "bytes": 1,
        "deleted": [True, False],
        "expires": True,
    }


def test_functions_and_secrets(server: Server, deployed: str) -> None:
    callee = "def lambda_handler(event, context):\n    return [event['n'] + 1]\n"
    server.deploy("go-callee", {"app.py": callee}, Timeout=60)

    def invoke(do: str, event: Any) -> Any:
        return server.invoke(deployed, {"do": do, "name": "go-callee", "event": event})[0]

    permit(server, deployed, invoke=["go-callee"], secrets=["GO_TOKEN"])
    assert invoke("invoke", {"n": 1}) == [2]
    failed = invoke("invoke", {})
    assert (failed["errorType"], failed["errorMessage"]) == ("KeyError", "'n'")
    assert len(invoke("invokeEvent", {"n": 1})) == 36
    path = "/_wasmfaas/v1/secrets/GO_TOKEN"
    assert server.http.put(path, content="hünter2").status_code == 200
    assert server.invoke(deployed, {"do": "secret", "name": "GO_TOKEN"})[0] == "hünter2"
