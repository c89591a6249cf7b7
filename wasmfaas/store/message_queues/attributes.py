"""Attributes of queues: SQS's names, defaults and bounds."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.queue_errors import (
    QueueAttributeNameInvalid,
    QueueAttributeValueInvalid,
    QueueParameterInvalid,
)

FIFO_SUFFIX: Final = ".fifo"
NAME_CHARACTERS_MAX: Final = 80
#: The greatest size of a message, and of the messages of a batch together: 1 MiB.
MESSAGE_BYTES_MAX: Final = 1_048_576
VISIBILITY_S_MAX: Final = 43_200
DELAY_S_MAX: Final = 900
WAIT_S_MAX: Final = 20
#: Longer values are no policy that makes sense.
_VALUE_CHARACTERS_MAX: Final = 20_480
_SOURCES_MAX: Final = 10
_RECEIVES_MAX: Final = 1000

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,10}", re.ASCII)

#: Least, greatest and default value of those that are numbers.
_NUMBERS: Final = {
    "DelaySeconds": (0, DELAY_S_MAX, 0),
    "MaximumMessageSize": (1024, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, WAIT_S_MAX, 0),
    "VisibilityTimeout": (0, VISIBILITY_S_MAX, 30),
}
_KMS_REUSE_S: Final = (60, 86_400)
#: Values and default of those that are words.
_WORDS: Final = {"SqsManagedSseEnabled": (("true", "false"), "true")}
_FIFO_WORDS: Final = {
    "ContentBasedDeduplication": (("true", "false"), "false"),
    "DeduplicationScope": (("queue", "messageGroup"), "queue"),
    "FifoThroughputLimit": (("perQueue", "perMessageGroupId"), "perQueue"),
}
_POLICIES: Final = ("Policy", "RedrivePolicy", "RedriveAllowPolicy")
_ABSENT: Final = ("", "{}")

#: Told of a queue, and not set.
COMPUTED: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
#: All that can be asked for.
NAMES: Final = frozenset(
    (
        *COMPUTED, *_NUMBERS, *_WORDS, *_FIFO_WORDS, *_POLICIES, "All", "FifoQueue",
        "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RedrivePolicy:
    """Where messages go that were received so often."""

    dead_letter_queue: str
    receives_max: int


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """What was set of a queue of the ARN prefix *arns*."""

    set: Mapping[str, str]
    arns: str

    def number(self, name: str) -> int:
        """The value of a number, or its default."""
        return int(self.set.get(name, _NUMBERS[name][2]))

    @property
    def retention_ms(self) -> int:
        return self.number("MessageRetentionPeriod") * 1000

    @property
    def is_fifo(self) -> bool:
        return "FifoQueue" in self.set

    @property
    def deduplicates_contents(self) -> bool:
        return self.set.get("ContentBasedDeduplication") == "true"

    @property
    def deduplicates_groups(self) -> bool:
        return self.set.get("DeduplicationScope") == "messageGroup"

    @property
    def redrive(self) -> RedrivePolicy | None:
        text = self.set.get("RedrivePolicy")
        if text is None:
            return None
        policy = json.loads(text)
        return RedrivePolicy(
            dead_letter_queue=policy["deadLetterTargetArn"].removeprefix(self.arns),
            receives_max=int(policy["maxReceiveCount"]),
        )

    def admits_source(self, name: str) -> bool:
        """Whether the redrive allow policy lets the queue *name* use this as dead-letter queue."""
        policy = json.loads(self.set.get("RedriveAllowPolicy", "{}"))
        permission = policy.get("redrivePermission", "allowAll")
        if permission == "byQueue":
            return self.arns + name in policy["sourceQueueArns"]
        return bool(permission == "allowAll")

    def shown(self) -> dict[str, str]:
        """All that has a value, set or default."""
        shown = {name: str(default) for name, (_, _, default) in _NUMBERS.items()}
        shown |= {name: default for name, (_, default) in _WORDS.items()}
        if self.is_fifo:
            shown |= {name: default for name, (_, default) in _FIFO_WORDS.items()}
        return shown | dict(self.set)


def check_name(name: str, *, fifo: bool) -> None:
    """Raise QueueParameterInvalid for what cannot be the name of a queue of this type."""
    if fifo and not name.endswith(FIFO_SUFFIX):
        raise QueueParameterInvalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
            "underscores, must end with .fifo suffix and be 1 to 80 in length."
        )
    plain = name.removesuffix(FIFO_SUFFIX) if fifo else name
    if not _NAME.fullmatch(plain) or len(name) > NAME_CHARACTERS_MAX:
        raise QueueParameterInvalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def checked(given: Mapping[str, str], arns: str, *, fifo: bool) -> dict[str, str]:
    """*given* as it is stored, for a queue of this type; an empty value unsets a policy.

    Raises QueueAttributeNameInvalid, QueueAttributeValueInvalid and QueueParameterInvalid.
    """
    return {name: _checked(name, text, arns, fifo) for name, text in given.items()}


def merged(current: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """*current* with *changes*, which are checked; raises QueueAttributeNameInvalid and
    QueueAttributeValueInvalid where they do not go together."""
    if changes.get("KmsMasterKeyId") and changes.get("SqsManagedSseEnabled") == "true":
        raise QueueAttributeNameInvalid(
            "You can use one type of server-side encryption (SSE) at one time. You can either "
            "enable KMS SSE or SQS SSE."
        )
    result = {name: text for name, text in {**current, **changes}.items() if text != ""}
    if changes.get("KmsMasterKeyId"):
        result["SqsManagedSseEnabled"] = "false"
    if (
        result.get("FifoThroughputLimit") == "perMessageGroupId"
        and result.get("DeduplicationScope") != "messageGroup"
    ):
        raise QueueAttributeValueInvalid(
            "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId needs "
            "the DeduplicationScope messageGroup."
        )
    return result


def _checked(name: str, text: str, arns: str, fifo: bool) -> str:
    if len(text) > _VALUE_CHARACTERS_MAX:
        raise _invalid(name, f"It has {len(text)} characters, at most {_VALUE_CHARACTERS_MAX}.")
    if name in _NUMBERS:
        least, greatest, _ = _NUMBERS[name]
        return _number(name, text, least, greatest)
    if name in _POLICIES:
        return _policy(name, text, arns)
    if name in _WORDS or (fifo and name in _FIFO_WORDS):
        words = (_WORDS | _FIFO_WORDS)[name][0]
        value = text.lower() if "true" in words else text
        if value not in words:
            raise _invalid(name, f"Must be {' or '.join(words)}.")
        return value
    if name == "FifoQueue" and fifo:
        if text.lower() != "true":
            raise _invalid(name, "Modifying queue type is not supported.")
        return "true"
    if name in ("DeduplicationScope", "FifoThroughputLimit"):
        raise QueueAttributeNameInvalid(
            f"You can specify the {name} only when FifoQueue is set to true."
        )
    if name == "KmsMasterKeyId":
        return text
    if name == "KmsDataKeyReusePeriodSeconds":
        return _number(name, text, *_KMS_REUSE_S)
    raise QueueAttributeNameInvalid(f"Unknown Attribute {name[:100]}.")


def _number(name: str, text: str, least: int, greatest: int) -> str:
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= greatest:
        raise _invalid(name, f"Must be an integer from {least} to {greatest}.")
    return str(int(text))


def _policy(name: str, text: str, arns: str) -> str:
    if text.strip() in _ABSENT:
        return ""
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        policy = None
    if not isinstance(policy, dict):
        if name == "RedrivePolicy":
            raise _refused(name, text, "Redrive policy is not a valid JSON map.")
        raise _invalid(name, "It is not a JSON object.")
    if name == "RedrivePolicy":
        return _redrive_policy(text, policy, arns)
    if name == "RedriveAllowPolicy":
        return _allow_policy(text, policy)
    return text


def _redrive_policy(text: str, policy: Mapping[str, Any], arns: str) -> str:
    name = "RedrivePolicy"
    for member in ("deadLetterTargetArn", "maxReceiveCount"):
        if member not in policy:
            reason = f"Redrive policy does not contain mandatory attribute: {member}."
            raise _refused(name, text, reason)
    unknown = sorted(set(policy) - {"deadLetterTargetArn", "maxReceiveCount"})
    if unknown:
        reason = f"Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]. ({unknown[0][:100]})"  # noqa: E501
        raise _refused(name, text, reason)
    target, receives = policy["deadLetterTargetArn"], str(policy["maxReceiveCount"])
    if not isinstance(target, str) or not target.startswith(arns):
        raise _refused(name, text, "Invalid value for deadLetterTargetArn.")
    if not _NUMBER.fullmatch(receives) or not 1 <= int(receives) <= _RECEIVES_MAX:
        reason = (
            f"Invalid value for maxReceiveCount: {receives[:20]}, valid values are from 1 to "
            f"{_RECEIVES_MAX} both inclusive."
        )
        raise _refused(name, text, reason)
    return text


def _allow_policy(text: str, policy: Mapping[str, Any]) -> str:
    name = "RedriveAllowPolicy"
    permission, sources = policy.get("redrivePermission", "allowAll"), policy.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue") or set(policy) - {
        "redrivePermission",
        "sourceQueueArns",
    }:
        reason = "redrivePermission must be allowAll, denyAll or byQueue."
        raise _refused(name, text, reason)
    given = isinstance(sources, list) and all(isinstance(source, str) for source in sources)
    if permission == "byQueue" and not (given and 1 <= len(sources or ()) <= _SOURCES_MAX):
        reason = f"byQueue needs 1 to {_SOURCES_MAX} ARNs of queues as sourceQueueArns."
        raise _refused(name, text, reason)
    if permission != "byQueue" and sources is not None:
        raise _refused(name, text, "sourceQueueArns are for the redrivePermission byQueue.")
    return text


def _invalid(name: str, reason: str) -> QueueAttributeValueInvalid:
    return QueueAttributeValueInvalid(f"Invalid value for the parameter {name}. Reason: {reason}")


def _refused(name: str, text: str, reason: str) -> QueueParameterInvalid:
    return QueueParameterInvalid.of(text, name, reason)
