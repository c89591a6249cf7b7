"""Handlers are functions: they are tested by calling them, without a server."""

import math
import sys
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from samples import echo, error, hello, log

CONTEXT = mock.Mock(
    aws_request_id="6f1f6ea4", get_remaining_time_in_millis=lambda: 1500, client_context=None
)
VISITS = """
import wasmfaas

def lambda_handler(event, context):
    count = int(wasmfaas.kv.get("visits", b"0")) + 1
    wasmfaas.kv.set("visits", str(count))
    return count
"""


def test_hello_greets() -> None:
    assert hello.lambda_handler({"name": "Ada"}, None) == {"greeting": "Hello, Ada!"}
    with pytest.raises(hello.BadEvent, match="name"):
        hello.lambda_handler({"name": 1}, None)


def test_error_answers_and_fails() -> None:
    assert math.isclose(error.lambda_handler({"value": 9}, None), 3)
    with pytest.raises(error.Negative, match="-4 has no square root here"):
        error.lambda_handler({"value": -4}, None)
    with pytest.raises(error.BadEvent):
        error.lambda_handler({"value": True}, None)


def test_echo_knows_the_invocation() -> None:
    answer = echo.lambda_handler([1], CONTEXT)
    assert (answer["event"], answer["context"]["requestId"]) == ([1], "6f1f6ea4")


def test_log_says_what_it_answers(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("INFO"):
        assert log.lambda_handler({}, CONTEXT) == {"remainingMs": 1500}
    assert caplog.messages == ["invocation 6f1f6ea4 has 1500 ms left"]
    assert capsys.readouterr().out == "stdout is the log, too\n"


def test_what_the_host_does_can_be_stood_in_for() -> None:
    """Outside of a sandbox there is no host: a test brings what the handler asks of it."""
    kept: dict[str, Any] = {}
    host = mock.Mock(kv=mock.Mock(get=kept.get, set=kept.__setitem__))
    module = ModuleType("visits")
    with mock.patch.dict(sys.modules, {"wasmfaas": host}):
        exec(VISITS, module.__dict__)
        assert [module.lambda_handler({}, None) for _ in range(3)] == [1, 2, 3]
