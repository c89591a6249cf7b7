"""Where a consumer group is in its topic: which offset of each partition comes next.

Only the group's offsets are used; it has no members. Through the client's administrative calls,
which, unlike those of a consumer, give up after a while.
"""

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from wasmfaas.sources.kafka_reader import text_of
from wasmfaas.sources.source import SourceFailed

BEGINNING: Final = OFFSET_BEGINNING
_ANSWER_S_MAX: Final = 10.0
_GROUP_IN_USE: Final = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP)


class GroupOffsets:
    """The offsets of one group in one topic. Lives as long as the mapping is polled. Every method
    raises SourceFailed; *place* is the topic for people."""

    def __init__(
        self, configuration: Mapping[str, Any], group: str, topic: str, place: str
    ) -> None:
        self._group = group
        self._topic = topic
        self._place = place
        try:
            self._client = AdminClient(dict(configuration))
        except KafkaException as error:
            raise SourceFailed(f"{place}: {text_of(error)}") from None

    async def committed(self, partitions: Collection[int]) -> dict[int, int]:
        """Offsets that are committed, of those of *partitions* that have one."""
        asked = [TopicPartition(self._topic, number) for number in partitions]
        request = ConsumerGroupTopicPartitions(self._group, asked)
        answers = self._client.list_consumer_group_offsets([request], request_timeout=_ANSWER_S_MAX)
        found = self._checked(await self._answer(answers[self._group]))
        return {each.partition: each.offset for each in found if each.offset >= 0}

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Have it known that all before *offsets*, other than BEGINNING, is done with."""
        given = [
            TopicPartition(self._topic, number, each)
            for number, each in offsets.items()
            if each != BEGINNING
        ]
        if not given:
            return
        request = ConsumerGroupTopicPartitions(self._group, given)
        answers = self._client.alter_consumer_group_offsets(
            [request], request_timeout=_ANSWER_S_MAX
        )
        self._checked(await self._answer(answers[self._group]))

    async def first(
        self, partitions: Collection[int], configuration: Mapping[str, Any]
    ) -> dict[int, int]:
        """Where *configuration*, of a mapping, begins in *partitions*; BEGINNING is wherever that
        is when it is read."""
        position = configuration.get("StartingPosition")
        if position == "LATEST":
            return await self._listed(partitions, OffsetSpec.latest())
        if position != "AT_TIMESTAMP":
            return dict.fromkeys(partitions, BEGINNING)
        milliseconds = int(float(configuration.get("StartingPositionTimestamp") or 0) * 1000)
        found = await self._listed(partitions, OffsetSpec.for_timestamp(milliseconds))
        # All there is may be older.
        late = [number for number, offset in found.items() if offset < 0]
        return found | (await self._listed(late, OffsetSpec.latest()) if late else {})

    async def _listed(self, partitions: Collection[int], spec: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(self._topic, number): spec for number in partitions}
        answers = self._client.list_offsets(asked, request_timeout=_ANSWER_S_MAX)
        return {
            place.partition: (await self._answer(answer)).offset
            for place, answer in answers.items()
        }

    async def _answer(self, future: "Future[Any]") -> Any:
        try:
            # The client answers whether anybody waits for it or not.
            return await asyncio.shield(asyncio.wrap_future(future))
        except KafkaException as error:
            raise self._failed(error) from None

    def _checked(self, answer: ConsumerGroupTopicPartitions) -> list[TopicPartition]:
        found = answer.topic_partitions or []
        for each in found:
            if each.error is not None:
                raise self._failed(KafkaException(each.error))
        return found

    def _failed(self, error: KafkaException) -> SourceFailed:
        reason, code = text_of(error), error.args[0].code()
        if code in _GROUP_IN_USE:
            reason = f"the consumer group {self._group!r} has members: it has to be another one"
        return SourceFailed(f"{self._place}: {reason}")
