"""Messages of Kafka as functions get them: Lambda's record of one."""

import base64
import contextlib
from typing import Any, Final

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME
from confluent_kafka import Message as Received

from wasmfaas.sources.source import Message

#: Producers say when a message was made, and may say anything.
_MS_MOST: Final = 253_402_300_799_999
EVENT_SOURCE: Final = "SelfManagedKafka"
#: Kafka's names of them.
_TYPES: Final = {TIMESTAMP_CREATE_TIME: "CREATE_TIME", TIMESTAMP_LOG_APPEND_TIME: "LOG_APPEND_TIME"}


def partition_name(topic: str, partition: int) -> str:
    """As events, and answers of functions, call a partition."""
    return f"{topic}-{partition}"


def message_of(received: Received) -> Message:
    """From what was received, which is no error. A key or a value that is null is left out."""
    topic, partition, offset = received.topic(), received.partition(), received.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    kind, timestamp = received.timestamp()
    key, value = received.key(), received.value()
    record: dict[str, Any] = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "timestampType": _TYPES.get(kind, "NO_TIMESTAMP_TYPE"),
    }
    if key is not None:
        record["key"] = base64.b64encode(_bytes(key)).decode()
    if value is not None:
        record["value"] = base64.b64encode(_bytes(value)).decode()
    record["headers"] = _headers(received)
    name = partition_name(topic, partition)
    return Message(
        id=f"{name}@{offset}",
        identifier={"partition": name, "offset": offset},
        record=record,
        data={"value": None if value is None else _bytes(value)},
        partition=name,
        sent_at_ms=timestamp if kind in _TYPES and 0 <= timestamp <= _MS_MOST else None,
        receipt=(partition, offset),
    )


def _headers(received: Received) -> list[dict[str, list[int]]]:
    headers: Any = None
    with contextlib.suppress(UnicodeDecodeError):  # names that no client of Kafka's own makes
        headers = received.headers()
    # Java's bytes, which Lambda sends, go from -128 to 127.
    return [{name: memoryview(value or b"").cast("b").tolist()} for name, value in headers or ()]


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
