"""Redis Streams, as sources. AWS has none such: the ARN is `arn:aws:wasmfaas-redis:…:STREAM`.

Every mapping has a consumer group of its own in its stream. An entry that was received is pending
in it until it is acknowledged; what is pending is read again whenever a connection begins anew, so
neither a server that was killed, of ours or of Redis, nor a lost answer loses an entry.
"""

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from wasmfaas.sources.endpoints import Endpoints
from wasmfaas.sources.source import Message, Source, SourceFailed, SourceMapping

SCHEMES: Final = frozenset(("redis", "rediss", "unix"))
ENDPOINT: Final = "redis"
#: The one consumer of the group: a mapping is polled by one server at a time.
CONSUMER: Final = "wasmfaas"
#: Entries read at a time.
_ENTRIES_MAX: Final = 1000
_CLAIMED_MAX: Final = 10
#: Seconds that one read waits at the most, and an answer beyond that.
_BLOCK_S_MAX: Final = 5.0
_ANSWER_S_MAX: Final = 10.0
#: An entry pending at another consumer for so long is taken over.
_DEAD_AFTER_S: Final = 60.0
_BEGINNING: Final = b"0"
#: Ids of Redis's own begin with Unix time; others may begin with any number.
_MS_LEAST, _MS_MOST = 1_000_000_000_000, 253_402_300_799_999


async def open_source(endpoints: Endpoints, mapping: SourceMapping) -> Source:
    """The stream of *mapping*. Raises SourceFailed."""
    endpoint = endpoints.of(mapping, ENDPOINT, SCHEMES)
    try:
        client = Redis.from_url(
            endpoint.url,
            protocol=2,
            client_name="wasmfaas",
            socket_connect_timeout=_ANSWER_S_MAX,
            socket_timeout=_BLOCK_S_MAX + _ANSWER_S_MAX,
            # A read that is sent twice would leave what the first found behind.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise SourceFailed(f"The URL of the endpoint {endpoint.name!r} is not Redis's") from None
    return RedisStream(client, mapping, endpoint.name)


class RedisStream:
    """One stream, read for one mapping: one partition.

    *dead_after_s* is how long an entry stays with another consumer of the group. *clock* gives
    seconds, and never runs back.
    """

    ordered = True
    hold_s: float | None = None

    def __init__(
        self,
        client: Redis,
        mapping: SourceMapping,
        endpoint: str,
        *,
        dead_after_s: float = _DEAD_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._mapping = mapping
        self._endpoint = endpoint
        self._dead_after_s = dead_after_s
        self._clock = clock
        self._stream = mapping.resource
        self._group = f"wasmfaas-{mapping.uuid}"
        #: Where the group begins, if there is none yet.
        self._begin = _beginning(mapping.configuration)
        #: Up to which entry what is pending was read; None when all of it was.
        self._pending: bytes | None = _BEGINNING
        self._is_ready = False
        self._looked_at = clock()
        #: Ids of what is in hand.
        self._held: set[str] = set()

    async def receive(self, limit: int, wait_s: float, busy: AbstractSet[str]) -> Sequence[Message]:
        if self._stream in busy:
            await asyncio.sleep(wait_s)
            return []
        async with self._failures():
            if not self._is_ready:
                await self._prepare()
            await self._take_over()
            limit = min(limit, _ENTRIES_MAX)
            entries = await self._read_pending(limit)
            if not entries:
                entries = await self._read(b">", limit, min(wait_s, _BLOCK_S_MAX))
            messages = [self._message(entry_id, fields) for entry_id, fields in entries]
        self._held.update(message.id for message in messages)
        return messages

    def event(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"Records": records}

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        async with self._failures():
            await self._acknowledge([message.receipt for message in messages])
        self._held.difference_update(message.id for message in messages)

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        """They are pending, and read again by whoever polls the mapping next."""

    async def extend(self, messages: Sequence[Message]) -> None:
        """What is pending stays so."""

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose()

    async def _prepare(self) -> None:
        """See to it that the group is there, and read what is pending anew."""
        try:
            await self._client.xgroup_create(
                self._stream, self._group, id=self._begin, mkstream=True
            )
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        # A group that disappears later went together with the stream, or what it knew of it.
        self._begin = _BEGINNING
        self._pending = _BEGINNING
        self._looked_at = self._clock() - self._dead_after_s
        self._is_ready = True

    async def _take_over(self) -> None:
        """Have what other consumers of the group left behind."""
        if self._held or self._clock() - self._looked_at < self._dead_after_s:
            return
        self._looked_at = self._clock()
        start = b"0-0"
        while True:
            start, claimed, *_ = await self._client.xautoclaim(
                self._stream, self._group, CONSUMER, int(self._dead_after_s * 1000), start,
                count=_CLAIMED_MAX,
            )  # fmt: skip
            if claimed:
                self._pending = _BEGINNING
            if start == b"0-0":
                return

    async def _read_pending(self, limit: int) -> list[tuple[bytes, Any]]:
        """What is pending, and not in hand."""
        while self._pending is not None:
            entries = await self._read(self._pending, limit, 0)
            self._pending = entries[-1][0] if entries else None
            # What was deleted from the stream has no fields any more.
            await self._acknowledge([entry_id for entry_id, fields in entries if not fields])
            fresh = [each for each in entries if each[1] and each[0].decode() not in self._held]
            if fresh:
                return fresh
        return []

    async def _read(self, after: bytes, limit: int, wait_s: float) -> list[tuple[bytes, Any]]:
        block = int(wait_s * 1000) or None  # To Redis, 0 is for ever.
        try:
            # Of one stream, as the second version of Redis's protocol has it.
            found: Any = await self._client.xreadgroup(
                self._group, CONSUMER, {self._stream: after}, count=limit, block=block
            )
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            self._is_ready = False
            return []
        return list(found[0][1]) if found else []

    async def _acknowledge(self, ids: Sequence[bytes]) -> None:
        if ids:
            await self._client.xack(self._stream, self._group, *ids)

    @contextlib.asynccontextmanager
    async def _failures(self) -> AsyncIterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            self._is_ready = False
            reason = f"{type(error).__name__}: {str(error)[:200]}"
            raise SourceFailed(
                f"The Redis stream {self._stream!r} at {self._endpoint!r}: {reason}"
            ) from None

    def _message(self, raw_id: bytes, fields: Mapping[bytes, bytes]) -> Message:
        entry_id = raw_id.decode()
        texts, binaries = _decoded(fields)
        record: dict[str, Any] = {
            "messageId": entry_id,
            "eventSource": "wasmfaas:redis",
            "eventSourceARN": self._mapping.arn,
            "awsRegion": self._mapping.arn.split(":")[3],
            "stream": self._stream,
            "fields": texts,
        }
        if binaries:
            record["binaryFields"] = binaries
        return Message(
            id=entry_id,
            record=record,
            partition=self._stream,
            sent_at_ms=_sent_at_ms(entry_id),
            receipt=raw_id,
        )


def _beginning(configuration: Mapping[str, Any]) -> bytes:
    """The id behind which a new group begins."""
    position = configuration.get("StartingPosition")
    if position == "LATEST":
        return b"$"
    if position == "AT_TIMESTAMP":
        milliseconds = int(float(configuration.get("StartingPositionTimestamp") or 0) * 1000)
        if milliseconds > 0:
            return b"%d-%d" % (milliseconds - 1, 2**64 - 1)
    return _BEGINNING


def _decoded(fields: Mapping[bytes, bytes]) -> tuple[dict[str, str], dict[str, str]]:
    """Fields that are UTF-8, and the others in base64."""
    texts: dict[str, str] = {}
    binaries: dict[str, str] = {}
    for raw_name, value in fields.items():
        name = raw_name.decode(errors="backslashreplace")
        try:
            texts[name] = value.decode()
        except UnicodeDecodeError:
            binaries[name] = base64.b64encode(value).decode()
    return texts, binaries


def _sent_at_ms(entry_id: str) -> int | None:
    milliseconds = int(entry_id.partition("-")[0])
    return milliseconds if _MS_LEAST <= milliseconds <= _MS_MOST else None
