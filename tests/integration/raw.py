"""HTTP as bytes: what no client library would send, and what really comes back."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.conftest import Server

ANSWER_S_MAX = 120


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=ANSWER_S_MAX)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Send *data*, or as much of it as the server takes before it closes the connection."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def continues(self) -> bool:
        """Whether the next thing that comes asks for the body."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._receive():
                return False
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head.startswith(b"HTTP/1.1 100 ")

    def answer(self, *, is_head: bool = False) -> Answer | None:
        """The next response; None where the server closes the connection instead. Raises
        ConnectionError where it does so within the response."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not self._receive():
                if self._buffer:
                    raise ConnectionError(f"half a response: {self._buffer!r}")
                return None
        head, self._buffer = self._buffer[:end].decode("latin-1"), self._buffer[end + 4 :]
        start, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, value in
                   (line.split(":", 1) for line in lines)}  # fmt: skip
        status = int(start.split()[1])
        if status == 100:
            return self.answer(is_head=is_head)
        length = 0 if is_head or status in (204, 304) else int(headers["content-length"])
        while len(self._buffer) < length:
            if not self._receive():
                raise ConnectionError(f"half a body: {self._buffer!r}")
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(status, headers, body)

    def ended(self) -> bool:
        """Whether the server closes the connection without another word. Waits for it."""
        while self._receive():
            pass
        return not self._buffer

    def is_quiet(self) -> bool:
        """Whether the server has neither said anything nor closed the connection."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self._socket.settimeout(ANSWER_S_MAX)
        return False

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bool:
        with contextlib.suppress(ConnectionResetError):
            data = self._socket.recv(65536)
            self._buffer += data
            return bool(data)
        return False


@contextlib.contextmanager
def connected(url: str) -> Iterator[Client]:
    client = Client(url)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def all_connected(url: str, count: int) -> Iterator[list[Client]]:
    """As many clients, all connected at once."""
    with contextlib.ExitStack() as clients:
        yield [clients.enter_context(connected(url)) for _ in range(count)]


def exchange(url: str, data: bytes) -> Answer:
    """The response to *data*, sent on a connection of its own."""
    with connected(url) as client:
        client.send(data)
        answer = client.answer()
        assert answer is not None, "the connection was closed without an answer"
        return answer


def request(
    method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """A well-formed request."""
    fields = {"Host": "127.0.0.1", **(headers or {})}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + (body or b"")


def signed_request(
    server: Server, method: str, target: str, body: bytes | None = None, **headers: str
) -> bytes:
    """The same, signed with the server's admin key."""
    named = {"Host": "127.0.0.1", **headers}
    signed = server.signer.headers(method, target.encode(), named, body or b"")
    return request(method, target, body, headers | signed)


def signed_head(server: Server, target: str) -> bytes:
    """The beginning of a POST, up to the headers that are about its body. The body that is signed
    is an empty one, so the server refuses any other once it has it all."""
    return signed_request(server, "POST", target).removesuffix(b"\r\n")


def invoke_request(server: Server, function: str, event: bytes) -> bytes:
    """A call of *function* through the API."""
    return signed_request(server, "POST", f"/2015-03-31/functions/{function}/invocations", event)


def until(condition: Any, what: str, within_s: float = 120) -> Any:
    """The first true value of *condition*, asked again and again."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.01)
    return value
