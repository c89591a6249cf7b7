"""Brokers of Kafka's protocol in this process: the client library's own for tests. They keep what
they were sent, and can be taken down and up again.

Python's part of the library only makes brokers that nobody can take down.
"""

import ctypes
from pathlib import Path
from typing import Any, Final

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

_PRODUCER: Final = 0
_BROKER: Final = 1
_ANSWER_S_MAX: Final = 60.0
_ERROR_BYTES: Final = 512


def _library() -> Any:
    [path] = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka-*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class KafkaServer:
    """One broker, without replicas."""

    def __init__(self) -> None:
        self._library = _library()
        configuration = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        said = ctypes.create_string_buffer(_ERROR_BYTES)
        size = ctypes.c_size_t(_ERROR_BYTES)
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"0", said, size)
        handle = self._library.rd_kafka_new(_PRODUCER, configuration, said, size)
        self._handle = ctypes.c_void_p(handle)
        cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        self._cluster = ctypes.c_void_p(cluster)
        self.address: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self._names = 0

    def topic(self, partitions: int = 1) -> str:
        """The name of a new topic."""
        self._names += 1
        name = f"topic{self._names}"
        self.make(name, partitions)
        return name

    def make(self, name: str, partitions: int = 1) -> None:
        assert not self._library.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, 1
        )

    def delete(self, name: str) -> None:
        assert not self._library.rd_kafka_mock_topic_delete(self._cluster, name.encode())

    def forget(self, name: str, before: int) -> None:
        """Delete messages of the first partition, as brokers do when their time is over."""
        assert not self._library.rd_kafka_mock_partition_delete_records(
            self._cluster, name.encode(), 0, ctypes.c_int64(before)
        )

    def refuse(self, request: int, error: int) -> None:
        """Answer the next of these requests, by Kafka's number of it, with *error*."""
        self._library.rd_kafka_mock_push_request_errors(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(1), ctypes.c_int(error)
        )

    def send(self, topic: str, *values: Any, partition: int = 0, **others: Any) -> None:
        # One that was there before may not know the topic as it is now.
        producer = Producer({"bootstrap.servers": self.address, "log_level": 0})
        for value in values:
            producer.produce(topic, value, partition=partition, **others)
        assert producer.flush(_ANSWER_S_MAX) == 0

    def committed(self, group: str, topic: str, partition: int = 0) -> int:
        """The offset of *group*; below 0 where it has none."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        try:
            asked = [TopicPartition(topic, partition)]
            return int(consumer.committed(asked, timeout=_ANSWER_S_MAX)[0].offset)
        finally:
            consumer.close()

    def down(self) -> None:
        """Neither answer nor take connections."""
        assert not self._library.rd_kafka_mock_broker_set_down(self._cluster, _BROKER)

    def up(self) -> None:
        assert not self._library.rd_kafka_mock_broker_set_up(self._cluster, _BROKER)

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)
