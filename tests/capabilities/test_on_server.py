"""Capabilities as functions on a real server have them."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import wasmfaas
from tests.cli.conftest import cli_variables
from tests.conftest import Server, start_server


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


CALL = """import wasmfaas

def lambda_handler(event, context):
    if not event["path"]:
        return sum(range(event.get("work", 0)))
    name, *rest = event["path"]
    return [name, wasmfaas.invoke(name, event | {"path": rest})]
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    """A server with a single worker."""
    path = tmp_path_factory.mktemp("small") / "data"
    server = start_server(path, cache_dir, workers_max=1, callers_max=16)
    yield server
    assert server.stop() == 0


def test_functions_call_functions_where_there_is_one_worker(small: Server) -> None:
    """Which the first of them keeps while it waits; and each has its own bill."""
    for name in ("one", "two"):
        small.deploy(name, {"app.py": CALL}, Timeout=60)
    denied, _ = small.invoke("one", {"path": ["two"]})
    assert denied["errorType"] == "AccessDenied"
    permit(small, "one", invoke=["two"])
    permit(small, "two", invoke=["*:function:one", "one:$LATEST", "two"])
    assert small.invoke("one", {"path": []})[0] == 0
    chain = ["two", "two", "one", "two"]
    answer, _ = small.invoke("one", {"path": chain})
    for name in chain:
        assert answer[0] == name
        answer = answer[1]
    _, cheap = small.invoke("one", {"path": ["two"]})
    _, dear = small.invoke("one", {"path": ["two"], "work": 200_000})
    fuels = [
        int(each["ResponseMetadata"]["HTTPHeaders"]["x-wasmfaas-fuel"]) for each in (cheap, dear)
    ]
    assert abs(fuels[0] - fuels[1]) < 100_000
    rows = small.http.get("/_wasmfaas/v1/usage?by=function").json()["rows"]
    requests = {row["key"]: row["requests"] for row in rows}
    assert (requests["one"], requests["two"]) == (6, 5)


def test_many_callers_at_once_find_workers_for_their_callees(small: Server) -> None:
    for name in ("front", "back"):
        small.deploy(name, {"app.py": CALL}, Timeout=60)
    permit(small, "front", invoke=["back"])
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda _: small.invoke("front", {"path": ["back"]})[0], range(24))
        )
    assert answers == [["back", 0]] * 24


def test_what_calls_itself_is_ended(small: Server) -> None:
    loop = (
        "import wasmfaas\n\ndef lambda_handler(event, context):\n"
        "    return wasmfaas.invoke('loop', event)\n"
    )
    small.deploy("loop", {"app.py": loop}, Timeout=60)
    permit(small, "loop", invoke=["loop"])
    with contextlib.closing(small.lambda_client()) as client:
        answer, _ = small.invoke("loop")
        assert answer["errorMessage"].startswith("The function loop has been called 16 times")
        client.put_function_recursion_config(FunctionName="loop", RecursiveLoop="Allow")
        answer, _ = small.invoke("loop")
        assert answer["errorMessage"].startswith("16 functions wait for one another already")


def test_events_go_round_as_often_as_lambda_lets_them(small: Server) -> None:
    again = (
        "import wasmfaas\n\ndef lambda_handler(event, context):\n"
        "    wasmfaas.kv.set(context.aws_request_id, 'x')\n"
        "    wasmfaas.invoke_event('again')\n"
    )
    small.deploy("again", {"app.py": again}, Timeout=60)
    permit(small, "again", invoke=["again"], kv=["self"])
    with contextlib.closing(small.lambda_client()) as client:
        client.put_function_event_invoke_config(FunctionName="again", MaximumRetryAttempts=0)
        client.invoke(FunctionName="again", InvocationType="Event", Payload=b"{}")
    small.await_events("again", within_s=60, done=15, dead=1)


def test_bad_calls_of_functions(small: Server) -> None:
    source = (
        "import wasmfaas\n\ndef lambda_handler(event, context):\n"
        "    return wasmfaas.call('invoke', event)\n"
    )
    small.deploy("caller", {"app.py": source})
    permit(small, "caller", invoke=["*"])
    for event, error_type in (
        ({"function": "nobody"}, "NotFound"),
        ({"function": "nobody", "type": "Event"}, "NotFound"),
        ({"function": "a b"}, "NotFound"),
        ({"function": "x" * 301}, "InvalidRequest"),
        ({"function": "caller", "payload": "{"}, "InvalidRequest"),
        ({"function": "caller", "payload": {"base64": "/w=="}}, "InvalidRequest"),
        ({"function": "caller", "payload": "[" * 100_000}, "InvalidRequest"),
        ({"function": "caller", "type": "DryRun"}, "InvalidRequest"),
        ({"function": "caller", "type": "Event", "payload": '"' + "x" * 1_048_576 + '"'},
         "LimitExceeded"),
    ):  # fmt: skip
        assert small.invoke("caller", event)[0]["errorType"] == error_type, event


def test_a_call_that_is_under_way_ends_with_its_caller(small: Server) -> None:
    sleeping = "import time\n\ndef lambda_handler(event, context):\n    time.sleep(2)\n"
    small.deploy("sleeping", {"app.py": sleeping}, Timeout=10)
    small.deploy("hasty", {"app.py": CALL}, Timeout=1)
    permit(small, "hasty", invoke=["sleeping"])
    assert small.invoke("sleeping")[0] is None
    answer, _ = small.invoke("hasty", {"path": ["sleeping"]})
    assert answer["errorType"] == "Sandbox.Timedout"
    assert small.invoke("hasty", {"path": []})[0] == 0


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
