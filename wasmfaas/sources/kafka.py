"""Topics of Kafka, as sources: Lambda's self-managed Kafka.

The mapping's consumer group has no members: the mapping is polled by one server at a time, which
reads all partitions, and commits, for each, what is done with.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from wasmfaas.sources.endpoints import Endpoints
from wasmfaas.sources.kafka_brokers import Brokers, Secrets
from wasmfaas.sources.kafka_offsets import GroupOffsets
from wasmfaas.sources.kafka_reader import Reader
from wasmfaas.sources.kafka_records import EVENT_SOURCE, partition_name
from wasmfaas.sources.source import Message, Source, SourceFailed, SourceMapping

#: So long the thread waits for messages before it looks up.
_SLICE_S: Final = 0.2
_LEAVE_S: Final = 1.0
#: How often it is looked for new partitions.
_LOOK_EVERY_S: Final = 60.0
#: Brokers forget a group that commits nothing, after a day (before Kafka 2.0) or a week.
_COMMIT_EVERY_S: Final = 3600.0
_CONFIGURATION: Final[Mapping[str, Any]] = {"client.id": "wasmfaas", "log_level": 0}

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def open_source(endpoints: Endpoints, mapping: SourceMapping, secrets: Secrets) -> Source:
    """The topic of *mapping*. Raises SourceFailed."""
    return KafkaTopic(await Brokers.of(endpoints, mapping, secrets), mapping)


class KafkaTopic:
    """One topic, read for one mapping. *clock* gives seconds, and never runs back."""

    ordered = True
    hold_s: float | None = None

    def __init__(
        self,
        brokers: Brokers,
        mapping: SourceMapping,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mapping = mapping
        self._clock = clock
        [self._topic] = mapping.configuration["Topics"]
        self._servers = ",".join(brokers.servers)
        group = mapping.configuration["SelfManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
        place = f"The Kafka topic {self._topic!r} at {self._servers[:200]}"
        configuration = {**_CONFIGURATION, **brokers.configuration}
        self._offsets = GroupOffsets(configuration, group, self._topic, place)
        self._reader = Reader({**configuration, "group.id": group}, self._topic, place)
        self._thread = ThreadPoolExecutor(1, "kafka")
        #: Of the partitions that are read: what comes next, as it is committed.
        self._committed: dict[int, int] = {}
        #: Where to begin, once that was found out.
        self._first: dict[int, int] = {}
        self._looked_at = self._committed_at = -_COMMIT_EVERY_S + clock()

    async def receive(self, limit: int, wait_s: float, busy: AbstractSet[str]) -> Sequence[Message]:
        ends_at = self._clock() + wait_s
        while True:
            await self._look()
            taken = {n for n in self._committed if partition_name(self._topic, n) in busy}
            left_s = max(min(ends_at - self._clock(), _SLICE_S), 0)
            found = await self._in_thread(self._reader.read, limit, left_s, taken)
            if found or self._clock() >= ends_at:
                return found

    def event(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        name = partition_name(records[0]["topic"], records[0]["partition"])
        return {
            "eventSource": EVENT_SOURCE,
            "bootstrapServers": self._servers,
            "records": {name: records},
        }

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        done = {partition: offset + 1 for partition, offset in (m.receipt for m in messages)}
        if done:
            await self._offsets.commit(done)
            self._committed |= done

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        """They are not committed, and read again by whoever polls the mapping next."""

    async def extend(self, messages: Sequence[Message]) -> None:
        """What is not committed stays so."""

    async def close(self) -> None:
        closing = self._thread.submit(self._reader.close)
        self._thread.shutdown(wait=False)
        await asyncio.wait([asyncio.wrap_future(closing)], timeout=_LEAVE_S)

    async def _look(self) -> None:
        """See to it that every partition is read, and that the group is not forgotten."""
        now = self._clock()
        if not self._reader.is_in_doubt and now - self._looked_at < _LOOK_EVERY_S:
            return
        there = await self._in_thread(self._reader.partitions)
        gone = self._committed.keys() - there
        if gone:
            await self._in_thread(self._reader.unassign, gone)
            self._committed = {n: each for n, each in self._committed.items() if n not in gone}
        new = there - self._committed.keys()
        if new:
            offsets = await self._beginning(new)
            await self._in_thread(self._reader.assign, offsets)
            self._committed |= offsets
        if now - self._committed_at >= _COMMIT_EVERY_S:
            await self._offsets.commit(self._committed)
            self._committed_at = now
        self._looked_at = now

    async def _beginning(self, partitions: AbstractSet[int]) -> dict[int, int]:
        """Where to begin with *partitions*: where the group is; or else, at their first message,
        or, of a group that is nowhere yet, where the mapping says."""
        offsets = await self._offsets.committed(partitions)
        unknown = partitions - offsets.keys() - self._first.keys()
        if unknown:
            is_new = not self._committed and not offsets and not self._first
            configuration = self._mapping.configuration if is_new else {}
            self._first |= await self._offsets.first(unknown, configuration)
        return {n: self._first[n] for n in partitions if n not in offsets} | offsets

    async def _in_thread(
        self,
        work: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        try:
            running = self._thread.submit(work, *arguments, **named)
        except RuntimeError:
            raise SourceFailed("The source is closed") from None
        return await asyncio.shield(asyncio.wrap_future(running))
