"""A load generator, in a process of its own: prepared bytes on connections that stay open.

One thread and epoll; it parses no more of a response than where it ends. The same for all that is
measured: what it costs, it costs everybody.
"""

import select
import socket
import time
from typing import Any

from bench.child import answer_lines

_RECEIVE_BYTES = 64 * 1024
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_LAST_CHUNK = b"0\r\n\r\n"
_SILENCE_S_MAX = 120.0


class Caller:
    """One connection, on which requests follow one another."""

    def __init__(self, host: str, port: int, request: bytes, expected: bytes) -> None:
        self.socket = socket.create_connection((host, port), _SILENCE_S_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._request = request
        self._expected = expected
        self._received = b""
        self.sent_ns = 0

    def send(self) -> None:
        self._received = b""
        self.sent_ns = time.perf_counter_ns()
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Read what is there; whether the response is complete. Raises RuntimeError for one that
        is not the expected one."""
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise RuntimeError("the server closed a connection")
        received = self._received + data if self._received else data
        if not _is_complete(received):
            self._received = received
            return False
        if received[9:12] != b"200" or self._expected not in received:
            raise RuntimeError(f"unexpected answer: {received[:300]!r}")
        return True


def _is_complete(received: bytes) -> bool:
    end = received.find(_HEAD_END)
    if end < 0:
        return False
    head = received[:end].lower()
    start = head.find(_LENGTH)
    if start < 0:
        return received.endswith(_LAST_CHUNK)
    stop = head.find(b"\r", start)
    size = int(head[start + len(_LENGTH) : None if stop < 0 else stop])
    return len(received) >= end + len(_HEAD_END) + size


def call(message: dict[str, Any]) -> dict[str, Any]:
    """Call for `seconds`, after `warm_seconds` that do not count, and until one call has come to
    its end: the latencies, and how long."""
    request, expected = message["request"].encode(), message["expected"].encode()
    callers = {}
    poll = select.epoll()
    for _ in range(message["connections"]):
        caller = Caller(message["host"], message["port"], request, expected)
        callers[caller.socket.fileno()] = caller
        poll.register(caller.socket, select.EPOLLIN)
    try:
        return _called(message, callers, poll)
    finally:
        poll.close()
        for caller in callers.values():
            caller.socket.close()


def _called(
    message: dict[str, Any], callers: dict[int, Caller], poll: select.epoll
) -> dict[str, Any]:
    latencies: list[int] = []
    for caller in callers.values():
        caller.send()
    counted_ns = time.perf_counter_ns() + int(message["warm_seconds"] * 1e9)
    end_ns = counted_ns + int(message["seconds"] * 1e9)
    now_ns = 0
    while now_ns < end_ns or not latencies:
        ready = poll.poll(_SILENCE_S_MAX)
        if not ready:
            raise RuntimeError(f"no answer within {_SILENCE_S_MAX:.0f} s")
        for descriptor, _ in ready:
            caller = callers[descriptor]
            if caller.receive():
                now_ns = time.perf_counter_ns()
                if counted_ns <= now_ns and (now_ns < end_ns or not latencies):
                    latencies.append(now_ns - caller.sent_ns)
                caller.send()
    return {"latencies_ns": latencies, "seconds": message["seconds"]}


if __name__ == "__main__":
    answer_lines(call)
