"""Our own routes, on real stores."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.api.authenticated import Keys
from tests.api.harness import GUEST_PYTHON, PACKAGE, Answer, Harness, send_request
from tests.auth.signing import signed
from wasmfaas import __version__
from wasmfaas.api.events import EventRoutes
from wasmfaas.api.keys import KeyRoutes
from wasmfaas.api.management import Management
from wasmfaas.auth.authenticator import AnyoneAuthenticator
from wasmfaas.auth.keys import KeyStore
from wasmfaas.invoke.logs import LogStore
from wasmfaas.models import Usage
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.events import Attempt, EventState, NewEvent, Verdict
from wasmfaas.store.ledger import Ledger

BASE = "/_wasmfaas/v1"


class Routes:
    """The management application beside an API, and what it reads from."""

    def __init__(self, harness: Harness, directory: Path) -> None:
        self.harness = harness
        self.logs = LogStore(directory / "logs", 1 << 20)
        harness.run(self._open(directory))

    async def _open(self, directory: Path) -> None:
        journal = directory / "journal"
        journal.mkdir()
        self.ledger = Ledger(self.harness.database, journal)
        self._parts: dict[str, Any] = {
            "settings": self.harness.settings,
            "registry": self.harness.registry,
            "code_store": self.harness.code,
            "logs": self.logs,
            "ledger": self.ledger,
            "links": self.harness.links,
            "guest_python": GUEST_PYTHON,
            "figures": lambda: {"functions": []},
            "groups": (
                KeyRoutes(KeyStore.open(directory, lambda: 0.0)),
                EventRoutes(Events(self.harness.database, self.harness.queue)),
            ),
        }
        anyone = AnyoneAuthenticator(self.harness.settings.account_id)
        self.application = Management(**self._parts, authenticator=anyone)

    def with_keys(self, keys: Keys) -> Management:
        """The same for those with one of these keys."""
        return Management(**self._parts, authenticator=keys.authenticator)

    def get(self, target: str) -> Answer:
        return self.harness.run(send_request(self.application, "GET", target))

    def document(self, target: str) -> Any:
        answer = self.get(BASE + target)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refusal(self, target: str) -> tuple[int, str, str]:
        answer = self.get(BASE + target)
        body = json.loads(answer.body)
        return answer.status, body["code"], body["message"]

    def record(self, function: str, number: int, *, fuel: int = 10**9, day: int = 0) -> None:
        usage = Usage(
            request_id=f"{function}-{number}", attempt=1, function_name=function,
            function_version="$LATEST", started_at_ms=day * 86_400_000 + number,
            fuel_counted=fuel, fuel=fuel, duration_us=1500, billed_duration_ms=2, cpu_us=500,
            memory_bytes_peak=1, init_us=None, request_bytes=1, response_bytes=1, error_type=None,
        )  # fmt: skip
        self.ledger.record(usage)


@pytest.fixture
def routes(harness: Harness, tmp_path: Path) -> Iterator[Routes]:
    routes = Routes(harness, tmp_path)
    yield routes
    routes.logs.close()
    routes.ledger.close()


def test_all_but_health_and_links_is_for_those_who_may(
    routes: Routes, tmp_path: Path, harness: Harness
) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    keys = Keys(folder, harness.settings.account_id)
    guarded = routes.with_keys(keys)
    reader = harness.run(keys.store.create("reader", "read-only"))
    harness.create("f")
    for method, path, for_readers in (
        ("GET", "/functions/f", True),
        ("GET", "/functions/f/logs", True),
        ("GET", "/usage", True),
        ("GET", "/figures", True),
        ("GET", "/keys", False),
        ("POST", "/keys", False),
        ("DELETE", "/keys/local", False),
    ):
        unsigned = harness.run(send_request(guarded, method, BASE + path))
        assert unsigned.status == 403
        assert json.loads(unsigned.body)["code"] == "MissingAuthenticationTokenException"
        request = signed(method, BASE + path, key=reader)
        headers = {name.decode(): value.decode() for name, value in request.headers}
        answer = harness.run(send_request(guarded, method, BASE + path, headers=headers))
        assert answer.status == (200 if for_readers else 403), path
    assert harness.run(send_request(guarded, "GET", f"{BASE}/health")).status == 200
    link = harness.run(send_request(guarded, "GET", f"{BASE}/code/x"))
    assert json.loads(link.body)["code"] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"{}", "InvalidParameterValueException"),
        (b'{"name": "a", "role": 1}', "InvalidParameterValueException"),
        (b'{"name": "a", "role": "admin", "x": 1}', "InvalidParameterValueException"),
        (b'{"name": "a", "role": "invoker", "functions": "f"}', "InvalidParameterValueException"),
        (b'{"name": "' + b"a" * 70_000 + b'"}', "RequestEntityTooLargeException"),
    ],
)
def test_a_key_that_is_none_is_refused(routes: Routes, body: bytes, code: str) -> None:
    answer = routes.harness.run(
        send_request(routes.application, "POST", f"{BASE}/keys", body=[body])
    )
    assert json.loads(answer.body)["code"] == code


def test_health(routes: Routes) -> None:
    assert routes.document("/health") == {
        "status": "ok",
        "version": __version__,
        "guest_python": GUEST_PYTHON,
        "region": "us-east-1",
    }


def test_a_function_is_described(routes: Routes) -> None:
    variables = {"WASMFAAS_FUEL_MAX": "12345", "WASMFAAS_ISOLATION": "fresh"}
    routes.harness.create("f", Environment={"Variables": variables})
    described = routes.document("/functions/f")
    assert described == {
        "name": "f",
        "url": None,
        "host_url": None,
        "kind": "python",
        "isolation": "fresh",
        "guest_python": GUEST_PYTHON,
        "code_digest": hashlib.sha256(PACKAGE).hexdigest(),
        "fuel_max": 12345,
    }
    url = routes.harness.client().create_function_url_config(FunctionName="f", AuthType="NONE")
    described = routes.document("/functions/f")
    assert described["url"] == "http://127.0.0.1:3001/f/f/"
    assert described["host_url"] == url["FunctionUrl"]
    routes.harness.create("g", Runtime="provided")
    described = routes.document("/functions/g")
    assert described["guest_python"] is None
    assert described["fuel_max"] == routes.harness.settings.fuel_max
    assert described["isolation"] == "pristine"


def test_logs_are_paged_by_position(routes: Routes) -> None:
    routes.harness.create("f")
    for number in range(5):
        routes.logs.append("f", f"id-{number}", f"line {number}\n".encode())
    newest = routes.document("/functions/f/logs?limit=2")["entries"]
    assert [entry["text"] for entry in newest] == ["line 3\n", "line 4\n"]
    assert set(newest[0]) == {"position", "timestamp_ms", "request_id", "text"}
    first = routes.document("/functions/f/logs?after=0&limit=3")["entries"]
    assert [entry["request_id"] for entry in first] == ["id-0", "id-1", "id-2"]
    rest = routes.document(f"/functions/f/logs?after={first[-1]['position']}")["entries"]
    assert [entry["request_id"] for entry in rest] == ["id-3", "id-4"]


def test_logs_that_are_not_text_are_shown_as_far_as_they_are(routes: Routes) -> None:
    routes.harness.create("f")
    routes.logs.append("f", "id", b"ok \xff\n")
    assert routes.document("/functions/f/logs")["entries"][0]["text"] == "ok \ufffd\n"


def test_logs_are_followed_line_by_line_until_they_end(routes: Routes) -> None:
    routes.harness.create("f")
    routes.logs.append("f", "old", b"old\n")

    async def scenario() -> list[Any]:
        chunks: asyncio.Queue[bytes] = asyncio.Queue()

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message.get("body"):
                chunks.put_nowait(message["body"])

        path = f"{BASE}/functions/f/logs/follow"
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
            "query_string": b"after=0", "headers": [], "asgi": {"spec_version": "2.3"},
        }  # fmt: skip
        following = asyncio.create_task(routes.application(scope, receive, send))
        seen = [json.loads(await chunks.get())]
        routes.logs.append("f", "new", b"new\n")
        seen.append(json.loads(await chunks.get()))
        routes.logs.delete("f")
        await following
        return seen

    seen = routes.harness.run(scenario())
    assert [entry["text"] for entry in seen] == ["old\n", "new\n"]


def test_usage_has_rows_their_total_and_money(routes: Routes) -> None:
    for number in range(3):
        routes.record("a", number)
    routes.record("b", 1, day=1)
    usage = routes.document("/usage?by=function")
    assert usage["currency"] == "USD"
    assert [(row["key"], row["requests"]) for row in usage["rows"]] == [("a", 3), ("b", 1)]
    assert usage["total"]["requests"] == 4
    assert usage["total"]["fuel"] == 4 * 10**9
    # Three requests at 0.20 per million, and three billion fuel at 0.000002 per billion.
    assert Decimal(usage["rows"][0]["cost"]) == Decimal("0.0000066")
    assert "E" not in usage["rows"][0]["cost"]
    days = routes.document("/usage?by=day")["rows"]
    assert [row["key"] for row in days] == ["1970-01-01", "1970-01-02"]
    bounded = routes.document("/usage?by=function&since=1&until=2")
    assert [(row["key"], row["requests"]) for row in bounded["rows"]] == [("a", 1)]
    assert bounded["total"]["requests"] == 1
    assert [row["requests"] for row in routes.document("/usage")["rows"]] == [4]


def test_figures(routes: Routes) -> None:
    assert routes.document("/figures") == {"functions": []}


def test_usage_of_nothing_is_nothing(routes: Routes) -> None:
    usage = routes.document("/usage?by=function")
    assert usage["rows"] == []
    assert (usage["total"]["requests"], float(usage["total"]["cost"])) == (0, 0)


def test_code_is_downloaded_by_the_link_of_get_function(routes: Routes) -> None:
    routes.harness.create("f")
    response = routes.harness.client().get_function(FunctionName="f")
    target = response["Code"]["Location"].removeprefix("http://127.0.0.1:3001")
    answer = routes.get(target)
    assert (answer.status, answer.body) == (200, PACKAGE)
    assert answer.headers["content-type"] == "application/zip"
    status, code, message = routes.refusal("/code/forged")
    assert (status, code) == (403, "AccessDeniedException")
    assert "not made by this server" in message


@pytest.mark.parametrize(
    ("target", "status", "code", "said"),
    [
        ("/functions/gone", 404, "ResourceNotFoundException", "Function not found: arn:"),
        ("/functions/gone/logs", 404, "ResourceNotFoundException", "Function not found: arn:"),
        ("/functions/gone/logs/follow", 404, "ResourceNotFoundException", "Function not found"),
        ("/functions/f/logs?limit=0", 400, "InvalidParameterValueException", "limit is '0', but"),
        ("/functions/f/logs?limit=x", 400, "InvalidParameterValueException", "limit is 'x', but"),
        ("/functions/f/logs?after=-1", 400, "InvalidParameterValueException", "after is '-1'"),
        ("/usage?by=hour", 400, "InvalidParameterValueException", "hour"),
        ("/usage?since=yesterday", 400, "InvalidParameterValueException", "since is 'yesterday'"),
        ("/nothing", 404, "UnknownRoute", "GET /_wasmfaas/v1/nothing: Not Found."),
        ("/functions/%2e%2e", 404, "ResourceNotFoundException", "Function not found"),
    ],
)
def test_bad_requests_are_answered_with_a_code_and_a_message(
    routes: Routes, target: str, status: int, code: str, said: str
) -> None:
    routes.harness.create("f")
    found = routes.refusal(target)
    assert found[:2] == (status, code)
    assert said in found[2]


def test_other_methods_are_refused(routes: Routes) -> None:
    answer = routes.harness.run(send_request(routes.application, "POST", f"{BASE}/health"))
    assert answer.status == 405
    assert json.loads(answer.body)["code"] == "UnknownRoute"


def test_events_by_function_and_one_by_one(routes: Routes) -> None:
    harness = routes.harness
    event = NewEvent(id="e", function_name="f", payload=b'{"a": 1}')
    harness.run(harness.queue.enqueue(event))
    counts = {"name": "f", "queued": 1, "running": 0, "done": 0, "dead": 0, "expired": 0}
    assert routes.document("/events") == {"functions": [counts], "deliveries": []}
    assert routes.document("/events?function=g") == {"functions": [], "deliveries": []}
    shown = routes.document("/events/e")
    assert (shown["state"], shown["attempts"]) == ("queued", [])
    assert "payload" not in shown
    assert routes.refusal("/events/no")[:2] == (404, "ResourceNotFoundException")
    assert routes.refusal("/events?function=%00")[:2] == (400, "InvalidParameterValueException")


def test_dead_letters_are_shown_run_again_and_purged(routes: Routes) -> None:
    harness = routes.harness
    dead = Verdict(state=EventState.DEAD, failures=1, condition="RetriesExhausted")

    async def fail(event_id: str) -> None:
        event = NewEvent(id=event_id, function_name="f", payload=b'{"a": 1}')
        await harness.queue.enqueue(event)
        [claimed] = await harness.queue.claim(1)
        attempt = Attempt(usage=None, error_type="E", error="why")
        await harness.queue.settle(claimed, attempt, lambda now: dead)

    def post(target: str, body: bytes = b"") -> Any:
        request = send_request(routes.application, "POST", BASE + target, body=[body])
        answer = harness.run(request)
        return answer.status, json.loads(answer.body)

    for event_id in "123":
        harness.run(fail(event_id))
    listed = routes.document("/dead-letters?function=f&after=1")
    assert [row["id"] for row in listed["dead_letters"]] == ["2", "3"]
    assert listed["next"] is None
    assert routes.document("/dead-letters/1")["payload"] == '{"a": 1}'
    assert post("/dead-letters/redrive", b'{"id": "1"}') == (200, {"redriven": 1})
    assert post("/dead-letters/purge", b'{"function": "f"}') == (200, {"purged": 2})
    assert post("/dead-letters/purge") == (200, {"purged": 0})
    for bad in (b"[]", b"{", b'{"id": 1}', b'{"all": true}'):
        assert post("/dead-letters/purge", bad)[0] == 400
