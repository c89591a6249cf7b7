"""An HTTP client that costs next to nothing: a blocking socket, kept open, and ready-made bytes."""

import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.failures import BenchFailure
from wasmfaas.auth.signer import Signer

_RECEIVE_BYTES = 256 * 1024
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. `head` is the status line and the headers, as received."""

    status: int
    head: bytes
    body: bytes
    #: From the first byte sent to the last one received.
    duration_ns: int

    def has_header(self, name: bytes) -> bool:
        """Whether there is a header called *name*, which is in lower case."""
        return b"\r\n" + name + b":" in self.head.lower()


class Connection:
    """One connection to a server; use it as a context manager. One request at a time."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        """Raises BenchFailure where nothing listens."""
        self._authority = f"{host}:{port}"
        self._address = host, port
        self._timeout_s = timeout_s
        self._socket = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def reopen(self) -> None:
        """Connect anew, as a server closes what has long been idle. Raises BenchFailure."""
        self._socket.close()
        self._socket = self._open()

    def _open(self) -> socket.socket:
        try:
            opened = socket.create_connection(self._address, self._timeout_s)
        except OSError as error:
            raise BenchFailure(f"Nothing answers at {self._authority}: {error}.") from None
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def request(
        self, method: str, path: str, body: bytes = b"", signer: Signer | None = None
    ) -> bytes:
        """A request to this server, ready to be sent any number of times; for minutes where it is
        signed by *signer*."""
        headers = {"Host": self._authority}
        if body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if signer is not None:
            headers |= signer.headers(method, path.encode(), headers, body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def exchange(self, request: bytes) -> Answer:
        """Send *request* and read the response, whatever its status.

        Raises BenchFailure where the connection breaks or the response has no length.
        """
        started_ns = time.perf_counter_ns()
        try:
            self._socket.sendall(request)
            head, body = self._receive()
        except OSError as error:
            raise BenchFailure(f"The connection to {self._authority} broke: {error}.") from None
        duration_ns = time.perf_counter_ns() - started_ns
        return Answer(int(head[9:12]), head, body, duration_ns)

    def _receive(self) -> tuple[bytes, bytes]:
        data = b""
        while (end := data.find(_HEAD_END)) < 0:
            data += self._more()
        head, body = data[:end], data[end + len(_HEAD_END) :]
        size = self._length(head)
        while len(body) < size:
            body += self._more()
        return head, body

    def _more(self) -> bytes:
        data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError("the server closed it")
        return data

    def _length(self, head: bytes) -> int:
        start = head.lower().find(_LENGTH)
        if start < 0:
            if head[9:12] == b"204":
                return 0
            raise BenchFailure(f"{self._authority} answered without Content-Length: {head[:80]!r}")
        start += len(_LENGTH)
        end = head.find(b"\r", start)
        return int(head[start:] if end < 0 else head[start:end])
