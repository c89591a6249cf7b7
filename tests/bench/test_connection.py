"""Against a peer that answers in pieces, or not at all."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from bench.connection import Connection
from bench.failures import BenchFailure

TIMEOUT_S = 60.0


@contextmanager
def peer(pieces: Sequence[bytes]) -> Iterator[Connection]:
    """A connection to somebody who answers a request with *pieces* and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted, contextlib.suppress(ConnectionError):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                accepted.recv(65536)
                for piece in pieces:
                    accepted.sendall(piece)
                accepted.shutdown(socket.SHUT_WR)
                accepted.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with Connection("127.0.0.1", listener.getsockname()[1], TIMEOUT_S) as connection:
                yield connection
        finally:
            thread.join(TIMEOUT_S)


def test_an_answer_in_pieces_is_put_together() -> None:
    pieces = [b"HTTP/1.1 201 Cre", b"ated\r\nX-A: b\r\nContent-", b"Length: 5\r\n\r\nhe", b"llo"]
    with peer(pieces) as connection:
        answer = connection.exchange(connection.request("GET", "/"))

    assert (answer.status, answer.body) == (201, b"hello")
    assert answer.has_header(b"x-a")
    assert not answer.has_header(b"x-b")
    assert answer.duration_ns > 0


def test_an_answer_without_a_body_needs_no_length() -> None:
    with peer([b"HTTP/1.1 204 No Content\r\n\r\n"]) as connection:
        assert connection.exchange(connection.request("DELETE", "/")).body == b""


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"], "broke"),
        ([], "broke"),
        ([b"HTTP/1.1 200 OK\r\n\r\n"], "without Content-Length"),
    ],
)
def test_an_answer_that_never_ends_is_a_failure(pieces: list[bytes], reason: str) -> None:
    with peer(pieces) as connection, pytest.raises(BenchFailure, match=reason):
        connection.exchange(connection.request("GET", "/"))


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(BenchFailure, match="Nothing answers"):
        Connection("127.0.0.1", port, TIMEOUT_S)


def test_a_connection_can_be_opened_anew() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with Connection("127.0.0.1", listener.getsockname()[1], TIMEOUT_S) as connection:
            first, _ = listener.accept()
            connection.reopen()
            second, _ = listener.accept()
        with first, second:
            assert first.recv(1) == second.recv(1) == b""
