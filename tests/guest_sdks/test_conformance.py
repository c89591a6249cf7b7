"""Language by sample by property: functions in every language behave alike.

The samples do what `guest-sdks/README.md` says. A probe gets `{"do": what, …}` and answers:

| do | answer |
|---|---|
| `environment` | the variable `name`, or null |
| `time` | the wall clock, in milliseconds since 1970 |
| `random` | `{"secure": …, "pseudo": …}`: the host's and the language's generator |
| `count` | how many invocations this module state has seen, this one among them |
| `context` | what the SDK's context holds, and `remainingMs` |
| `text` | `text`, read into a string of the language and written again |
| `value` | `value`, read into a value of the language and written again |
| `get` | what the key-value capability has under `key`, as text, or null |
| `fail` | an error of the type `type` with the message `message` |
| `panic` | what a bug does in the language; `message` goes with it |
| `exit` | ends the process |
| `log` | `one` on stdout, `two` on stderr, then `three` … `six` at debug, info, warn and error |
| `allocate` | holds ever more memory |

An event of a function URL is answered through the HTTP helper: status 201, header `x-method` with
the request's method, and its body's bytes backwards, as `application/octet-stream`.
"""

import base64
import json
import math
import os
import re
import time
from typing import Any

import pytest

from tests.guest_sdks.conftest import GROWTH_BYTES_MAX, Program
from tests.guest_sdks.languages import MODULE
from tests.sandbox.calling import Respond, ask
from tests.sandbox.conftest import REQUEST_ID, answer
from wasmfaas.capabilities.failures import Kind
from wasmfaas.capabilities.requests import decoded, encoded
from wasmfaas.invoke.job import Call
from wasmfaas.invoke.reply import Reply
from wasmfaas.models import Isolation, PackageKind
from wasmfaas.settings import MIB

INVOCATIONS = int(os.environ.get("WASMFAAS_CONFORMANCE_INVOCATIONS", "300"))
TEXTS = (
    "",
    "Jörg",
    "日本語",
    "😀",
    'quote " backslash \\ slash /',
    "tab\tline\nbell\x07",
    "%s%n%d",
)
VALUES = (
    None, True, False, 0, -1, 2**53 - 1, 0.5, -1.25e-7, 1e300, "", "text", [], {}, [[], {}, None],
    {"a": {"b": [1, {"c": None}]}, "": "empty", "ä\n": "key"}, [True, False, None, 1, "1"],
    list(range(300)), {str(number): number for number in range(40)},
)  # fmt: skip


def failed(reply: Reply) -> dict[str, Any]:
    """The error payload of an invocation that must have failed."""
    assert reply.error_type is not None, reply.payload
    payload: dict[str, Any] = json.loads(reply.payload)
    assert payload["errorType"] == reply.error_type
    return payload


def lines(reply: Reply) -> list[str]:
    return reply.log.decode().splitlines()


@pytest.mark.parametrize("escaped", [True, False])
def test_hello_greets_anybody(hello: Program, escaped: bool) -> None:
    for name in TEXTS:
        event = json.dumps({"other": {"name": "no"}, "name": name}, ensure_ascii=escaped)
        assert answer(hello.invoke(event.encode())) == {"greeting": f"Hello, {name}!"}


@pytest.mark.parametrize("event", [{}, [], None, "name", {"name": 1}, {"name": None}], ids=repr)
def test_hello_without_a_name_is_a_bad_event(hello: Program, event: Any) -> None:
    payload = failed(hello.invoke(event))
    assert payload["errorType"] == "BadEvent"
    # What is no object at all is refused by a typed language before the sample sees it.
    assert "name" in payload["errorMessage"] or not isinstance(event, dict)
    assert payload["requestId"] == REQUEST_ID
    assert answer(hello.invoke({"name": "Ada"})) == {"greeting": "Hello, Ada!"}


def test_echo_returns_every_kind_of_json(echo: Program) -> None:
    for value in VALUES:
        assert json.loads(echo.invoke(value).payload, parse_int=float)["event"] == value


def test_echo_returns_text_with_anything_in_it(echo: Program) -> None:
    everything = (
        "".join(map(chr, range(0x20))) + "\x7f\u2028\ufeff\uffff\U0010ffff" + "".join(TEXTS)
    )
    for escaped in (True, False):
        event = json.dumps({"text": everything, everything: 1}, ensure_ascii=escaped)
        assert answer(echo.invoke(event.encode()))["event"] == json.loads(event)


def test_echo_returns_what_is_nested(echo: Program) -> None:
    for depth in (50, 500):
        event = b"[" * depth + b"]" * depth
        assert answer(echo.invoke(event))["event"] == json.loads(event)


def test_an_empty_payload_harms_nobody(echo: Program, hello: Program) -> None:
    """It is no JSON; the front door makes an object of it, but nothing depends on that."""
    for program in (echo, hello):
        failed(program.invoke(b""))
    assert answer(echo.invoke({"still": "well"}))["event"] == {"still": "well"}


def test_echo_returns_six_megabytes(echo: Program) -> None:
    event = {"text": "é" * (3 * MIB - 2000)}
    size = len(json.dumps(event, ensure_ascii=False).encode())
    assert 5.9 * MIB < size < 6_291_456
    settings = {"memory_bytes_max": 512 * MIB, "response_bytes_max": 16 * MIB}
    reply = echo.invoke(json.dumps(event, ensure_ascii=False).encode(), **settings)
    assert answer(reply)["event"] == event
    assert answer(echo.invoke([1], **settings))["event"] == [1]


def test_echo_shows_the_whole_context(echo: Program) -> None:
    before_ms = time.time() * 1000
    context = answer(echo.invoke())["context"]
    assert before_ms <= int(context.pop("deadlineMs")) <= time.time() * 1000 + 60_000
    assert {name: value for name, value in context.items() if value is not None} == {
        "requestId": REQUEST_ID,
        "functionName": "function",
        "functionVersion": "$LATEST",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:function",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/function",
        "logStreamName": "stream",
        "traceId": "Root=1-00000000-000000000000000000000000",
    }
    assert {"clientContext", "identity"} <= context.keys()


def test_the_sdk_reads_the_context(probe: Program) -> None:
    context = answer(probe.invoke({"do": "context"}))
    assert 0 < context.pop("remainingMs") <= 60_000
    assert {name: str(value) for name, value in context.items()} == {
        "requestId": REQUEST_ID,
        "functionName": "function",
        "functionVersion": "$LATEST",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:function",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/function",
        "logStreamName": "stream",
        "traceId": "Root=1-00000000-000000000000000000000000",
    }


def test_error_answers_and_fails(error: Program) -> None:
    assert math.isclose(answer(error.invoke({"value": 9})), 3)
    assert answer(error.invoke({"value": 0})) == 0
    for value, shown in ((-4, "-4"), (-0.5, "-0.5")):
        payload = failed(error.invoke({"value": value}))
        assert payload["errorType"] == "Negative"
        assert payload["errorMessage"] == f"{shown} has no square root here"
    for event in ({}, {"value": "four"}, [], None):
        assert failed(error.invoke(event))["errorType"] == "BadEvent"
    assert math.isclose(answer(error.invoke({"value": 2.25})), 1.5)


@pytest.mark.parametrize(
    "message", ["", 'a "quoted" one', "zwei\nZeilen", "日本語 😀", "x" * 70_000]
)
def test_errors_carry_their_type_and_message(probe: Program, message: str) -> None:
    payload = failed(probe.invoke({"do": "fail", "type": "Shop.SoldOut", "message": message}))
    assert payload["errorType"] == "Shop.SoldOut"
    assert payload["errorMessage"] == message
    if probe.language.has_traces:
        assert payload["stackTrace"]
        assert any("probe" in line or "fail" in line for line in payload["stackTrace"])


def test_a_bug_is_reported_and_the_next_invocation_is_well(probe: Program) -> None:
    for _ in range(3):
        reply = probe.invoke({"do": "panic", "message": "the sky fell"})
        payload = failed(reply)
        told = payload["errorMessage"] + reply.log.decode()
        assert "the sky fell" in told
        assert answer(probe.invoke({"do": "count"})) == 1


def test_an_exit_is_reported_and_the_next_invocation_is_well(probe: Program) -> None:
    for _ in range(2):
        assert failed(probe.invoke({"do": "exit"}))["errorType"] == "Runtime.ExitError"
        assert answer(probe.invoke({"do": "count"})) == 1


def test_memory_that_runs_out_is_reported(probe: Program) -> None:
    payload = failed(probe.invoke({"do": "allocate"}, memory_bytes_max=96 * MIB))
    assert payload["errorType"] == "Runtime.OutOfMemory"
    assert answer(probe.invoke({"do": "count"}, memory_bytes_max=96 * MIB)) == 1


def test_log_says_what_it_answers(log: Program) -> None:
    for _ in range(3):
        reply = log.invoke()
        remaining_ms = answer(reply)["remainingMs"]
        assert 0 < remaining_ms <= 60_000
        told = [line for line in lines(reply) if "has" in line]
        assert len(told) == 1
        assert told[0].endswith(f"invocation {REQUEST_ID} has {remaining_ms} ms left")
        assert "INFO" in told[0]
        assert "stdout is the log, too" in lines(reply)


def test_logs_have_levels_and_keep_their_order(probe: Program) -> None:
    order = ["one", "two", "three", "four", "five", "six"]
    levels = {"three": "DEBUG", "four": "INFO", "five": "WARN", "six": "ERROR"}
    for least, hidden in (("DEBUG", 0), ("INFO", 1), ("WARN", 2), ("ERROR", 3)):
        environment = {"AWS_LAMBDA_LOG_LEVEL": least, "AWS_LAMBDA_LOG_STREAM_NAME": "stream"}
        shown = lines(probe.invoke({"do": "log"}, environment=environment))
        assert [re.findall(r"\w+", line)[-1] for line in shown] == order[:2] + order[2 + hidden :]
        for line in shown[2:]:
            assert levels[re.findall(r"\w+", line)[-1]] in line


def test_text_survives_being_read_and_written(probe: Program) -> None:
    texts = [*TEXTS, "\U0010ffff\ufffd\u2028", "é" * 20_000]
    if probe.language.holds_nul:
        texts += ["\0", "nul \0 inside\0"]
    for text in texts:
        assert answer(probe.invoke({"do": "text", "text": text})) == text


def test_values_survive_being_read_and_written(probe: Program) -> None:
    nested: Any = None
    for _ in range(100):
        nested = [nested, {"inner": nested}] if nested is None else {"inner": [nested]}
    for value in (*VALUES, *TEXTS, nested):
        reply = probe.invoke({"do": "value", "value": value})
        assert reply.error_type is None, reply.payload
        # 1e300 may be written as the number that it is, digit by digit.
        assert json.loads(reply.payload, parse_int=float) == value


def test_binary_bodies_go_both_ways(probe: Program) -> None:
    for body in (b"", bytes(range(256)), b"\0", b"\xff" * 100_001):
        reply = answer(probe.invoke(http_event(body, encoded=True)))
        assert reply["statusCode"] == 201
        assert reply["headers"]["x-method"] == "PUT"
        assert reply["headers"]["content-type"] == "application/octet-stream"
        assert body_of(reply) == body[::-1]


def test_a_body_of_text_is_its_bytes(probe: Program) -> None:
    text = 'zwei\n"Zeilen" 日本語'
    reply = answer(probe.invoke(http_event(text.encode(), encoded=False)))
    assert body_of(reply) == text.encode()[::-1]


def get(probe: Program, respond: Respond, key: str = "a") -> tuple[Reply, list[Call]]:
    if not probe.language.has_calls:
        pytest.skip(f"the SDK of {probe.language.name} has no calls")
    return ask(probe.pool, probe.target(), respond, {"do": "get", "key": key})


@pytest.mark.parametrize(
    "text", ["blue", "ä日😀", None, "x" * 5_000_000], ids=lambda text: str(text)[:4]
)
def test_the_host_is_asked_and_answers(probe: Program, text: str | None) -> None:
    value = None if text is None else text.encode()

    def respond(call: Call) -> tuple[bool, bytes]:
        members = {"value": value, "version": 1, "expiresAtMs": None, "new": [1]}
        return True, encoded(call.form, members)

    reply, calls = get(probe, respond, "köln")
    assert answer(reply) == text
    [call] = calls
    asked = decoded(call.operation, call.form, call.request)
    assert (call.operation, asked.text("key")) == ("kv.get", "köln")
    asked.only("key")


@pytest.mark.parametrize("kind", [Kind.ACCESS_DENIED, Kind.UNAVAILABLE])
def test_what_the_host_refuses_is_an_error_of_its_type(probe: Program, kind: Kind) -> None:
    message = 'this function\'s "permissions.kv" do not have it, ä'

    def respond(call: Call) -> tuple[bool, bytes]:
        return False, encoded(call.form, {"errorType": kind.value, "errorMessage": message})

    payload = failed(get(probe, respond)[0])
    assert (payload["errorType"], payload["errorMessage"]) == (kind.value, message)
    assert answer(probe.invoke({"do": "count"})) == 1


def body_of(reply: dict[str, Any]) -> bytes:
    """The bytes that a function URL makes of an answer."""
    if reply.get("isBase64Encoded", False):
        return base64.b64decode(reply["body"], validate=True)
    body: str = reply.get("body", "")
    return body.encode()


def http_event(body: bytes, *, encoded: bool) -> dict[str, Any]:
    """An event as a function URL makes it, with what a probe looks at."""
    return {
        "version": "2.0",
        "rawPath": "/a/b",
        "rawQueryString": "x=1",
        "headers": {"content-type": "application/octet-stream", "x-a": "b"},
        "requestContext": {"http": {"method": "PUT", "path": "/a/b"}},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


@pytest.mark.parametrize("isolation", list(Isolation))
def test_state_lives_as_long_as_the_isolation_says(probe: Program, isolation: Isolation) -> None:
    key = f"counting-{probe.language.name}-{isolation}"
    counts = [answer(probe.invoke({"do": "count"}, isolation=isolation, key=key)) for _ in range(4)]
    assert counts == ([1, 2, 3, 4] if isolation is Isolation.REUSE else [1, 1, 1, 1])


@pytest.mark.parametrize("isolation", list(Isolation))
def test_time_and_randomness_are_new_in_every_invocation(
    probe: Program, isolation: Isolation
) -> None:
    drawn = [answer(probe.invoke({"do": "random"}, isolation=isolation)) for _ in range(6)]
    for generator in ("secure", "pseudo"):
        assert len({draw[generator] for draw in drawn}) == len(drawn), generator
    for _ in range(2):
        before_ms = int(time.time() * 1000)
        now_ms = answer(probe.invoke({"do": "time"}, isolation=isolation))
        assert before_ms <= now_ms <= time.time() * 1000 + 1


def test_the_environment_is_the_functions_own(probe: Program) -> None:
    for value in ("blue", 'ä "=" \\', ""):
        members = {"environment": {"COLOUR": value}, "isolation": Isolation.PRISTINE}
        for name, expected in (("COLOUR", value), ("COLOR", None)):
            asked = {"do": "environment", "name": name}
            assert answer(probe.invoke(asked, **members)) == expected


def test_a_core_module_is_put_back_where_its_language_can_be(hello: Program) -> None:
    if hello.language.kind is not PackageKind.REACTOR:
        pytest.skip("only core modules are looked at")
    artefact = hello.pool.compiled(hello.files[MODULE])
    assert artefact.inspection.restorable is hello.language.is_restored


@pytest.mark.parametrize("isolation", [Isolation.PRISTINE, Isolation.REUSE])
def test_many_invocations_do_not_grow(probe: Program, isolation: Isolation) -> None:
    target = probe.target(isolation=isolation)
    events = [{"do": "text", "text": "é" * 20_000}, {"do": "context"}, {"do": "random"}]
    sizes = []
    for number in range(INVOCATIONS):
        reply = probe.pool.invoke(target, events[number % 3])
        assert reply.error_type is None, reply.payload
        sizes.append(reply.memory_bytes)
    settled = max(sizes[: max(INVOCATIONS // 3, 30)])
    assert max(sizes[-30:]) <= settled + GROWTH_BYTES_MAX
