"""Messages: as they are sent, and as they are received."""

import base64
import hashlib
import json
import re
import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row

from wasmfaas.queue_errors import (
    MessageContentsInvalid,
    QueueParameterInvalid,
    QueueParameterMissing,
)

ATTRIBUTES_MAX: Final = 10
_ATTRIBUTE_CHARACTERS_MAX: Final = 256
_ATTRIBUTE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_RESERVED: Final = ("aws.", "amazon.")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
#: What XML 1.0 calls characters, and nothing else, can be in a message.
_FOREIGN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Ids of groups and for deduplication.
_ID: Final = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}", re.ASCII)
#: SequenceNumber has 20 digits.
_SEQUENCE_BASE: Final = 10**19


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """One message attribute. *value* is text, or bytes for the type Binary."""

    #: `String`, `Number` or `Binary`, and possibly a label behind a period.
    data_type: str
    value: str | bytes

    @property
    def content(self) -> bytes:
        return self.value if isinstance(self.value, bytes) else _bytes(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """One message as it is sent."""

    body: str
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)
    #: None: that of the queue.
    delay_s: int | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    #: X-Ray's, which is not part of the message.
    trace_header: str | None = None
    #: Who sent it: the id of a user.
    sender_id: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def size_bytes(self) -> int:
        """What counts for limits: the body, and names, types and values of attributes."""
        return len(_bytes(self.body)) + sum(
            len(_bytes(name)) + len(_bytes(each.data_type)) + len(each.content)
            for name, each in self.attributes.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the sender of a message is told."""

    message_id: str
    md5_of_body: str
    md5_of_attributes: str | None
    #: Of FIFO queues: 20 digits, greater with every message.
    sequence_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as it is received. Times are the database's, in Unix milliseconds."""

    id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, MessageAttribute]
    trace_header: str | None
    sender_id: str
    group_id: str | None
    deduplication_id: str | None
    sequence_number: str | None
    #: The ARN of the queue that it was dead-lettered from.
    source_arn: str | None
    #: How often it was received, this time included.
    receives: int
    sent_at_ms: int
    first_received_at_ms: int

    @property
    def md5_of_body(self) -> str:
        return md5_of(self.body)

    def system_attributes(self) -> dict[str, str]:
        """All attributes that SQS adds to a message, by name."""
        found = {
            "SenderId": self.sender_id,
            "SentTimestamp": str(self.sent_at_ms),
            "ApproximateReceiveCount": str(self.receives),
            "ApproximateFirstReceiveTimestamp": str(self.first_received_at_ms),
            "SequenceNumber": self.sequence_number,
            "MessageDeduplicationId": self.deduplication_id,
            "MessageGroupId": self.group_id,
            "AWSTraceHeader": self.trace_header,
            "DeadLetterQueueSourceArn": self.source_arn,
        }
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def of(
        cls,
        row: Row[Any],
        changes: Mapping[str, Any],
        *,
        handle: str,
        fifo: bool,
        arn: Callable[[str], str],
    ) -> "Received":
        """From a row of the table, and the *changes* that the receive made to it."""
        return cls(
            id=row.id,
            receipt_handle=handle,
            body=row.body,
            attributes=decoded(row.attributes),
            trace_header=row.trace_header,
            sender_id=row.sender_id,
            group_id=row.group_id,
            deduplication_id=row.deduplication_id,
            sequence_number=sequence_number(row.number) if fifo else None,
            source_arn=None if row.source_queue is None else arn(row.source_queue),
            receives=changes["receives"],
            sent_at_ms=row.sent_at_ms,
            first_received_at_ms=changes["first_received_at_ms"],
        )


def md5_of(body: str) -> str:
    """MD5OfBody."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, MessageAttribute]) -> str | None:
    """MD5OfMessageAttributes, as the SQS developer guide has it: of names in order, each with its
    type and value, all behind their length; text is marked 1 and bytes 2. None without any."""
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        each = attributes[name]
        for part in (name.encode(), each.data_type.encode()):
            digest.update(struct.pack("!I", len(part)) + part)
        mark = b"\x02" if isinstance(each.value, bytes) else b"\x01"
        digest.update(mark + struct.pack("!I", len(each.content)) + each.content)
    return digest.hexdigest()


def sequence_number(number: int) -> str:
    return str(_SEQUENCE_BASE + number)


def encoded(attributes: Mapping[str, MessageAttribute]) -> str | None:
    """*attributes* as they are stored."""
    if not attributes:
        return None
    return json.dumps(
        {
            name: [each.data_type, base64.b64encode(each.value).decode()]
            if isinstance(each.value, bytes)
            else [each.data_type, each.value]
            for name, each in attributes.items()
        }
    )


def decoded(stored: str | None) -> dict[str, MessageAttribute]:
    """What `encoded` made of them."""
    return {
        name: MessageAttribute(kind, base64.b64decode(value) if _is_binary(kind) else value)
        for name, (kind, value) in json.loads(stored or "{}").items()
    }


def check(message: NewMessage, bytes_max: int) -> None:
    """Raise QueueParameterInvalid, QueueParameterMissing or MessageContentsInvalid for what cannot
    be sent to any queue of this limit."""
    if not message.body:
        raise QueueParameterMissing.of("MessageBody")
    if len(message.attributes) > ATTRIBUTES_MAX:
        raise QueueParameterInvalid(
            f"Number of message attributes [{len(message.attributes)}] exceeds the allowed maximum "
            f"[{ATTRIBUTES_MAX}]."
        )
    if message.size_bytes > bytes_max:
        raise QueueParameterInvalid(
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{bytes_max} bytes."
        )
    if _FOREIGN.search(message.body):
        raise MessageContentsInvalid(
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
            "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        )
    for name, each in message.attributes.items():
        _check_attribute(name, each)
    for id_, name in (
        (message.group_id, "MessageGroupId"),
        (message.deduplication_id, "MessageDeduplicationId"),
    ):
        if id_ is not None and not _ID.fullmatch(id_):
            reason = (
                f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in "
                "length."
            )
            raise QueueParameterInvalid.of(id_, name, reason)


def _check_attribute(name: str, attribute: MessageAttribute) -> None:
    if not 0 < len(name) <= _ATTRIBUTE_CHARACTERS_MAX or not _ATTRIBUTE_NAME.fullmatch(name):
        raise QueueParameterInvalid(
            f"The message attribute name {name[:100]!a} is invalid: it must have from 1 to "
            f"{_ATTRIBUTE_CHARACTERS_MAX} of the characters A-Z, a-z, 0-9, underscore, hyphen and "
            "period."
        )
    if (
        name.lower().startswith(_RESERVED)
        or name.startswith(".")
        or name.endswith(".")
        or ".." in name
    ):
        raise QueueParameterInvalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These "
            "strings are reserved for internal use. Additionally, they cannot start or end with "
            "'.', or have two in succession."
        )
    kind = attribute.data_type.partition(".")[0]
    if kind not in ("String", "Number", "Binary") or (
        len(attribute.data_type) > _ATTRIBUTE_CHARACTERS_MAX
    ):
        raise QueueParameterInvalid(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String."
        )
    if not attribute.value:
        kind = "Binary" if _is_binary(kind) else "String"
        raise QueueParameterInvalid(
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        )
    if _is_binary(kind) != isinstance(attribute.value, bytes):
        raise QueueParameterInvalid(
            f"Message (user) attribute '{name}' has the type {kind}, but a value of another."
        )
    texts = (attribute.data_type, "" if isinstance(attribute.value, bytes) else attribute.value)
    if any(_FOREIGN.search(text) for text in texts):
        raise QueueParameterInvalid(
            f"Message (user) attribute '{name}' holds characters that it may not."
        )
    if kind == "Number" and not _NUMBER.fullmatch(texts[1].strip()):
        raise QueueParameterInvalid(
            f"Can't cast the value of message (user) attribute '{name}' to a number."
        )


def _is_binary(data_type: str) -> bool:
    return data_type.partition(".")[0] == "Binary"


def _bytes(text: str) -> bytes:
    """*text* in UTF-8; what is no text is refused elsewhere."""
    return text.encode("utf-8", "surrogatepass")
