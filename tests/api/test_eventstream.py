"""The event stream encoding, read back by botocore."""

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from wasmfaas.api import eventstream


@pytest.mark.parametrize("payload", [b"", b"a", bytes(range(256)) * 1000])
def test_botocore_reads_what_was_written(payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.event("PayloadChunk", "application/octet-stream", payload) * 2)
    messages = list(buffer)
    assert [message.payload for message in messages] == [payload] * 2
    assert messages[0].headers == {
        ":event-type": "PayloadChunk",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }


@pytest.mark.parametrize("at", [0, 20, -5, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    """So both checksums are of the right bytes."""
    data = bytearray(eventstream.event("InvokeComplete", "application/json", b'{"a": 1}'))
    data[at] ^= 1
    buffer = EventStreamBuffer()
    buffer.add_data(bytes(data))
    with pytest.raises(ChecksumMismatch):
        next(buffer)
