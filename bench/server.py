"""A real server in a process of its own, as `wasmfaas up` starts it, and what is asked of it."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import processes
from bench.connection import Answer, Connection
from bench.failures import BenchFailure, NotMeasured
from bench.hello import Package
from wasmfaas.auth.signer import Credentials, Signer
from wasmfaas.declaration import ENVIRONMENT_PREFIX

#: The Python runtime may have to be built and compiled first.
_START_S_MAX = 600.0
_START_POLL_S = 0.01
_STOP_S_MAX = 30.0
_ANSWER_S_MAX = 60.0
_ACTIVE_S_MAX = 60.0
#: Often enough to add little to what is measured, seldom enough to leave the server its time.
_ACTIVE_POLL_S = 0.005
_WARM_IN_A_ROW = 100
_WARM_UP_CALLS_MAX = 5000
_LOG_CHARACTERS_SHOWN = 2000
_REGION = "us-east-1"
FUNCTIONS_PATH = "/2015-03-31/functions"
_URLS = "/2021-10-31/functions"
_ROLE = "arn:aws:iam::000000000000:role/bench"
#: Only in the answers to calls that had to wait for a sandbox to start.
_COLD_HEADER = b"x-wasmfaas-init-duration-ms"


class Server:
    """A running server and one connection to it. Lives as long as a run."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        connection: Connection,
        port: int,
        signer: Signer,
    ) -> None:
        self._process = process
        self._connection = connection
        self._signer = signer
        #: On 127.0.0.1.
        self.port = port

    @property
    def pid(self) -> int:
        return self._process.pid

    def deploy(self, name: str, package: Package, **settings: Any) -> None:
        """Create the function *name* with a URL; returns once it is active.

        Raises BenchFailure where it is refused or fails.
        """
        self.create(name, package, **settings)
        self.wait_until_active(name)

    def create(self, name: str, package: Package, **settings: Any) -> None:
        """Create the function *name* with a URL; *settings* are members of CreateFunction. Raises
        BenchFailure where it is refused."""
        self._api("POST", FUNCTIONS_PATH, self.members(name, package, **settings))
        self._api("POST", f"{_URLS}/{name}/url", {"AuthType": "NONE"})
        permission = {
            "StatementId": "FunctionURLAllowPublicAccess",
            "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        }
        self._api("POST", f"{FUNCTIONS_PATH}/{name}/policy", permission)

    def members(self, name: str, package: Package, **settings: Any) -> Mapping[str, Any]:
        """The request that creates the function *name*."""
        return {
            "FunctionName": name,
            "Role": _ROLE,
            "Runtime": package.runtime,
            "Handler": package.handler,
            "Code": {"ZipFile": base64.b64encode(package.data).decode()},
            **settings,
        }

    def wait_until_active(self, name: str) -> None:
        """Raises BenchFailure where the function *name* fails, or takes too long."""
        deadline = time.monotonic() + _ACTIVE_S_MAX
        while True:
            configuration = self._api("GET", f"{FUNCTIONS_PATH}/{name}/configuration")
            if configuration["State"] == "Active":
                return
            if configuration["State"] != "Pending" or time.monotonic() > deadline:
                state, reason = configuration["State"], configuration.get("StateReason")
                raise BenchFailure(f"The function {name} is {state}: {reason}")
            time.sleep(_ACTIVE_POLL_S)

    def delete(self, name: str) -> None:
        self._api("DELETE", f"{FUNCTIONS_PATH}/{name}")

    def request(self, name: str, query: str) -> bytes:
        """The bytes that call the URL of the function *name*."""
        return self._connection.request("GET", f"/f/{name}/?{query}")

    def invocation(self, name: str, event: bytes) -> bytes:
        """The bytes that invoke the function *name*, and wait, with this event; for minutes, as
        they are signed."""
        path = f"{FUNCTIONS_PATH}/{name}/invocations"
        return self._connection.request("POST", path, event, self._signer)

    def call(self, request: bytes) -> Answer:
        """Send a request made by `request`. Raises BenchFailure unless it is answered with 200."""
        answer = self._connection.exchange(request)
        if answer.status != 200:
            raise BenchFailure(f"A call was answered with {answer.head!r} {answer.body[:300]!r}")
        return answer

    def reconnect(self) -> None:
        """To be done after a pause: the server closes connections that have long been idle."""
        self._connection.reopen()

    def warm_up(self, request: bytes) -> None:
        """Call until every worker that a single client gets to has a sandbox ready.

        Raises BenchFailure where that never comes to be.
        """
        in_a_row = 0
        for _ in range(_WARM_UP_CALLS_MAX):
            in_a_row = 0 if was_cold(self.call(request)) else in_a_row + 1
            if in_a_row == _WARM_IN_A_ROW:
                return
        raise BenchFailure(
            f"Of {_WARM_UP_CALLS_MAX} calls, no {_WARM_IN_A_ROW} in a row found a sandbox ready."
        )

    def renew_workers(self) -> None:
        """Kill all workers and wait until new ones are idle. Raises NotMeasured."""
        processes.kill_workers(self._process.pid)
        processes.wait_until_idle(self._process.pid)

    def settle(self) -> None:
        """Wait until no worker does anything, where the kernel shows them."""
        with suppress(NotMeasured):
            processes.wait_until_idle(self._process.pid)

    def api_ms(self, method: str, path: str, members: Mapping[str, Any] | None = None) -> float:
        """Milliseconds from sending a request of the API to its answer. Raises BenchFailure where
        it is refused."""
        return self._asked(method, path, members).duration_ns / 1e6

    def _api(self, method: str, path: str, members: Mapping[str, Any] | None = None) -> Any:
        return json.loads(self._asked(method, path, members).body or b"null")

    def _asked(self, method: str, path: str, members: Mapping[str, Any] | None) -> Answer:
        body = b"" if members is None else json.dumps(members).encode()
        answer = self._connection.exchange(
            self._connection.request(method, path, body, self._signer)
        )
        if answer.status >= 300:
            raise BenchFailure(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer


def was_cold(answer: Answer) -> bool:
    """Whether the call had to wait for a sandbox to start."""
    return answer.has_header(_COLD_HEADER)


@contextmanager
def running(
    folder: Path, cache_dir: Path, note: Callable[[str], None], *flags: str
) -> Iterator[Server]:
    """A server on a data directory in *folder*, with default settings but for *flags*; gone when
    the block ends.

    Raises BenchFailure where it does not come up.
    """
    data_dir, log_path = folder / "data", folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "wasmfaas", "up", "--port=0"),
                *(f"--data-dir={data_dir}", f"--cache-dir={cache_dir}", *flags),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
    try:
        note("Starting a server")
        host, port = _address(process, data_dir, log_path)
        with Connection(host, port, _ANSWER_S_MAX) as connection:
            yield Server(process, connection, port, Signer(Credentials.read(data_dir), _REGION))
    finally:
        _stop(process)


def _environment() -> dict[str, str]:
    """Ours, without settings of wasmfaas: what is measured are the defaults."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }


def _address(process: subprocess.Popen[bytes], data_dir: Path, log_path: Path) -> tuple[str, int]:
    """Where the server listens, as soon as it says so."""
    deadline = time.monotonic() + _START_S_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, ValueError, KeyError):
            found = json.loads((data_dir / "server.json").read_bytes())
            if found["pid"] == process.pid:
                url = urlsplit(found["url"])
                return url.hostname or "", url.port or 0
        time.sleep(_START_POLL_S)
    said = log_path.read_text(errors="replace")[-_LOG_CHARACTERS_SHOWN:]
    raise BenchFailure(f"The server did not come up. It said:\n{said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
