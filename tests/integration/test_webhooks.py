"""Webhook triggers of a real server: what GitHub, MinIO and others post, and what they must not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server, start_server
from tests.hooks.test_notifications import minio
from tests.integration.conftest import kill, output_of

#: What an event was is told by the log.
APP = "import json\n\ndef lambda_handler(event, context):\n    print('EVENT', json.dumps(event))\n"
WEBHOOKS = "/_wasmfaas/v1/webhooks"
HOOKS = "/_wasmfaas/v1/hooks"
SECRET = "a-secret-of-two-parties"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("webhooks")
    server = start_server(folder / "data", cache_dir, workers_max=1, event_async_bytes_max=20_000)
    server.deploy("f", {"app.py": APP})
    yield server
    assert server.stop() == 0
    assert "Traceback" not in output_of(server)
    assert SECRET not in output_of(server)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "webhook-secrets.json":
            assert SECRET.encode() not in path.read_bytes(), path


@pytest.fixture
def hook_name(function_name: str) -> str:
    return function_name.replace("test", "hook")


def create(server: Server, name: str, **members: Any) -> Any:
    members = {"name": name, "function": "f", "secret": SECRET} | members
    answer = server.http.post(WEBHOOKS, json=members)
    assert answer.status_code == 201, answer.text
    return answer.json()


def post(server: Server, name: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """As others do, who have no key."""
    return httpx.post(f"{server.url}{HOOKS}/{name}", content=body, headers=headers, timeout=60)


def github(body: bytes, delivery: str, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        **JSON,
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={digest}",
    }


def seen(server: Server, event_id: str) -> Any:
    """The event that the function got, once its invocation is done."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        entries = server.http.get("/_wasmfaas/v1/functions/f/logs?limit=10000").json()["entries"]
        for entry in entries:
            if entry["request_id"] == event_id and "EVENT " in entry["text"]:
                line = entry["text"].partition("EVENT ")[2].splitlines()[0]
                return json.loads(line)
        time.sleep(0.05)
    pytest.fail(f"the function never got {event_id}")


def test_a_push_of_github_reaches_the_function_as_it_was_sent(
    server: Server, hook_name: str
) -> None:
    made = create(server, hook_name, signature="github")
    assert made["secret"] == SECRET
    assert made["url"] == f"{server.url}{HOOKS}/{hook_name}"
    body = '{"ref": "refs/heads/m\u00e4in"}'.encode()
    answer = post(server, hook_name, body, github(body, "d-1"))
    assert answer.status_code == 202
    event = seen(server, answer.json()["event_id"])
    assert event["version"] == "2.0"
    assert event["body"] == body.decode()
    assert event["isBase64Encoded"] is False
    assert event["headers"]["x-github-event"] == "push"
    assert event["rawPath"] == f"{HOOKS}/{hook_name}"
    assert event["requestContext"]["apiId"] == hook_name
    assert event["requestContext"]["http"]["method"] == "POST"
    again = post(server, hook_name, body, github(body, "d-1"))
    assert again.json() == answer.json()
    assert post(server, hook_name, body, github(body, "d-2")).json() != answer.json()


def test_what_minio_posts_is_an_event_of_s3(server: Server, hook_name: str) -> None:
    create(server, hook_name, kind="s3")
    body = json.dumps(minio()).encode()
    headers = {**JSON, "Authorization": f"Bearer {SECRET}"}
    # What MinIO asks before it sends.
    path = f"{server.url}{HOOKS}/{hook_name}"
    assert httpx.head(path, headers=headers).status_code == 405
    answer = post(server, hook_name, body, headers)
    assert answer.status_code == 202
    (record,) = seen(server, answer.json()["event_id"])["Records"]
    assert record["eventSource"] == "aws:s3"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["object"]["key"] == "photos/red+flower.jpg"
    assert post(server, hook_name, body, headers).json() == answer.json()
    assert post(server, hook_name, body, JSON).status_code == 401
    test_event = b'{"Service": "Amazon S3", "Event": "s3:TestEvent"}'
    answer = post(server, hook_name, test_event, headers)
    assert (answer.status_code, answer.json()) == (200, {"event_id": None})
    malformed = post(server, hook_name, b'{"Records": [{}]}', headers)
    assert malformed.status_code == 400
    assert "Records[0].s3 is missing" in malformed.json()["message"]


def test_a_store_without_a_token_may_be_let_in(server: Server, hook_name: str) -> None:
    create(server, hook_name, kind="s3", signature="none")
    answer = post(server, hook_name, json.dumps(minio("x")).encode(), JSON)
    assert answer.status_code == 202


def test_a_token_is_not_told_to_the_function(server: Server, hook_name: str) -> None:
    create(server, hook_name, signature="bearer", header="X-Gitlab-Token", prefix="")
    answer = post(server, hook_name, b"\x00\xff", {"X-Gitlab-Token": SECRET, "X-Other": "here"})
    event = seen(server, answer.json()["event_id"])
    assert event["headers"]["x-other"] == "here"
    assert SECRET not in json.dumps(event)
    assert base64.b64decode(event["body"]) == b"\x00\xff"
    assert event["isBase64Encoded"] is True


def test_signatures_with_a_time_are_good_for_a_while(server: Server, hook_name: str) -> None:
    made = create(server, hook_name, secret=None)
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))

    def headers(at_s: int, message_id: str = "m-1") -> dict[str, str]:
        signed = f"{message_id}.{at_s}.".encode() + b"{}"
        digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{digest}",
        }

    now = int(time.time())
    first = post(server, hook_name, b"{}", headers(now))
    assert first.status_code == 202
    # Sent again, and signed anew.
    assert post(server, hook_name, b"{}", headers(now - 1)).json() == first.json()
    stale = post(server, hook_name, b"{}", headers(now - 3600))
    assert stale.status_code == 401
    assert "s from now" in stale.json()["message"]


def test_the_address_of_slacks_events_answers_its_challenge(server: Server, hook_name: str) -> None:
    create(server, hook_name, signature="slack")
    now = int(time.time())

    def sent(body: bytes) -> httpx.Response:
        digest = hmac.new(SECRET.encode(), f"v0:{now}:".encode() + body, "sha256").hexdigest()
        headers = {"X-Slack-Signature": f"v0={digest}", "X-Slack-Request-Timestamp": str(now)}
        return post(server, hook_name, body, headers)

    answer = sent(b'{"type": "url_verification", "challenge": "3eZbrw1aB"}')
    assert (answer.status_code, answer.text) == (200, "3eZbrw1aB")
    assert sent(b'{"type": "event_callback"}').status_code == 202


def test_what_is_not_signed_comes_to_nothing(server: Server, hook_name: str) -> None:
    create(server, hook_name, signature="github")
    body = b"{}"
    good = github(body, "d-1")
    before = server.events("f")
    wrong = [
        {},
        {"X-Hub-Signature-256": ""},
        {**good, "X-Hub-Signature-256": "sha1=" + "0" * 40},
        github(body, "d-1", "another-secret"),
        github(b"{ }", "d-1"),
    ]
    answers = [post(server, hook_name, body, headers) for headers in wrong]
    assert {answer.status_code for answer in answers} == {401}
    # One text for all of them, which says nothing of the secret.
    assert len({answer.text for answer in answers}) == 1
    assert post(server, "missing", body, good).status_code == 404
    large = b'"' + b"x" * 20_000 + b'"'
    assert post(server, hook_name, large, github(large, "d-2")).status_code == 413
    # Small enough as a body, and too large with what the event has beside it.
    body = b'"' + b"\x01" * 19_000 + b'"'
    assert post(server, hook_name, body, github(body, "d-3")).status_code == 413
    assert post(server, hook_name, b"{}", {**good, "Origin": "https://x.test"}).status_code == 403
    after = server.events("f")
    assert sum(after.values()) == sum(before.values())


def test_management_is_signed_and_tells_no_secret_unasked(server: Server, hook_name: str) -> None:
    create(server, hook_name, signature="github")
    path = f"{WEBHOOKS}/{hook_name}"
    for method, target in (
        ("GET", WEBHOOKS), ("POST", WEBHOOKS), ("GET", path), ("PUT", path), ("DELETE", path),
        ("GET", f"{path}/secret"), ("POST", f"{path}/rotate"),
    ):  # fmt: skip
        assert httpx.request(method, server.url + target).status_code == 403, (method, target)
    assert "secret" not in server.http.get(path).json()
    listed = server.http.get(f"{WEBHOOKS}?function=f").json()["webhooks"]
    assert hook_name in [each["name"] for each in listed]
    assert server.http.get(f"{path}/secret").json()["secret"] == SECRET
    rotated = server.http.post(f"{path}/rotate", json={"overlap_s": 600}).json()["secret"]
    assert rotated != SECRET
    assert post(server, hook_name, b"{}", github(b"{}", "1", rotated)).status_code == 202
    assert post(server, hook_name, b"{}", github(b"{}", "2", SECRET)).status_code == 202
    server.http.post(f"{path}/rotate", json={"secret": "another-secret"})
    assert post(server, hook_name, b"{}", github(b"{}", "3", rotated)).status_code == 401
    assert server.http.delete(path).status_code == 200
    assert post(server, hook_name, b"{}", github(b"{}", "4")).status_code == 404


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"name": "a b"}, 400), ({"function": "missing"}, 404), ({"qualifier": "missing"}, 404),
        ({"secret": "short"}, 400), ({"signature": "none"}, 400), ({"what": 1}, 400),
        ({"name": None}, 400), ({"kind": []}, 400), ({"signature": {}}, 400),
    ],
)  # fmt: skip
def test_a_webhook_that_makes_no_sense_is_refused(
    server: Server, hook_name: str, members: dict[str, Any], status: int
) -> None:
    body = {"name": hook_name, "function": "f", "secret": SECRET, "signature": "github"} | members
    answer = server.http.post(WEBHOOKS, json=body)
    assert answer.status_code == status, answer.text
    assert SECRET not in answer.text


def test_a_webhook_goes_with_its_function(server: Server, hook_name: str) -> None:
    server.deploy("g", {"app.py": APP})
    create(server, hook_name, function="g", signature="github")
    with_alias = server.http.put(
        f"{WEBHOOKS}/{hook_name}", json={"function": "g", "qualifier": "live"}
    )
    assert with_alias.status_code == 404
    client = server.lambda_client()
    client.delete_function(FunctionName="g")
    client.close()
    assert post(server, hook_name, b"{}", github(b"{}", "1")).status_code == 404
    server.deploy("g", {"app.py": APP})
    # A function of that name that comes later is not called by who knew the one before.
    assert post(server, hook_name, b"{}", github(b"{}", "2")).status_code == 404
    assert server.http.get(f"{WEBHOOKS}/{hook_name}").status_code == 404


def test_no_kill_loses_what_was_accepted(tmp_path: Path, cache_dir: Path) -> None:
    server = start_server(tmp_path / "data", cache_dir, workers_max=1)
    try:
        server.deploy("f", {"app.py": APP})
        create(server, "hook", signature="github")
        bodies = [json.dumps({"number": number}).encode() for number in range(10)]
        with ThreadPoolExecutor(10) as threads:
            answers = list(
                threads.map(lambda body: post(server, "hook", body, github(body, "")), bodies)
            )
        accepted = {answer.json()["event_id"] for answer in answers}
        assert {answer.status_code for answer in answers} == {202}
    finally:
        kill(server)
    # No room for more: what was accepted runs all the same.
    server = start_server(tmp_path / "data", cache_dir, workers_max=1, events_max=0)
    try:
        answer = post(server, "hook", b"{}", github(b"{}", "1"))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        server.await_events("f", within_s=120, done=10)
        numbers = {json.loads(seen(server, each)["body"])["number"] for each in accepted}
        assert numbers == set(range(10))
    finally:
        kill(server)
