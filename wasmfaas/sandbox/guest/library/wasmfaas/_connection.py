"""Connections of HTTP/1.1 that the host makes, for libraries that speak HTTP over sockets.

`http.client`, and what is built on it, writes a request into such a connection as into a socket.
Once it is whole, the host is asked to fetch it, where the function's permissions say so, and what
it answers is there to be read. TLS is the host's as well.
"""

import errno
import io
from http import HTTPStatus
from typing import Any

from wasmfaas import AccessDenied, HostError, Response, fetch

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
#: Of the connection, which is the host's.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_NOT_SENT = _HOP_BY_HOP | {"host", "expect", "proxy-connection", "te", "upgrade"}


class Connection:
    """As a socket that is connected, as far as clients of HTTP look. One request each."""

    def __init__(self, host: str, port: int, timeout: Any = None) -> None:
        """*timeout* is in seconds; what is no number is none."""
        self._host, self._port = host, port
        self._scheme = "http"
        self._sent = bytearray()
        self._answer: io.BytesIO | None = None
        #: Why there is no answer.
        self._failure: OSError | None = None
        self.settimeout(timeout)

    def secured(self) -> "Connection":
        """This connection, with TLS."""
        self._scheme = "https"
        return self

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Take part of a request. Raises OSError where that makes it whole and the host does not
        fetch it."""
        if self._answer is not None:
            raise BrokenPipeError(errno.EPIPE, "a connection of the host takes one request")
        self._sent += data
        request = _whole(self._sent)
        if request is not None:
            self._sent.clear()
            self._exchange(*request)

    def send(self, data: Any, flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._readable().read(size)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer)
        return self._readable().readinto(view[:size] if size else view)

    def makefile(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return self._readable()

    def has_answer(self) -> bool:
        """Whether there is something to read."""
        return self._answer is not None

    def settimeout(self, timeout: Any) -> None:
        self._timeout = timeout if isinstance(timeout, int | float) and timeout > 0 else None

    def gettimeout(self) -> float | None:
        return self._timeout

    def fileno(self) -> int:
        return -1

    def getpeername(self) -> tuple[str, int]:
        return self._host, self._port

    def getsockname(self) -> tuple[str, int]:
        return "", 0

    def setsockopt(self, *args: Any) -> None:
        pass

    def setblocking(self, flag: bool) -> None:
        pass

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        pass

    def _readable(self) -> io.BytesIO:
        if self._failure is not None:
            raise self._failure
        if self._answer is None:
            raise ConnectionError("the request is not whole, so that there is no answer")
        return self._answer

    def _exchange(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None
    ) -> None:
        kept = [(name, value) for name, value in headers if name.lower() not in _NOT_SENT]
        try:
            answer = fetch(
                self._url(target), method=method, headers=kept, body=body, redirect="manual",
                timeout=self._timeout,
            )  # fmt: skip
        except (HostError, OSError) as error:
            self._failure = _as_os_error(error)
            # That there was no answer in time is told where answers are read, as of a socket.
            if not isinstance(error, TimeoutError):
                raise self._failure from error
        else:
            self._answer = io.BytesIO(_encoded(answer, method))

    def _url(self, target: str) -> str:
        if not target.startswith("/"):
            return target
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self._port}{target}"


def _as_os_error(error: Exception) -> OSError:
    if isinstance(error, OSError):
        return error
    number = errno.EACCES if isinstance(error, AccessDenied) else errno.EIO
    return OSError(number, str(error))


def _whole(sent: bytearray) -> tuple[str, str, list[tuple[str, str]], bytes | None] | None:
    """Method, target, headers and body of the request in *sent*; None where it is not whole.

    Raises OSError where it is no HTTP.
    """
    end = sent.find(_HEAD_END)
    if end < 0:
        return None
    first, *lines = sent[:end].decode("latin-1").split("\r\n")
    try:
        method, target, _ = first.split(" ")
    except ValueError:
        raise OSError(errno.EPROTO, "only HTTP/1.1 leaves a function") from None
    pairs = [line.partition(":") for line in lines]
    headers = [(name.strip(), value.strip()) for name, _, value in pairs]
    body = bytes(sent[end + len(_HEAD_END) :])
    by_name = {name.lower(): value for name, value in headers}
    if by_name.get("transfer-encoding", "").lower().endswith("chunked"):
        return (method, target, headers, _joined(body)) if body.endswith(_LAST_CHUNK) else None
    if len(body) < int(by_name.get("content-length", "0")):
        return None
    return method, target, headers, body or None


def _joined(chunked: bytes) -> bytes:
    """The body whose chunks are in *chunked*."""
    parts, at = [], 0
    while True:
        line_end = chunked.index(b"\r\n", at)
        size = int(chunked[at:line_end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts)
        at = line_end + 2
        parts.append(chunked[at : at + size])
        at += size + 2


def _encoded(answer: Response, method: str) -> bytes:
    """*answer* as a server would have sent it."""
    try:
        reason = HTTPStatus(answer.status).phrase
    except ValueError:
        reason = ""
    lines = [f"HTTP/1.1 {answer.status} {reason}"]
    for name, value in answer.headers:
        if name.lower() not in _HOP_BY_HOP or (method == "HEAD" and name.lower()[:8] == "content-"):
            lines.append(f"{name}: {value}")
    if method != "HEAD":
        lines.append(f"Content-Length: {len(answer.body)}")
    lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + answer.body
