"""Function URLs: what is called, with what, and what comes back, down to a real connection."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
import uvicorn
from starlette.types import Message

from tests.triggers.scopes import Pairs, http_scope, until
from tests.triggers.test_url_targets import HOST, OPEN, Lookups, function
from wasmfaas.auth.authenticator import AnyoneAuthenticator
from wasmfaas.errors import ResourceConflict, ResourceNotFound, TooManyRequests
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.models import InvocationContext, Outcome, Usage
from wasmfaas.policy import Policy
from wasmfaas.settings import Settings
from wasmfaas.triggers.http import FunctionUrls

LIMIT = 1000
Result = TypeVar("Result")
ORIGIN = ("Origin", "https://example.com")
CORS = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["*"]}


def usage(request_id: str, error_type: str | None) -> Usage:
    return Usage(
        request_id=request_id,
        attempt=1,
        function_name="f",
        function_version="$LATEST",
        started_at_ms=0,
        fuel_counted=7,
        fuel=7,
        duration_us=1500,
        billed_duration_ms=2,
        cpu_us=1000,
        memory_bytes_peak=1,
        init_us=None,
        request_bytes=0,
        response_bytes=0,
        error_type=error_type,
    )


@dataclass
class Invocations:
    """Stands in for the invoker: remembers what it is asked for and answers as it is told."""

    answer: Any = None
    error_type: str | None = None
    refusal: Exception | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    contexts: list[InvocationContext] = field(default_factory=list)
    finish: asyncio.Event | None = None

    qualifiers: list[str | None] = field(default_factory=list)

    async def stream(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> ResponseStream:
        raise AssertionError("no function URL here streams")

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        assert name == "f"
        self.qualifiers.append(qualifier)
        self.events.append(json.loads(event))
        self.contexts.append(context)
        if self.finish is not None:
            await self.finish.wait()
        if self.refusal is not None:
            raise self.refusal
        return Outcome(
            request_id=context.request_id,
            executed_version="$LATEST",
            payload=json.dumps(self.answer).encode(),
            error_type=self.error_type,
            usage=usage(context.request_id, self.error_type),
            log=b"",
        )


@dataclass
class Answer:
    status: int
    pairs: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        names = [name for name, _ in self.pairs]
        assert len(names) == len(set(names)), f"a header is there twice: {names}"
        return {name.decode(): value.decode() for name, value in self.pairs}


def application(
    invocations: Invocations, policy: Policy | None = OPEN, **url_configuration: Any
) -> FunctionUrls:
    return FunctionUrls(
        Settings(event_bytes_max=LIMIT),
        lookups := Lookups(function(**url_configuration), policy=policy),
        lookups,
        invocations,
        lambda name: f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        AnyoneAuthenticator("000000000000"),
        clock_ms=lambda: 1_584_039_838_123,
    )


async def ask(urls: FunctionUrls, scope: dict[str, Any], *chunks: bytes) -> Answer | None:
    """Send a request in these chunks; None if nothing came back."""
    waiting: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": position < len(chunks) - 1}
        for position, chunk in enumerate(chunks or (b"",))
    ]
    sent: list[Mapping[str, Any]] = []

    waiting.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await urls(scope, receive, send)
    if not sent:
        return None
    body = b"".join(message["body"] for message in sent[1:])
    return Answer(sent[0]["status"], sent[0]["headers"], body)


def call(
    invocations: Invocations,
    method: str = "GET",
    target: str = "/f/f/",
    headers: Pairs = (),
    chunks: tuple[bytes, ...] = (),
    **url_configuration: Any,
) -> Answer:
    urls = application(invocations, **url_configuration)
    answer = asyncio.run(ask(urls, http_scope(method, target, headers), *chunks))
    assert answer is not None
    return answer


def test_a_function_is_called_with_the_request_and_its_answer_comes_back() -> None:
    invocations = Invocations(answer={"statusCode": 201, "headers": {"x-a": "b"}, "body": "hi"})
    answer = call(
        invocations, "POST", "/f/f/a%20b?c=d", [("Content-Type", "text/plain")], (b"on", b"e")
    )
    [event], [context] = invocations.events, invocations.contexts
    assert (event["rawPath"], event["rawQueryString"], event["body"]) == ("/a%20b", "c=d", "one")
    assert event["requestContext"]["requestId"] == context.request_id
    assert event["requestContext"]["domainName"] == HOST
    assert event["headers"]["x-amzn-trace-id"] == context.trace_id
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert (answer.status, answer.body) == (201, b"hi")
    assert answer.headers == {
        "x-a": "b",
        "content-type": "application/json",
        "content-length": "2",
        "x-amzn-requestid": context.request_id,
        "x-wasmfaas-fuel": "7",
        "x-wasmfaas-billed-duration-ms": "2",
        "x-wasmfaas-duration-ms": "1.50",
        "x-wasmfaas-cpu-ms": "1.00",
        "x-wasmfaas-memory-peak-mb": "1",
    }


def test_every_invocation_has_an_id_of_its_own() -> None:
    invocations = Invocations()
    urls = application(invocations)

    async def scenario() -> None:
        for _ in range(3):
            await ask(urls, http_scope("GET", "/f/f"))

    asyncio.run(scenario())
    assert len({context.request_id for context in invocations.contexts}) == 3
    assert len({context.trace_id for context in invocations.contexts}) == 3


def test_a_trace_is_continued() -> None:
    invocations = Invocations()
    call(invocations, headers=[("X-Amzn-Trace-Id", "Root=1-0-1;Sampled=1")])
    assert invocations.contexts[0].trace_id == "Root=1-0-1;Sampled=1"
    assert invocations.events[0]["headers"]["x-amzn-trace-id"] == "Root=1-0-1;Sampled=1"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "HEAD"])
def test_all_methods_reach_the_function(method: str) -> None:
    invocations = Invocations(answer={"statusCode": 200, "body": "hello"})
    answer = call(invocations, method)
    assert invocations.events[0]["requestContext"]["http"]["method"] == method
    assert answer.headers["content-length"] == "5"
    assert answer.body == (b"" if method == "HEAD" else b"hello")


def test_a_function_error_is_a_bad_gateway_with_its_figures() -> None:
    invocations = Invocations(answer={"errorMessage": "secret"}, error_type="ValueError")
    answer = call(invocations)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.headers["x-wasmfaas-error"] == "ValueError"
    assert answer.headers["x-wasmfaas-fuel"] == "7"
    assert answer.headers["x-amzn-requestid"] == invocations.contexts[0].request_id


def test_an_answer_that_is_no_response_is_a_bad_gateway_that_says_why() -> None:
    answer = call(Invocations(answer={"statusCode": 200, "headers": {"a": "b\r\nc: d"}}))
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert answer.headers["x-wasmfaas-error"] == (
        'The function\'s answer is not a response: header "a" is "b\\r\\nc: d", '
        "but must not have control characters."
    )
    assert answer.headers["x-wasmfaas-fuel"] == "7"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (TooManyRequests("Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded"), 429,
         "TooManyRequestsException"),
        (ResourceConflict("The function is currently in the following state: Pending"), 409,
         "ResourceConflictException"),
    ],
)  # fmt: skip
def test_what_is_refused_is_lambdas_error(refusal: Exception, status: int, code: str) -> None:
    answer = call(Invocations(refusal=refusal))
    assert answer.status == status
    assert answer.headers["x-amzn-errortype"] == code
    assert "x-amzn-requestid" in answer.headers
    assert json.loads(answer.body)["message"] == str(refusal)


def test_unknown_functions_and_hosts() -> None:
    answer = call(Invocations(), target="/f/g")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert json.loads(answer.body)["Message"] == "Function not found: g"
    answer = call(Invocations(), headers=[("Host", "x" + HOST)])
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


def test_a_url_whose_policy_does_not_let_everybody_in() -> None:
    invocations = Invocations()
    answer = call(invocations, policy=None)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(answer.body) == {
        "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    }
    assert invocations.events == []


@pytest.mark.parametrize("chunks", [(b"x" * LIMIT,), (b"x" * (LIMIT - 1), b"", b"x")])
def test_a_body_up_to_the_limit_is_taken(chunks: tuple[bytes, ...]) -> None:
    invocations = Invocations()
    answer = call(invocations, "POST", headers=[("Content-Type", "text/plain")], chunks=chunks)
    assert answer.status == 200
    assert len(invocations.events[0]["body"]) == LIMIT


@pytest.mark.parametrize(
    ("headers", "chunks"),
    [
        ([], (b"x" * LIMIT, b"x", b"dropped", b"too")),
        ([("Content-Length", str(LIMIT + 1))], (b"",)),
        ([("Content-Length", "9" * 5000)], (b"",)),
    ],
)
def test_a_body_beyond_the_limit_is_refused_and_the_connection_closed(
    headers: Pairs, chunks: tuple[bytes, ...]
) -> None:
    invocations = Invocations()
    answer = call(invocations, "POST", headers=headers, chunks=chunks)
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert "more than 1000 bytes" in json.loads(answer.body)["message"]
    assert invocations.events == []


def test_a_body_that_came_at_once_leaves_the_connection_open() -> None:
    answer = call(Invocations(), "POST", chunks=(b"x" * (LIMIT + 1),))
    assert answer.status == 413
    assert "connection" not in answer.headers


def test_a_head_beyond_the_limit_is_refused() -> None:
    answer = call(Invocations(), headers=[("X-A", "a" * 40_000), ("X-B", "b" * 40_000)])
    assert answer.status == 413
    assert "at most 65536 are accepted" in json.loads(answer.body)["message"]


def test_a_client_that_leaves_before_its_request_is_whole_calls_nothing() -> None:
    invocations = Invocations()
    urls = application(invocations)

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError("there is nobody to answer")

    messages: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]
    asyncio.run(urls(http_scope("POST", "/f/f"), receive, send))
    assert invocations.events == []


def test_a_websocket_is_refused() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {**http_scope("GET", "/f/f"), "type": "websocket"}
    asyncio.run(application(Invocations())(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_preflight_does_not_call_the_function() -> None:
    invocations = Invocations()
    headers = [ORIGIN, ("Access-Control-Request-Method", "PUT")]
    answer = call(invocations, "OPTIONS", headers=headers, Cors=CORS, AuthType="AWS_IAM")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://example.com"
    assert answer.headers["access-control-allow-methods"] == "PUT"
    assert invocations.events == []


def test_the_url_of_an_alias_calls_the_alias_and_outlives_it() -> None:
    invocations = Invocations()
    answer = call(invocations, target="/f/f:prod/x", label="f:prod")
    assert answer.status == 200
    assert invocations.qualifiers == ["prod"]
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f:prod"
    assert invocations.contexts[0].invoked_function_arn == arn
    gone = Invocations(refusal=ResourceNotFound(f"Function not found: {arn}"))
    answer = call(gone, target="/f/f:prod/x", label="f:prod")
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert call(gone).status == 404


def test_without_a_cors_configuration_a_preflight_is_the_functions() -> None:
    invocations = Invocations(answer={"statusCode": 204, "headers": {"x-a": "b"}})
    headers = [ORIGIN, ("Access-Control-Request-Method", "PUT")]
    answer = call(invocations, "OPTIONS", headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    assert len(invocations.events) == 1


@pytest.mark.parametrize("kind", ["success", "error", "refusal", "malformed"])
def test_a_page_may_read_every_answer_of_its_function(kind: str) -> None:
    invocations = {
        "success": Invocations(answer="hello"),
        "error": Invocations(error_type="ValueError"),
        "refusal": Invocations(refusal=TooManyRequests("No.", reason="x")),
        "malformed": Invocations(answer={"statusCode": 99}),
    }[kind]
    answer = call(invocations, headers=[ORIGIN], Cors=CORS)
    assert answer.headers["access-control-allow-origin"] == "https://example.com"


def test_a_function_is_looked_up_again_after_a_change() -> None:
    lookups, invocations = Lookups(function()), Invocations()
    urls = FunctionUrls(
        Settings(), lookups, lookups, invocations, str, AnyoneAuthenticator("000000000000")
    )

    async def scenario() -> list[int]:
        statuses = []
        for changed in (function(), function(AuthType="AWS_IAM"), function(url_id=None)):
            lookups.functions["f"] = changed
            urls.forget("f")
            answer = await ask(urls, http_scope("GET", "/f/f"))
            assert answer is not None
            statuses.append(answer.status)
        return statuses

    assert asyncio.run(scenario()) == [200, 200, 404]


@contextlib.asynccontextmanager
async def served(urls: FunctionUrls) -> AsyncIterator[uvicorn.Server]:
    """A real server of *urls*."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(urls, lifespan="off", log_config=None, http="httptools", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield server
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def connect(server: uvicorn.Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    [listening] = server.servers
    return await asyncio.open_connection(*listening.sockets[0].getsockname())


async def exchange(server: uvicorn.Server, request: bytes) -> bytes:
    """Send *request*, then read until the server closes the connection."""
    reader, writer = await connect(server)
    writer.write(request)
    await writer.drain()
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def over_a_connection(
    invocations: Invocations,
    scenario: Callable[[uvicorn.Server], Coroutine[Any, Any, Result]],
    caplog: pytest.LogCaptureFixture,
) -> Result:
    """Run *scenario* against a real server, which must have nothing to complain about."""

    async def run() -> Result:
        async with served(application(invocations)) as server:
            return await scenario(server)

    with caplog.at_level(logging.WARNING):
        result = asyncio.run(run())
    assert caplog.records == []
    return result


def test_responses_without_a_body_keep_the_connection_in_step(
    caplog: pytest.LogCaptureFixture,
) -> None:
    invocations = Invocations(answer={"statusCode": 204, "body": "must not be sent"})
    request = b"GET /f/f HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"HEAD /f/f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = over_a_connection(
        invocations, lambda server: exchange(server, request + request + last), caplog
    )
    assert answer.count(b"HTTP/1.1 204") == 3
    assert b"must not be sent" not in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_sender_of_too_much_gets_to_read_the_refusal(caplog: pytest.LogCaptureFixture) -> None:
    size = 4 * 1024 * 1024
    head = b"POST /f/f HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
    answer = over_a_connection(
        Invocations(), lambda server: exchange(server, head + b"x" * size), caplog
    )
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert b"RequestTooLargeException" in answer


def test_too_much_in_chunks_is_refused_too(caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /f/f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    head += b"Connection: close\r\n\r\n"
    body = b"200\r\n" + b"x" * 512 + b"\r\n"
    answer = over_a_connection(
        Invocations(), lambda server: exchange(server, head + body * 100 + b"0\r\n\r\n"), caplog
    )
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("moment", ["in the body", "in the invocation"])
def test_a_client_that_leaves_is_not_our_error(
    moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    invocations = Invocations(answer="nobody reads this")

    async def leave(server: uvicorn.Server) -> None:
        invocations.finish = asyncio.Event()
        length = 100 if moment == "in the body" else 4
        _, writer = await connect(server)
        writer.write(b"POST /f/f HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nhalf" % length)
        await writer.drain()
        await until(lambda: len(server.server_state.tasks) == 1)
        await until(lambda: moment == "in the body" or len(invocations.events) == 1)
        writer.transport.abort()
        await until(lambda: not server.server_state.connections)
        invocations.finish.set()
        answer = await exchange(
            server, b"GET /f/f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        assert answer.endswith(b"nobody reads this")

    over_a_connection(invocations, leave, caplog)
    assert len(invocations.events) == (1 if moment == "in the body" else 2)
