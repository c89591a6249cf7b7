"""Handlers of SQS's operations on queues."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.api.calls import Reply
from wasmfaas.api.sqs.calls import QueueCall, QueueHandler, QueueUrls
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.queue_errors import (
    QueueAttributeNameInvalid,
    QueueDoesNotExist,
    QueueOperationUnsupported,
    QueueParameterInvalid,
)
from wasmfaas.store import paging
from wasmfaas.store.message_queues import attributes
from wasmfaas.store.message_queues.queues import MessageQueues

LISTED_MAX: Final = 1000


class QueueOperations:
    """Lifetime: process."""

    def __init__(self, queues: MessageQueues, urls: QueueUrls) -> None:
        self._queues = queues
        self._administration = queues.administration
        self._urls = urls

    def rows(self) -> Mapping[str, QueueHandler]:
        return {
            "AddPermission": self.refuse_permissions,
            "CreateQueue": self.create,
            "DeleteQueue": self.delete,
            "GetQueueAttributes": self.get_attributes,
            "GetQueueUrl": self.get_url,
            "ListDeadLetterSourceQueues": self.list_sources,
            "ListQueueTags": self.list_tags,
            "ListQueues": self.list_queues,
            "PurgeQueue": self.purge,
            "RemovePermission": self.refuse_permissions,
            "SetQueueAttributes": self.set_attributes,
            "TagQueue": self.tag,
            "UntagQueue": self.untag,
        }

    async def create(self, call: QueueCall) -> Reply:
        asked = call.parameters
        name = asked["QueueName"]
        await self._administration.create(name, asked.get("Attributes", {}), asked.get("tags", {}))
        return Reply({"QueueUrl": self._urls.url(name, call)})

    async def delete(self, call: QueueCall) -> Reply:
        name = self._urls.named(call)
        await self._administration.delete(name)
        self._queues.notify(name)
        return Reply()

    async def get_url(self, call: QueueCall) -> Reply:
        asked = call.parameters
        if asked.get("QueueOwnerAWSAccountId", self._urls.account_id) != self._urls.account_id:
            raise QueueDoesNotExist
        queue = await self._administration.get(asked["QueueName"])
        return Reply({"QueueUrl": self._urls.url(queue.name, call)})

    async def get_attributes(self, call: QueueCall) -> Reply:
        names = set(call.parameters.get("AttributeNames", ()))
        for name in sorted(names - attributes.NAMES):
            raise QueueAttributeNameInvalid(f"Unknown Attribute {name[:100]}.")
        queue, counts = await self._administration.described(self._urls.named(call))
        found = {
            "QueueArn": self._queues.arn(queue.name),
            "ApproximateNumberOfMessages": str(counts.visible),
            "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
            "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
            "CreatedTimestamp": str(queue.created_at_ms // 1000),
            "LastModifiedTimestamp": str(queue.modified_at_ms // 1000),
            **queue.attributes.shown(),
        }
        if "All" not in names:
            found = {name: value for name, value in found.items() if name in names}
        return Reply({"Attributes": found or None})

    async def set_attributes(self, call: QueueCall) -> Reply:
        name = self._urls.named(call)
        await self._administration.set_attributes(name, call.parameters["Attributes"])
        # Who waits may have less to wait for now.
        self._queues.notify(name)
        return Reply()

    async def list_queues(self, call: QueueCall) -> Reply:
        prefix = call.parameters.get("QueueNamePrefix", "")
        urls, token = await self._page(call, prefix=prefix)
        return Reply({"QueueUrls": urls or None, "NextToken": token})

    async def list_sources(self, call: QueueCall) -> Reply:
        name = (await self._administration.get(self._urls.named(call))).name
        urls, token = await self._page(call, dead_letters_to=name)
        return Reply({"queueUrls": urls, "NextToken": token})

    async def list_tags(self, call: QueueCall) -> Reply:
        queue = await self._administration.get(self._urls.named(call))
        return Reply({"Tags": queue.tags or None})

    async def tag(self, call: QueueCall) -> Reply:
        await self._administration.tag(self._urls.named(call), call.parameters["Tags"], ())
        return Reply()

    async def untag(self, call: QueueCall) -> Reply:
        await self._administration.tag(self._urls.named(call), {}, call.parameters["TagKeys"])
        return Reply()

    async def purge(self, call: QueueCall) -> Reply:
        await self._administration.purge(self._urls.named(call))
        return Reply()

    async def refuse_permissions(self, call: QueueCall) -> Reply:
        raise QueueOperationUnsupported(
            "Who may use a queue is decided by the role of the access key here, not by the policy "
            "of the queue."
        )

    async def _page(self, call: QueueCall, **which: Any) -> tuple[list[str], str | None]:
        asked = call.parameters
        limit = asked.get("MaxResults", LISTED_MAX)
        if not 1 <= limit <= LISTED_MAX:
            reason = f"MaxResults must be an integer between 1 and {LISTED_MAX}."
            raise QueueParameterInvalid.of(limit, "MaxResults", reason)
        token = asked.get("NextToken")
        try:
            after = "" if token is None else paging.last_of(token)
        except InvalidParameterValue:
            reason = "It is none of an earlier answer."
            raise QueueParameterInvalid.of(token, "NextToken", reason) from None
        names, more = await self._administration.page(after=after, limit=limit, **which)
        # As on SQS, who does not ask for pages gets one and no more.
        token = paging.marker(names[-1]) if more and "MaxResults" in asked else None
        return [self._urls.url(name, call) for name in names], token
