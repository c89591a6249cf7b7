"""What every call goes through."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capabilities.asking import Granted, caller
from wasmfaas.abi import CALL_ANSWER_BYTES_MAX
from wasmfaas.capabilities.board import Asked, Board, Operation
from wasmfaas.errors import StorageFull
from wasmfaas.invoke.job import Call


async def echo(asked: Asked) -> Mapping[str, Any]:
    return {"value": asked.request.data("value"), "text": asked.request.text("text", "")}


async def fail(asked: Asked) -> Mapping[str, Any]:
    raise StorageFull("The disk is full.")


async def burst(asked: Asked) -> Mapping[str, Any]:
    raise RuntimeError("secret")


async def swell(asked: Asked) -> Mapping[str, Any]:
    return {"value": b"x" * (CALL_ANSWER_BYTES_MAX + 1)}


ROWS = [Operation(each.__name__, each) for each in (echo, fail, burst, swell)]


def called(
    operation: str, request: bytes, form: str = "msgpack", number: int = 1
) -> tuple[bool, Any]:
    board = Board(Granted(), ROWS, calls_max=3)
    ok, answer = asyncio.run(board.answer(caller(), Call(operation, form, request), number))
    return ok, msgpack.unpackb(answer) if form == "msgpack" else answer


def test_bytes_in_both_forms() -> None:
    packed = msgpack.packb({"value": b"\xff", "text": "ä"})
    assert called("echo", packed) == (True, {"value": b"\xff", "text": "ä"})
    assert called("echo", msgpack.packb({"value": "ä"}))[1]["value"] == "ä".encode()
    ok, answer = called("echo", b'{"value": {"base64": "/w=="}, "text": null}', "json")
    assert (ok, answer) == (True, b'{"value": {"base64": "/w=="}, "text": ""}')
    assert called("echo", b'{"value": "\xc3\xa4"}', "json")[1] == (
        '{"value": "ä", "text": ""}'.encode()
    )


@pytest.mark.parametrize(
    ("form", "request_"),
    [
        ("json", b""), ("json", b"[]"), ("json", b"{"), ("json", b"\xff"), ("json", b'{"a": NaN}'),
        ("json", b"[" * 100_000), ("json", b'{"a":' * 100_000), ("json", b"null"),
        ("msgpack", b""), ("msgpack", b"\xc1"), ("msgpack", b"\x90"), ("msgpack", b"\x80\x80"),
        ("msgpack", b"\x81\xa1a"), ("msgpack", b"\xdf\xff\xff\xff\xff"),
        ("msgpack", b"\x81\x01\x01"),
        ("msgpack", b"\x81\xa1\xff\x01"), ("msgpack", b"\x91" * 100_000), ("msgpack", b"\xc6\x7f"),
        ("msgpack", b"\x81\xa1a\xc7\x01\x05a"), ("msgpack", b"\x81\xc4\x01a\x01"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_told_so(form: str, request_: bytes) -> None:
    ok, answer = called("echo", request_, form)
    assert not ok
    assert b"InvalidRequest" in (msgpack.packb(answer) if form == "msgpack" else answer)


@given(st.binary(max_size=100), st.sampled_from(["json", "msgpack"]))
def test_any_bytes_are_answered(request_: bytes, form: str) -> None:
    called("echo", request_, form)


def test_errors_are_told_and_failures_only_that_they_are() -> None:
    empty = msgpack.packb({})
    told = {"errorType": "Unavailable", "errorMessage": "The disk is full."}
    assert called("fail", empty) == (False, told)
    ok, answer = called("burst", empty)
    assert (ok, answer["errorType"]) == (False, "Unavailable")
    assert "secret" not in str(answer)
    ok, answer = called("swell", empty)
    assert (ok, answer["errorType"]) == (False, "LimitExceeded")
    assert called("nothing", empty)[1]["errorType"] == "NotFound"


def test_calls_of_an_invocation_are_counted() -> None:
    empty = msgpack.packb({})
    assert called("echo", empty, number=3)[0]
    ok, answer = called("echo", empty, number=4)
    assert (ok, answer["errorType"]) == (False, "LimitExceeded")
    assert "3 calls (--calls-per-invocation-max)" in answer["errorMessage"]
