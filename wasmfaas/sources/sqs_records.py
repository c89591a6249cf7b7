"""Messages of queues as functions get them: Lambda's record of an SQS message."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.sources.source import Message

EVENT_SOURCE: Final = "aws:sqs"
#: Names in SQS's API and in the record.
_VALUES: Final = (
    ("StringValue", "stringValue"),
    ("BinaryValue", "binaryValue"),
)


def message_of(received: Mapping[str, Any], arn: str) -> Message:
    """From a member of ReceiveMessage's answer, as SQS's JSON protocol has it."""
    system = {name: str(value) for name, value in (received.get("Attributes") or {}).items()}
    body = str(received.get("Body", ""))
    record: dict[str, Any] = {
        "messageId": str(received.get("MessageId", "")),
        "receiptHandle": str(received.get("ReceiptHandle", "")),
        "body": body,
        "attributes": system,
        "messageAttributes": {
            name: _attribute(value)
            for name, value in (received.get("MessageAttributes") or {}).items()
        },
        "md5OfBody": str(received.get("MD5OfBody", "")),
        "eventSource": EVENT_SOURCE,
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
    if received.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = str(received["MD5OfMessageAttributes"])
    sent_at = system.get("SentTimestamp", "")
    return Message(
        id=record["messageId"],
        record=record,
        data={"body": body},
        sent_at_ms=int(sent_at) if sent_at.isdecimal() else None,
        receipt=record["receiptHandle"],
    )


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        ours: value[theirs] for theirs, ours in _VALUES if value.get(theirs) is not None
    }
    return shown | {
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": str(value.get("DataType", "")),
    }
