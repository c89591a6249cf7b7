"""Batches: what an event holds, and what the answer to it says."""

import json
from typing import Any

import pytest

from tests.triggers.mappings.world import MemoryQueue, message
from wasmfaas.sources.source import Message
from wasmfaas.triggers.mappings import batches


def failing(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, []),
        ({}, []),
        ({"statusCode": 200}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": None}, []),
        (failing("m1"), ["m1"]),
        (failing("m1", "m1", "m2"), ["m1", "m2"]),
        (failing("m1", "m9"), ["m0", "m1", "m2"]),
        (failing(""), ["m0", "m1", "m2"]),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, ["m0", "m1", "m2"]),
        ({"batchItemFailures": [{"itemIdentifier": 1}]}, ["m0", "m1", "m2"]),
        ({"batchItemFailures": [{"ItemIdentifier": "m1"}]}, ["m0", "m1", "m2"]),
        ({"batchItemFailures": ["m1"]}, ["m0", "m1", "m2"]),
        ({"batchItemFailures": "m1"}, ["m0", "m1", "m2"]),
        ([], ["m0", "m1", "m2"]),
        (7, ["m0", "m1", "m2"]),
        (b'"ok"', ["m0", "m1", "m2"]),
        (b"{", ["m0", "m1", "m2"]),
        (b"[" * 100_000, ["m0", "m1", "m2"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_answer_says_what_failed(answer: Any, failed: list[str]) -> None:
    text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    batch = [message(number) for number in range(3)]
    assert batches.failures(text, batch) == set(failed)


@pytest.mark.parametrize(
    ("identifier", "failed"),
    [
        ({"offset": 1, "partition": "t-0"}, ["1"]),
        ({"partition": "t-0", "offset": 9}, ["0", "1"]),
        ({"partition": "t-1", "offset": 1}, ["0", "1"]),
        ({"partition": "t-0", "offset": "1"}, ["0", "1"]),
        ({"partition": "t-0", "offset": True}, ["0", "1"]),
        ({"partition": "t-0", "offset": 1.0}, ["0", "1"]),
        ({"partition": "t-0"}, ["0", "1"]),
        ("1", ["0", "1"]),
    ],
)
def test_identifiers_that_are_more_than_a_text(identifier: Any, failed: list[str]) -> None:
    batch = [
        Message(id=str(number), identifier={"partition": "t-0", "offset": number}, record={})
        for number in range(2)
    ]
    answer = {"batchItemFailures": [{"itemIdentifier": identifier}]}
    assert batches.failures(json.dumps(answer).encode(), batch) == set(failed)


def test_an_event_holds_what_fits() -> None:
    queue = MemoryQueue()
    batch = [message(number, "x" * 100) for number in range(5)]
    whole = batches.cut(queue, batch, 10_000)
    assert whole is not None
    assert (len(whole.messages), whole.rest) == (5, [])
    size = len(whole.event)
    exact = batches.cut(queue, batch, size + 20)
    assert exact is not None
    assert len(exact.messages) == 5
    smaller = batches.cut(queue, batch, size - 1)
    assert smaller is not None
    assert [each.id for each in smaller.rest] == ["m4"]
    assert len(smaller.event) < size
    assert batches.cut(queue, batch, 100) is None


def test_text_that_is_none_in_utf8_is_told_all_the_same() -> None:
    cut = batches.cut(MemoryQueue(), [message(1, "\ud800 ä")], 1000)
    assert cut is not None
    assert json.loads(cut.event)["Records"][0]["body"] == "\ud800 ä"
