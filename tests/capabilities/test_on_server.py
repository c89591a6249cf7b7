"""Capabilities as functions on a real server have them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.cli.command import wasmfaas
from tests.cli.conftest import cli_variables
from tests.conftest import Server


class Echo(BaseHTTPRequestHandler):
    """Answers the path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


def permit(server: Server, name: str, **permissions: Any) -> None:
    path = f"/_wasmfaas/v1/functions/{name}/permissions"
    answer = server.http.put(path, json=permissions)
    assert answer.status_code == 200, answer.text


FETCH = """import wasmfaas

def lambda_handler(event, context):
    return wasmfaas.fetch(event["url"]).text
"""


def test_a_function_fetches_what_it_is_permitted(
    server: Server, function_name: str, site: str
) -> None:
    server.deploy(function_name, {"app.py": FETCH})
    answer, response = server.invoke(function_name, {"url": f"{site}/a?b"})
    assert (response["FunctionError"], answer["errorType"]) == ("Unhandled", "AccessDenied")
    assert f"does not have {site}" in answer["errorMessage"]
    permit(server, function_name, fetch=[site])
    assert server.invoke(function_name, {"url": f"{site}/a?b"})[0] == "/a?b"
    assert server.invoke(function_name, {"url": server.url})[0]["errorType"] == "AccessDenied"
    permit(server, function_name)
    answer, _ = server.invoke(function_name, {"url": site})
    assert answer["errorType"] == "AccessDenied"


COUNT = """import wasmfaas

def lambda_handler(event, context):
    while True:
        entry = wasmfaas.kv.entry("visits")
        visits = int(entry.value or b"0") + 1
        try:
            wasmfaas.kv.set("visits", str(visits), if_version=entry.version)
        except wasmfaas.VersionConflict:
            continue
        return [visits, [each.key for each in wasmfaas.kv.keys("v")]]
"""


def test_a_function_keeps_values(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": COUNT})
    permit(server, function_name, kv=["self"])
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: server.invoke(function_name)[0], range(8)))
    assert sorted(answers) == [[number, ["visits"]] for number in range(1, 9)]


def test_a_secret_is_given_and_told_nowhere(server: Server, function_name: str) -> None:
    source = (
        "import wasmfaas\n\ndef lambda_handler(event, context):\n"
        "    return len(wasmfaas.secrets.get('TOKEN-1'))\n"
    )
    server.deploy(function_name, {"app.py": source})
    ran = wasmfaas("secret", "set", "TOKEN-1", given="hunter2\n", variables=cli_variables(server))
    assert ran.status == 0, ran.err
    assert "hunter2" not in ran.out + ran.err
    assert server.invoke(function_name)[0]["errorType"] == "AccessDenied"
    permit(server, function_name, secrets=["TOKEN-*"])
    assert server.invoke(function_name)[0] == 7
    for arguments in (("secret", "list"), ("describe", function_name), ("logs", function_name)):
        shown = wasmfaas(*arguments, variables=cli_variables(server))
        assert shown.status == 0, shown.err
        assert "hunter2" not in shown.out
    ran = wasmfaas("secret", "delete", "TOKEN-1", variables=cli_variables(server))
    assert ran.status == 0, ran.err
    assert server.invoke(function_name)[0]["errorType"] == "NotFound"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"fly": []}, "There are no permissions 'fly'"),
        ({"fetch": ["example.com"]}, "an origin is http:// or https://"),
        ({"fetch": [{"origin": "*", "secure": True}]}, "has origin and private"),
        ({"fetch": ["https://a.com/path"]}, "an origin is"),
        ({"fetch": ["https://user@a.com"]}, "an origin is"),
        ({"fetch": ["http://[::gg]"]}, "an origin is"),
        ({"fetch": ["http://[1:2]"]}, "no IPv6 address"),
        ({"fetch": ["http://a:70000"]}, "an origin is"),
        ({"kv": ["a b"]}, "a namespace has"),
        ({"kv": "self"}, "must be a list"),
        ({"invoke": [""]}, "no string of 1 to 300"),
        ({"invoke": ["a b"]}, "the name or ARN of a function"),
        ({"secrets": [1]}, "no string of 1 to 300"),
        ({"secrets": ["a"] * 101}, "at most 100"),
        ([], "not a JSON object"),
    ],
)
def test_permissions_that_mean_nothing_are_refused(
    server: Server, document: Any, said: str
) -> None:
    path = "/_wasmfaas/v1/functions/nothing/permissions"
    answer = server.http.put(path, json=document)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_permissions_are_of_functions_that_exist(server: Server) -> None:
    path = "/_wasmfaas/v1/functions/nothing/permissions"
    assert server.http.get(path).status_code == 404
    assert server.http.put(path, json={}).status_code == 404
