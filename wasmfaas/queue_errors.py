"""Errors that only the built-in queue has: those of SQS, with its texts where they are known.

`code` is the shape that SQS's JSON protocol names; `query_code` is what the query protocol, and
all SDKs by way of the header x-amzn-query-error, call the same error.

WasmfaasError
└── QueueError
    ├── QueueDoesNotExist         400  AWS.SimpleQueueService.NonExistentQueue
    ├── QueueNameExists           400  QueueAlreadyExists
    ├── QueueAttributeNameInvalid 400  InvalidAttributeName
    ├── QueueAttributeValueInvalid 400 InvalidAttributeValue
    ├── QueueParameterInvalid     400  InvalidParameterValue
    ├── QueueParameterMissing     400  MissingParameter
    ├── QueueAddressInvalid       404  InvalidAddress
    ├── QueueOverLimit            403  OverLimit
    ├── QueueFull                 403  RequestThrottled
    ├── PurgeInProgress           403  AWS.SimpleQueueService.PurgeQueueInProgress
    ├── MessageContentsInvalid    400  InvalidMessageContents
    ├── MessageNotInflight        400  AWS.SimpleQueueService.MessageNotInflight
    ├── ReceiptHandleInvalid      404  ReceiptHandleIsInvalid
    ├── BatchEmpty                400  AWS.SimpleQueueService.EmptyBatchRequest
    ├── BatchTooManyEntries       400  AWS.SimpleQueueService.TooManyEntriesInBatchRequest
    ├── BatchIdsNotDistinct       400  AWS.SimpleQueueService.BatchEntryIdsNotDistinct
    ├── BatchIdInvalid            400  AWS.SimpleQueueService.InvalidBatchEntryId
    ├── BatchTooLong              400  AWS.SimpleQueueService.BatchRequestTooLong
    ├── QueueOperationUnsupported 400  AWS.SimpleQueueService.UnsupportedOperation
    └── MoveResourceNotFound      404  ResourceNotFoundException
"""

from typing import ClassVar, Final

from wasmfaas.errors import WasmfaasError

_PREFIX: Final = "AWS.SimpleQueueService."


class QueueError(WasmfaasError):
    """Base of the tree."""

    status = 400
    query_code: ClassVar[str] = "InternalError"


class QueueDoesNotExist(QueueError):
    """There is no such queue."""

    code = "QueueDoesNotExist"
    query_code = _PREFIX + "NonExistentQueue"

    def __init__(self) -> None:
        super().__init__("The specified queue does not exist.")


class QueueNameExists(QueueError):
    """There is a queue of this name with other attributes."""

    code = "QueueNameExists"
    query_code = "QueueAlreadyExists"


class QueueAttributeNameInvalid(QueueError):
    """A queue has no such attribute, or it cannot be set."""

    code = query_code = "InvalidAttributeName"


class QueueAttributeValueInvalid(QueueError):
    """An attribute of a queue cannot have this value."""

    code = query_code = "InvalidAttributeValue"


class QueueParameterInvalid(QueueError):
    """A parameter is not acceptable."""

    code = "InvalidParameterValueException"
    query_code = "InvalidParameterValue"

    @classmethod
    def of(cls, value: object, name: str, reason: str) -> "QueueParameterInvalid":
        """In SQS's form for a *value* of the parameter *name*."""
        return cls(f"Value {str(value)[:200]} for parameter {name} is invalid. Reason: {reason}")


class QueueParameterMissing(QueueError):
    """A parameter is needed here."""

    code = "MissingRequiredParameterException"
    query_code = "MissingParameter"

    @classmethod
    def of(cls, name: str) -> "QueueParameterMissing":
        """For the parameter *name*."""
        return cls(f"The request must contain the parameter {name}.")


class QueueAddressInvalid(QueueError):
    """What should be the URL of a queue is none of this server."""

    code = query_code = "InvalidAddress"
    status = 404


class QueueOverLimit(QueueError):
    """As many queues exist, or messages of a queue are in flight, as may."""

    code = query_code = "OverLimit"
    status = 403


class QueueFull(QueueError):
    """A queue has as many messages as it may; SDKs try again."""

    code = query_code = "RequestThrottled"
    status = 403


class PurgeInProgress(QueueError):
    """The queue was purged less than a minute ago."""

    code = "PurgeQueueInProgress"
    query_code = _PREFIX + "PurgeQueueInProgress"
    status = 403


class MessageContentsInvalid(QueueError):
    """A message holds characters that it may not."""

    code = query_code = "InvalidMessageContents"


class MessageNotInflight(QueueError):
    """The message is visible already."""

    code = "MessageNotInflight"
    query_code = _PREFIX + "MessageNotInflight"


class ReceiptHandleInvalid(QueueError):
    """The receipt handle is none of this queue."""

    code = query_code = "ReceiptHandleIsInvalid"
    status = 404


class BatchEmpty(QueueError):
    """A batch has no entry."""

    code = "EmptyBatchRequest"
    query_code = _PREFIX + code


class BatchTooManyEntries(QueueError):
    """A batch has more entries than it may."""

    code = "TooManyEntriesInBatchRequest"
    query_code = _PREFIX + code


class BatchIdsNotDistinct(QueueError):
    """Two entries of a batch have the same id."""

    code = "BatchEntryIdsNotDistinct"
    query_code = _PREFIX + code


class BatchIdInvalid(QueueError):
    """The id of an entry is none."""

    code = "InvalidBatchEntryId"
    query_code = _PREFIX + code


class BatchTooLong(QueueError):
    """The messages of a batch are larger together than they may be."""

    code = "BatchRequestTooLong"
    query_code = _PREFIX + code


class QueueOperationUnsupported(QueueError):
    """The operation is not for queues of this type."""

    code = "UnsupportedOperation"
    query_code = _PREFIX + code


class MoveResourceNotFound(QueueError):
    """A queue or a task that a move of messages is about does not exist."""

    code = query_code = "ResourceNotFoundException"
    status = 404
