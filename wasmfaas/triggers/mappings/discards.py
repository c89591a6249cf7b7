"""What is told of messages of a stream that were given up: Lambda's record of them."""

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from wasmfaas.models import LATEST, Outcome
from wasmfaas.sources.source import Message
from wasmfaas.store.event_sources import EventSourceMapping

RETRIES_EXHAUSTED: Final = "RetryAttemptsExhausted"
AGE_EXCEEDED: Final = "RecordAgeExceeded"
TOO_LARGE: Final = "RecordTooLarge"


class Outlet(Protocol):
    """Where records of what was discarded are handed over, to be sent."""

    async def send(self, function_name: str, destination: str, record: bytes) -> None:
        """Have *record* sent to *destination*, an ARN or a URL; it is stored when this returns."""
        ...


class Discards:
    """Tells the destination of one mapping of discarded messages. Lives as long as the mapping is
    polled. *clock* gives Unix time in seconds."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        destination: str | None,
        outlet: Outlet,
        arn: Callable[[str, str | None], str],
        clock: Callable[[], float],
    ) -> None:
        self._mapping = mapping
        self._destination = destination
        self._outlet = outlet
        self._arn = arn
        self._clock = clock

    async def send(
        self, messages: Sequence[Message], condition: str, outcome: Outcome | None, attempts: int
    ) -> None:
        """Raises WasmfaasError where it cannot be stored."""
        if self._destination is None or not messages:
            return
        record = self._record(messages, condition, outcome, attempts)
        await self._outlet.send(
            self._mapping.function_name, self._destination, json.dumps(record).encode()
        )

    def _record(
        self, messages: Sequence[Message], condition: str, outcome: Outcome | None, attempts: int
    ) -> dict[str, Any]:
        mapping = self._mapping
        record: dict[str, Any] = {
            "requestContext": {
                "requestId": str(uuid.uuid4()) if outcome is None else outcome.request_id,
                "functionArn": self._arn(mapping.function_name, mapping.qualifier or LATEST),
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "version": "1.0",
            "timestamp": _moment(self._clock() * 1000),
        }
        if outcome is not None:
            record["responseContext"] = {
                "statusCode": 200,
                "executedVersion": outcome.executed_version,
                "functionError": None if outcome.error_type is None else "Unhandled",
            }
        if "SelfManagedEventSource" in mapping.configuration:
            return record | {"KafkaBatchInfo": self._kafka(messages)}
        return record | {"StreamBatchInfo": self._stream(messages)}

    def _stream(self, messages: Sequence[Message]) -> dict[str, Any]:
        first, last = messages[0], messages[-1]
        return {
            "shardId": first.partition,
            "startSequenceNumber": first.id,
            "endSequenceNumber": last.id,
            "approximateArrivalOfFirstRecord": _moment(first.sent_at_ms),
            "approximateArrivalOfLastRecord": _moment(last.sent_at_ms),
            "batchSize": len(messages),
            "streamArn": self._mapping.source,
        }

    def _kafka(self, messages: Sequence[Message]) -> dict[str, Any]:
        first, last = messages[0], messages[-1]
        return {
            "batchSize": len(messages),
            "bootstrapServers": self._mapping.source,
            "eventSourceArn": None,
            "payloadSize": sum(len(json.dumps(message.record)) for message in messages),
            "recordsInfo": {
                first.partition: {
                    "batchSize": len(messages),
                    "firstRecordOffset": str(first.record["offset"]),
                    "lastRecordOffset": str(last.record["offset"]),
                    "firstRecordTimestamp": _moment(first.sent_at_ms),
                    "lastRecordTimestamp": _moment(last.sent_at_ms),
                }
            },
        }


def _moment(unix_ms: float | None) -> str | None:
    if unix_ms is None:
        return None
    text = datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
