"""What no client should send, sent over raw sockets: a clear refusal or an answer, never a failure
of the server, a hang, or another client's problem. That nothing prints a traceback, the fixtures
check."""

import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.integration.conftest import Start, servers
from tests.integration.raw import (
    Answer,
    Client,
    all_connected,
    connected,
    exchange,
    invoke_request,
    request,
    signed_head,
    signed_request,
    until,
)

ECHO = "def lambda_handler(event, context):\n    return event\n"
SLEEP = """\
import time

def lambda_handler(event, context):
    time.sleep(float(event["queryStringParameters"]["s"]))
    return event["queryStringParameters"]["n"]
"""
LARGE = "def lambda_handler(event, context):\n    return 'a' * 6_000_000\n"

HEALTH = "/_wasmfaas/v1/health"
LIST = "/2015-03-31/functions/"
HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /f/echo/ HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /_wasmfaas/v1/health HTTP/1.1\r\n"
NOT_HTTP = {
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}1",
    "list of lengths": POST + b"Content-Length: 2,2\r\n\r\n{}",
    "signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunk size no number": CHUNKED + b"zz\r\n\r\n",
    "chunk size negative": CHUNKED + b"-1\r\n\r\n",
    "chunk size beyond 64 bits": CHUNKED + b"ffffffffffffffffff\r\na\r\n",
    "chunk not ended": CHUNKED + b"2\r\n{}XX0\r\n\r\n",
    "chunk extension without end": CHUNKED + b"2;" + b"x" * 1_000_000,
    "trailers without end": CHUNKED + b"0\r\n" + b"X: y\r\n" * 200_000,
    "bare line feeds": b"GET /_wasmfaas/v1/health HTTP/1.1\nHost: 127.0.0.1\n\n",
    "folded header": GET + HOST + b"A: a\r\n b\r\n\r\n",
    "carriage return in header": GET + HOST + b"A: a\rb\r\n\r\n",
    "nul in header": GET + HOST + b"A: a\0b\r\n\r\n",
    "nul in path": b"GET /f/echo/\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "path not ascii": b"GET /f/echo/\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in path": b"GET /f/echo/a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "path without slash": b"GET f/echo/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT 127.0.0.1:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "unknown method": b"NONSENSE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "unknown version": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "upgrade with a body":
        POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
}  # fmt: skip


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    """A server with functions: echo (its event), sleep (?s=SECONDS&n=ANSWER)."""
    with servers(tmp_path_factory.mktemp("bad"), cache_dir) as start:
        server = start(workers_max=2)
        server.deploy("echo", {"app.py": ECHO})
        server.deploy("sleep", {"app.py": SLEEP}, Timeout=30)
        yield server


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    """The same with little patience, and little room for what is held."""
    with servers(tmp_path_factory.mktemp("hasty"), cache_dir) as start:
        server = start(
            workers_max=2, request_head_s_max=1, request_stall_s_max=1, bytes_held_max=8_000_000
        )
        server.deploy("echo", {"app.py": ECHO})
        server.deploy("sleep", {"app.py": SLEEP}, Timeout=30)
        server.deploy("large", {"app.py": LARGE}, MemorySize=256)
        yield server


def refused(url: str, data: bytes) -> Answer:
    """The answer to *data*, after which the server closes the connection."""
    with connected(url) as client:
        client.send(data)
        answer = client.answer()
        assert answer is not None
        assert client.ended()
        return answer


def serves(server: Server) -> bool:
    return exchange(server.url, request("GET", HEALTH)).status == 200


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_is_refused_and_the_connection_closed(echo: Server, data: bytes) -> None:
    answer = refused(echo.url, data)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "BadRequestException"
    assert answer.document["Message"].endswith(".")
    assert serves(echo)


@pytest.mark.parametrize(
    "data",
    [
        GET + HOST + b"A: " + b"a" * 1_000_000 + b"\r\n\r\n",
        GET + HOST + b"A: " + b"a" * 5_000_000,
        GET + HOST + b"".join(b"A-%d: a\r\n" % number for number in range(20_000)) + b"\r\n",
        GET + HOST + b"A: a\r\n" * 200_000,
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
    ids=["one-large", "one-without-end", "twenty-thousand", "without-end", "large-target"],
)
def test_a_head_is_bounded(echo: Server, data: bytes) -> None:
    answer = refused(echo.url, data)
    assert answer.status == 431
    assert "131072 bytes" in answer.document["Message"]
    assert serves(echo)


@pytest.mark.parametrize("host", ["", "Host: evil.example\r\n", "Host: 127.0.0.1\r\n" * 2])
@pytest.mark.parametrize("target", [HEALTH, "/f/echo/", LIST])
def test_a_host_is_one_of_this_machine(echo: Server, host: str, target: str) -> None:
    answer = exchange(echo.url, f"GET {target} HTTP/1.1\r\n{host}\r\n".encode())
    assert answer.status == 403
    assert "Host header" in answer.document["Message"]


def test_an_absolute_target_is_its_path(echo: Server) -> None:
    assert exchange(echo.url, request("GET", f"http://127.0.0.1{HEALTH}")).status == 200
    answer = exchange(echo.url, request("GET", "http://evil.example/f/echo/a?b=c"))
    assert (answer.document["rawPath"], answer.document["rawQueryString"]) == ("/a", "b=c")
    assert answer.document["headers"]["host"] == "127.0.0.1"


def test_strange_targets_find_nothing(echo: Server) -> None:
    for target in ("*", "//f/echo/", "/f/ec%00ho/", "/f/..%2f..%2fetc/passwd", "/f/", "/%ff"):
        answer = exchange(echo.url, request("OPTIONS", target))
        assert answer.status in (403, 404), target
        assert json.loads(answer.body)
    assert exchange(echo.url, request("GET", "/f/echo/%00%ff")).document["rawPath"] == "/%00%ff"


def test_what_follows_a_body_is_no_header(echo: Server) -> None:
    answer = exchange(
        echo.url, CHUNKED + b"2\r\n{}\r\n0\r\nHost: evil.example\r\nX-Late: yes\r\n\r\n"
    )
    assert answer.status == 200
    assert "x-late" not in answer.document["headers"]


def test_http_1_0_is_answered_and_closed(echo: Server) -> None:
    assert (
        refused(echo.url, b"GET " + HEALTH.encode() + b" HTTP/1.0\r\n" + HOST + b"\r\n").status
        == 200
    )


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_another_protocol_is_not_taken_up(echo: Server, protocol: str) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": protocol, "Sec-WebSocket-Version": "13"}
    answer = refused(echo.url, request("GET", "/f/echo/x", headers=headers) + b"\x81\x05hello")
    assert (answer.status, answer.document["rawPath"]) == (200, "/x")


def test_pipelined_requests_are_answered_in_order(echo: Server) -> None:
    targets = [f"/f/sleep/?s={s}&n={n}" for n, s in enumerate(("0.2", "0", "0.1", "0"))]
    with connected(echo.url) as client:
        client.send(b"".join(request("GET", target) for target in targets))
        answers = [client.answer() for _ in targets]
    assert [answer and answer.body for answer in answers] == [b"0", b"1", b"2", b"3"]


def test_a_body_that_waits_to_be_asked_for_is_asked_for_in_its_turn(echo: Server) -> None:
    waiting = POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with connected(echo.url) as client:
        client.send(request("GET", "/f/sleep/?s=0.1&n=1") + waiting)
        first = client.answer()
        assert first is not None
        assert first.body == b"1"
        assert client.continues()
        client.send(b"{}")
        second = client.answer()
    assert second is not None
    assert second.status == 200


def test_what_is_owed_is_answered_before_the_connection_is_closed(echo: Server) -> None:
    good = [request("GET", f"/f/sleep/?s=0.2&n={number}") for number in range(2)]
    with connected(echo.url) as client:
        client.send(b"".join(good) + CHUNKED + b"zz\r\n")
        answers = [client.answer() for _ in good]
        assert [answer and answer.body for answer in answers] == [b"0", b"1"]
        assert client.ended()


def test_a_client_may_not_pipeline_without_end(echo: Server) -> None:
    with connected(echo.url) as client:
        client.send(request("GET", HEALTH) * 1000)
        answered = 0
        while (answer := client.answer()) is not None:
            assert answer.status == 200
            answered += 1
    assert 0 < answered < 1000


def test_a_body_is_bounded_whether_it_is_announced_or_not(echo: Server) -> None:
    body = b"a" * 7_000_000
    chunk = b"%x\r\n%b\r\n" % (70_000, b"a" * 70_000)
    invoke = signed_head(echo, "/2015-03-31/functions/echo/invocations")
    for data in (
        POST + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        POST + b"Content-Length: 999999999999999999\r\n\r\n",
        CHUNKED + chunk * 100 + b"0\r\n\r\n",
        invoke + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        invoke + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100 + b"0\r\n\r\n",
    ):
        answer = exchange(echo.url, data)
        assert answer.status == 413
        assert answer.headers["x-amzn-errortype"] == "RequestTooLargeException"
    assert serves(echo)


@pytest.mark.parametrize(
    "event",
    [
        b"hello", b"{", b"{} x", b" ", b"'a'", b"NaN", b"-Infinity", b'"\xff"', b'"\0"', b"[1,]",
        b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"[" * 3_000_000,
    ],
    ids=range(15),
)  # fmt: skip
def test_an_event_that_is_not_json_is_refused(echo: Server, event: bytes) -> None:
    answer = exchange(echo.url, invoke_request(echo, "echo", event))
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"
    assert answer.document["message"].startswith("Could not parse request body into json: ")


@pytest.mark.parametrize(
    "event",
    [
        b"null", b'""', b"[]", b"-0.5", b'"\\u0000\\ud800"', '"\U0001f600"'.encode(), b"1" * 4000,
        b"[" * 500 + b"]" * 500, b'{"": {"": [true]}}', b'"' + b"a" * 3_000_000 + b'"',
    ],
    ids=range(10),
)  # fmt: skip
def test_an_event_that_is_strange_json_comes_back(echo: Server, event: bytes) -> None:
    answer = exchange(echo.url, invoke_request(echo, "echo", event))
    assert (answer.status, answer.headers.get("x-amz-function-error")) == (200, None)
    assert answer.document == json.loads(event)


def test_a_number_beyond_what_the_guest_reads_is_the_functions_error(echo: Server) -> None:
    answer = exchange(echo.url, invoke_request(echo, "echo", b"1" * 100_000))
    assert (answer.status, answer.headers["x-amz-function-error"]) == (200, "Unhandled")
    assert answer.document["errorType"] == "ValueError"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"Code":' * 100_000, b"1" * 100_000,
        b'{"Timeout": 1e999}', b'{"Timeout": %s}' % (b"9" * 5000), b'{"FunctionName": "\\ud800"}',
        b'{"FunctionName": "a\\u0000"}', b'{"Code": {"ZipFile": "?"}}', b'{"Timeout": NaN}',
        b'{"Tags": {"a": []}}', b'{"FunctionName": {"a": {"a": {"a": {}}}}}',
    ],
    ids=range(16),
)  # fmt: skip
def test_a_deployment_that_is_no_deployment_is_refused(echo: Server, body: bytes) -> None:
    answer = exchange(echo.url, signed_request(echo, "POST", "/2015-03-31/functions", body))
    assert 400 <= answer.status < 500, answer
    assert answer.headers["x-amzn-errortype"].endswith("Exception")
    assert answer.document


def requests_of(server: Server, function: str) -> int:
    rows = server.http.get("/_wasmfaas/v1/usage?by=function").json()["rows"]
    return sum(row["requests"] for row in rows if row["key"] == function)


def test_a_client_that_leaves_within_its_body_calls_nothing(echo: Server) -> None:
    before = requests_of(echo, "echo")
    for head in (POST + b"Content-Length: 100\r\n\r\n{", CHUNKED + b"2\r\n{"):
        for _ in range(20):
            with connected(echo.url) as client:
                client.send(head)
    assert serves(echo)
    assert requests_of(echo, "echo") == before


def test_a_client_that_leaves_during_its_call_is_billed(echo: Server) -> None:
    before = requests_of(echo, "sleep")
    invoke = json.dumps({"queryStringParameters": {"s": "0.3", "n": "0"}}).encode()
    for data in (request("GET", "/f/sleep/?s=0.3&n=0"), invoke_request(echo, "sleep", invoke)):
        for _ in range(4):
            with connected(echo.url) as client:
                client.send(data)
    until(lambda: requests_of(echo, "sleep") == before + 8, "eight more records")


def timed_out(client: Client) -> bool:
    """Whether the server says that it has waited long enough, and closes the connection."""
    answer = client.answer()
    return answer is not None and answer.status == 408 and client.ended()


def test_a_head_has_to_arrive_in_time(hasty: Server) -> None:
    with all_connected(hasty.url, 3) as (begun, kept, silent):
        begun.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        kept.send(request("GET", HEALTH))
        assert kept.answer()
        kept.send(b"\r\n\r\n")
        assert timed_out(begun)
        assert timed_out(kept)
        assert silent.ended()


def test_a_body_has_to_arrive_in_time(hasty: Server) -> None:
    heads = (
        POST,
        signed_head(hasty, "/2015-03-31/functions/echo/invocations"),
        signed_head(hasty, "/2015-03-31/functions"),
    )
    starts = (b"Content-Length: 10\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")
    data = [head + start for head in heads for start in starts]
    with all_connected(hasty.url, len(data)) as clients:
        for client, part in zip(clients, data, strict=True):
            client.send(part)
        assert all(timed_out(client) for client in clients)


def test_what_trickles_is_not_waited_for(hasty: Server) -> None:
    with all_connected(hasty.url, 2) as (head, body):
        head.send(b"GET /")
        body.send(POST + b"Content-Length: 1000000\r\n\r\n")
        deadline = time.monotonic() + 60
        while waiting := [client for client in (head, body) if client.is_quiet()]:
            assert time.monotonic() < deadline, "the server waits for ever"
            for client in waiting:
                client.send(b"a")
            time.sleep(0.05)
        assert timed_out(head)
        assert timed_out(body)


def test_the_time_that_the_server_takes_is_not_the_clients(hasty: Server) -> None:
    """While the first request is answered, for longer than a body may stall, no more than the
    beginning of the second is read."""
    first = request("GET", "/f/sleep/?s=3&n=1")
    second = request("POST", "/f/sleep/?s=0&n=2", b"a" * 5_000_000)
    with connected(hasty.url) as client:
        client.send(first + second)
        answers = [client.answer(), client.answer()]
    assert [answer and answer.body for answer in answers] == [b"1", b"2"]


def test_answers_that_are_not_read_are_bounded_and_given_up(hasty: Server) -> None:
    clients = [Client(hasty.url) for _ in range(4)]
    try:
        for client in clients:
            client.send(request("GET", "/f/large/"))
        call = request("POST", "/f/echo/", b"a" * 3_000_000)
        refusal = until(
            lambda: (answer := exchange(hasty.url, call)).status == 429 and answer,
            "a refusal, as too much is held",
        )
        assert refusal.document["Reason"] == "ConcurrentInvocationLimitExceeded"
        assert refusal.headers["retry-after"] == "1"
        assert serves(hasty)
        until(lambda: exchange(hasty.url, call).status == 200, "room again")
    finally:
        for client in clients:
            client.close()


def test_the_limit_that_a_login_sets_for_open_files_is_no_limit_of_connections(
    start: Start,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(128, hard), hard))
    try:
        server = start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with all_connected(server.url, 200) as clients:
        for client in clients:
            client.send(request("GET", HEALTH))
        answers = [client.answer() for client in clients]
    assert all(answer is not None and answer.status == 200 for answer in answers)


def test_connections_are_bounded(start: Start) -> None:
    server = start(connections_max=20)
    server.http.close()
    clients = [Client(server.url) for _ in range(20)]
    try:
        until(lambda: exchange(server.url, request("GET", HEALTH)).status == 503, "a refusal")
    finally:
        for client in clients:
            client.close()
    until(lambda: exchange(server.url, request("GET", HEALTH)).status == 200, "room again")
