"""That everyone is called, that wrong answers count for nothing, and what peers are missing."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import load, peers
from bench.failures import NotMeasured
from tests.bench.quick import document


def test_everyone_is_called_at_every_number_of_connections(cache_dir: Path, tmp_path: Path) -> None:
    found = document("http", cache_dir, tmp_path)
    figures = found["figures"]

    for name in ("python", "c", "uvicorn"):
        for connections in (1, 16, 64):
            assert figures[f"{name}_{connections}_rps"] > 0
            assert figures[f"{name}_{connections}_p50_ms"] > 0
    assert figures["python_p50_vs_uvicorn"] > 0
    assert figures["c_rps_vs_uvicorn"] > 0
    assert figures["python_rps_vs_wasmtime_serve"] is None
    assert found["why"]["python_rps_vs_wasmtime_serve"] == "a quick run leaves it out"


def test_a_peer_that_is_not_installed_is_not_measured(tmp_path: Path) -> None:
    folder = peers.Folder(tmp_path)

    with (
        pytest.raises(NotMeasured, match="wasmtime is not installed"),
        peers.wasmtime_serve(folder, lambda text: None),
    ):
        pass
    with (
        pytest.raises(NotMeasured, match="workerd is not installed"),
        peers.workerd(folder, tmp_path),
    ):
        pass


@contextmanager
def peer(pieces: Sequence[bytes]) -> Iterator[int]:
    """A server that answers everything with *pieces*; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted, contextlib.suppress(ConnectionError):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while accepted.recv(65536):
                    for piece in pieces:
                        accepted.sendall(piece)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(100)


def called(port: int) -> int:
    """How many calls succeeded."""
    answer = load.call(
        {
            "host": "127.0.0.1",
            "port": port,
            "request": "GET / HTTP/1.1\r\n\r\n",
            "expected": "hello",
            "connections": 1,
            "seconds": 0.2,
            "warm_seconds": 0.0,
        }
    )
    return len(answer["latencies_ns"])


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Len", b"gth: 5\r\n\r\nhel", b"lo"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"0\r\n\r\n"],
    ],
)
def test_answers_in_pieces_are_put_together(pieces: list[bytes]) -> None:
    with peer(pieces) as port:
        assert called(port) > 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhullo",
    ],
)
def test_a_wrong_answer_ends_the_run(answer: bytes) -> None:
    with peer([answer]) as port, pytest.raises(RuntimeError, match="unexpected answer"):
        called(port)
