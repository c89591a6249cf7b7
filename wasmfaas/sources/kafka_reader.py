"""Reading partitions of a topic: Kafka's client library, which waits, and so has a thread.

Nobody else takes part: partitions are assigned, not balanced within a group.
"""

from collections import deque
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Received

from wasmfaas.sources.kafka_records import message_of
from wasmfaas.sources.source import Message, SourceFailed

_ANSWER_S_MAX: Final = 5.0
#: Messages taken from the client at a time.
_TAKEN_MAX: Final = 500
#: What is held for partitions that are busy, or wait for their turn: of one, and of all.
_PARTITION_BYTES_MAX: Final = 1024 * 1024
_BYTES_MAX: Final = 16 * 1024 * 1024
#: Beside what a message carries.
_MESSAGE_BYTES: Final = 256
#: What a broker may send at once: more than is asked for, where a single message is larger.
RESPONSE_BYTES_MAX: Final = 64 * 1024 * 1024
_ASKED_BYTES_MAX: Final = 16 * 1024 * 1024
_CONFIGURATION: Final[Mapping[str, Any]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "allow.auto.create.topics": False,
    # What was to come next is gone, or the topic was made anew: on with what there is.
    "auto.offset.reset": "earliest",
    "queued.max.messages.kbytes": 16 * 1024,
    "reconnect.backoff.max.ms": 2000,
}


class Reader:
    """Reads one topic. Every method may wait for the network; they are called one at a time.

    *place* is the topic for people.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        topic: str,
        place: str,
        *,
        response_bytes_max: int = RESPONSE_BYTES_MAX,
    ) -> None:
        self._topic = topic
        self._place = place
        #: Whether something was heard of the brokers that may mean that they are gone.
        self.is_in_doubt = False
        self._heard = ""
        self._failure: str | None = None
        #: Received, by partition, each with its size in bytes.
        self._held: dict[int, deque[tuple[Message, int]]] = {}
        self._sizes: dict[int, int] = {}
        self._paused: set[int] = set()
        self._response_bytes_max = response_bytes_max
        asked = min(_ASKED_BYTES_MAX, response_bytes_max // 2)
        given = {
            **configuration,
            **_CONFIGURATION,
            "fetch.max.bytes": asked,
            "message.max.bytes": asked,
            "receive.message.max.bytes": response_bytes_max,
            "error_cb": self._hear,
        }
        try:
            self._consumer = Consumer(given)
        except KafkaException as error:
            raise SourceFailed(f"{place}: {text_of(error)}") from None

    def partitions(self) -> frozenset[int]:
        """Those that there are. Raises SourceFailed where no broker answers."""
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=_ANSWER_S_MAX)
        except KafkaException as error:
            self._fetch(0)  # what was heard is told then
            raise self._failed(self._heard or text_of(error)) from None
        self.is_in_doubt, self._heard = False, ""
        found = metadata.topics[self._topic]
        if found.error is not None:
            raise self._failed(found.error.str())
        return frozenset(found.partitions)

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Begin with the partitions of *offsets*, each at the message of its offset."""
        self._consumer.incremental_assign(
            [TopicPartition(self._topic, number, offset) for number, offset in offsets.items()]
        )

    def unassign(self, partitions: Collection[int]) -> None:
        """Stop with *partitions*, which are no more."""
        self._consumer.incremental_unassign([TopicPartition(self._topic, n) for n in partitions])
        for number in partitions:
            self._held.pop(number, None)
            self._sizes.pop(number, None)
        self._paused.difference_update(partitions)

    def read(self, limit: int, wait_s: float, busy: AbstractSet[int]) -> list[Message]:
        """Up to *limit* messages of partitions other than *busy*; none after *wait_s* seconds, or
        earlier. Raises SourceFailed for a partition that cannot be read."""
        self._fetch(0 if self._has_some(busy) else wait_s)
        found = self._take(limit, busy)
        if not found and self._failure is not None:
            failure, self._failure = self._failure, None
            raise self._failed(failure)
        return found

    def close(self) -> None:
        """Let go of the brokers."""
        self._consumer.close()

    def _fetch(self, wait_s: float) -> None:
        """Hold what has come; the first of it is waited for."""
        received = self._consumer.poll(wait_s)
        if received is None:
            return
        self._hold(received)
        for each in self._consumer.consume(_TAKEN_MAX, 0):
            self._hold(each)
        total = sum(self._sizes.values())
        full = [
            number
            for number, size in self._sizes.items()
            if number not in self._paused
            and (size >= _PARTITION_BYTES_MAX or (size and total >= _BYTES_MAX))
        ]
        if full:
            self._paused.update(full)
            self._consumer.pause([TopicPartition(self._topic, number) for number in full])

    def _hold(self, received: Received) -> None:
        error = received.error()
        if error is not None:
            self._failure = error.str()
            return
        number = received.partition()
        assert number is not None
        size = sum(len(part or b"") for part in (received.key(), received.value()))
        self._held.setdefault(number, deque()).append((message_of(received), size + _MESSAGE_BYTES))
        self._sizes[number] = self._sizes.get(number, 0) + size + _MESSAGE_BYTES

    def _has_some(self, busy: AbstractSet[int]) -> bool:
        return any(held for number, held in self._held.items() if number not in busy)

    def _take(self, limit: int, busy: AbstractSet[int]) -> list[Message]:
        found: list[Message] = []
        for number in [each for each in self._held if each not in busy]:
            held = self._held[number]
            while held and len(found) < limit:
                message, size = held.popleft()
                self._sizes[number] -= size
                found.append(message)
            if not held and number in self._paused:
                self._paused.discard(number)
                self._consumer.resume([TopicPartition(self._topic, number)])
            if len(found) == limit:
                # The others are first the next time.
                self._held[number] = self._held.pop(number)
                break
        return found

    def _hear(self, error: KafkaError) -> None:
        self.is_in_doubt = True
        if error.code() == KafkaError._BAD_MSG:
            self._failure = (
                f"a broker sent what is none, or is larger than {self._response_bytes_max} bytes, "
                f"the most that is received at once: {error.str()}"
            )
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._heard = error.str()

    def _failed(self, reason: str) -> SourceFailed:
        return SourceFailed(f"{self._place}: {reason[:300]}")


def text_of(error: KafkaException) -> str:
    """*error* for people."""
    reason = error.args[0] if error.args else error
    return (reason.str() if isinstance(reason, KafkaError) else str(reason))[:300]
