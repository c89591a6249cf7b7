"""What handlers of SQS's operations take, and the names of queues in it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from wasmfaas.api.calls import Call, Reply
from wasmfaas.queue_errors import QueueAddressInvalid, QueueDoesNotExist

_URL: Final = re.compile(
    r"(?:https?://[^/?#\s]{1,300})?/(?P<account>\d{12})/(?P<name>[A-Za-z0-9_.-]{1,80})/?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCall(Call):
    """One request of one operation."""

    #: The id of the user who made it.
    sender_id: str


QueueHandler = Callable[[QueueCall], Awaitable[Reply]]


class QueueHandlers(Protocol):
    """A family of handlers, by the names of their operations."""

    def rows(self) -> Mapping[str, QueueHandler]: ...


@dataclass(frozen=True, slots=True)
class QueueUrls:
    """Reads and writes the URLs of queues. Lifetime: process."""

    scheme: str
    account_id: str

    def url(self, name: str, call: Call) -> str:
        """The URL of the queue *name* by which the client of *call* reaches it."""
        return f"{self.scheme}://{call.authority}/{self.account_id}/{name}"

    def named(self, call: Call) -> str:
        """The name of the queue of the parameter QueueUrl, whatever host stands in it.

        Raises QueueAddressInvalid for what is no such URL, QueueDoesNotExist for another account's.
        """
        text = call.parameters["QueueUrl"]
        found = _URL.fullmatch(text)
        if found is None:
            raise QueueAddressInvalid(
                f"The address {text[:200]} is not valid for this endpoint: it must be the URL of a "
                "queue, such as GetQueueUrl tells."
            )
        if found["account"] != self.account_id:
            raise QueueDoesNotExist
        return found["name"]
