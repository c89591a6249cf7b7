"""The short way of a function URL: it answers as the long one does, or leaves it to that."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.triggers.scopes import Pairs, http_scope
from tests.triggers.test_http import CORS, ORIGIN, Answer, Invocations, application, ask
from tests.triggers.test_url_targets import HOST
from wasmfaas.errors import TooManyRequests, WasmfaasError
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.models import InvocationContext, Outcome
from wasmfaas.policy import Policy
from wasmfaas.triggers.direct import DirectCalls

LOCAL = ("Host", "127.0.0.1:3001")
NEW = {"requestId", "time", "timeEpoch"}


class Known(Invocations):
    """Stands in for an invoker that knows the function, and answers at once."""

    knows = True

    async def stream(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> ResponseStream:
        raise TooManyRequests("Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded")

    def start(
        self,
        name: str,
        event: bytes,
        context: InvocationContext,
        done: Callable[[Outcome | WasmfaasError], None],
        qualifier: str | None = None,
    ) -> bool:
        if not self.knows:
            return False
        try:
            self.invoke(name, event, context, qualifier).send(None)
        except StopIteration as ended:
            done(ended.value)
        except WasmfaasError as error:
            done(error)
        return True


def both(
    invocations: Known,
    scope: dict[str, Any],
    body: bytes = b"",
    policy: Policy | None = None,
    **configuration: Any,
) -> tuple[Answer | None, Answer | None]:
    """The answers of the long way and of the short one, which is None where that declines."""

    async def scenario() -> tuple[Answer | None, Answer | None]:
        arguments = () if policy is None else (policy,)
        urls = application(invocations, *arguments, **configuration)
        direct = DirectCalls(urls.targets, invocations, lambda host: host == LOCAL[1])
        long = await ask(urls, scope, body)
        short: list[Answer] = []

        def respond(status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
            short.append(Answer(status, headers, content))

        answered = direct(scope, body, respond)
        assert answered == bool(short)
        return long, short[0] if short else None

    return asyncio.run(scenario())


def comparable(answer: Answer) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    kept = [pair for pair in answer.pairs if pair[0] != b"x-amzn-requestid"]
    return answer.status, kept, answer.body


def seen(event: dict[str, Any]) -> dict[str, Any]:
    context = {name: value for name, value in event["requestContext"].items() if name not in NEW}
    headers = {name: value for name, value in event["headers"].items() if name != "x-amzn-trace-id"}
    return {**event, "requestContext": context, "headers": headers}


REQUESTS: list[tuple[str, str, Pairs, bytes]] = [
    ("GET", "/f/f/", [], b""),
    ("GET", "/f/f", [("Cookie", "a=1; b=2"), ("X-A", "1"), ("X-A", "2")], b""),
    ("HEAD", "/f/f/a%20b?c=d&c=e&f=%C3%A9+g&h", [], b""),
    ("POST", "/f/f/x?a=b&&c", [("Content-Type", "application/json")], b'{"a": "\xc3\xa9\\n"}'),
    ("PUT", "/f/f/x", [("Content-Type", "text/plain")], '\0\x1f\u2028"\\'.encode()),
    ("POST", "/f/f/x", [], b"\xff\x00"),
    ("GET", "/f/f/", [("X-Amzn-Trace-Id", "Root=1-2-3"), ("X-Forwarded-For", "10.0.0.1")], b""),
    ("GET", "/f/f/", [ORIGIN, ("User-Agent", 'a"b')], b""),
]
ANSWERS: list[dict[str, Any]] = [
    {"answer": {"statusCode": 201, "headers": {"x-a": "b"}, "cookies": ["c=d"], "body": "hi"}},
    {"answer": {"a": [1, 2.5, None, "é"]}},
    {"answer": "text"},
    {"answer": {"statusCode": 99}},
    {"answer": {}, "error_type": "ValueError"},
    {"refusal": TooManyRequests("Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded")},
]


@pytest.mark.parametrize("configuration", [{}, {"Cors": CORS}], ids=["plain", "cors"])
@pytest.mark.parametrize("told", ANSWERS, ids=[json.dumps(list(told)) for told in ANSWERS])
@pytest.mark.parametrize(("method", "target", "headers", "body"), REQUESTS)
def test_it_asks_and_answers_as_the_long_way_does(
    method: str,
    target: str,
    headers: Pairs,
    body: bytes,
    told: dict[str, Any],
    configuration: dict[str, Any],
) -> None:
    invocations = Known(**told)
    scope = http_scope(method, target, [LOCAL, *headers])
    long, short = both(invocations, scope, body, **configuration)
    assert long is not None
    assert short is not None
    assert comparable(short) == comparable(long)
    first, second = invocations.events
    assert seen(second) == seen(first)
    ids = [context.request_id for context in invocations.contexts]
    assert ids[0] != ids[1]
    assert short.headers["x-amzn-requestid"] == ids[1] if told != ANSWERS[0] else True


@pytest.mark.parametrize(
    ("scope", "configuration"),
    [
        (http_scope(target="/f/other/", headers=[LOCAL]), {}),
        (http_scope(target="/", headers=[LOCAL]), {}),
        (http_scope(target="/f/f/", headers=[("Host", "example.com")]), {}),
        (http_scope(target="/f/f/", headers=[LOCAL, LOCAL]), {}),
        (http_scope(target="/f/f/"), {}),
        (http_scope(target="/f/f/", headers=[LOCAL, ("X-A", "a" * 70_000)]), {}),
        (http_scope(target="/f/f/", headers=[LOCAL]), {"AuthType": "AWS_IAM"}),
        (http_scope(target="/f/f/", headers=[LOCAL]), {"policy": Policy.of({"Statement": []})}),
        (http_scope(target="/f/f/", headers=[LOCAL]), {"InvokeMode": "RESPONSE_STREAM"}),
        (
            http_scope(
                "OPTIONS", "/f/f/", [LOCAL, ORIGIN, ("Access-Control-Request-Method", "GET")]
            ),
            {"Cors": CORS},
        ),
    ],
    ids=[
        "unknown", "no function's", "host of others", "two hosts", "no host", "large head",
        "signed", "closed", "streamed", "preflight",
    ],
)  # fmt: skip
def test_what_is_not_simple_is_left_to_the_long_way(
    scope: dict[str, Any], configuration: dict[str, Any]
) -> None:
    invocations = Known(answer=1)
    _, short = both(invocations, scope, **configuration)
    assert short is None


def test_by_host_it_is_known_as_well() -> None:
    invocations = Known(answer=1)
    scope = http_scope(target="/a", headers=[("Host", HOST)])

    async def scenario() -> bool:
        urls = application(invocations)
        direct = DirectCalls(urls.targets, invocations, lambda host: host == HOST)
        assert not direct(scope, b"", lambda *answer: None), "it has not been looked up"
        await ask(urls, scope)
        return direct(scope, b"", lambda *answer: None)

    assert asyncio.run(scenario())
    assert [event["rawPath"] for event in invocations.events] == ["/a", "/a"]


def test_a_function_that_the_invoker_does_not_know_is_left_to_the_long_way() -> None:
    invocations = Known(answer=1)
    invocations.knows = False
    _, short = both(invocations, http_scope(target="/f/f/", headers=[LOCAL]))
    assert short is None
