"""First calls of functions that a worker has not loaded, in workers that have served others."""

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import hello, imports
from bench.failures import BenchFailure
from bench.hello import Package
from bench.samples import Samples
from bench.server import Server, running, was_cold

TITLES = {
    "first_call_python": "first call, Python, no imports",
    "first_call_c": "first call, C",
    "second_sandbox": "first call, Python, imports",
    "second_sandbox_after_restart": "… after a restart of the server",
}
_IN_WORKERS = tuple(name for name in TITLES if name != "second_sandbox_after_restart")
#: Of another function, before: the worker has loaded the runtime, and not what is measured.
_CALLS_BEFORE = 4


class FirstCalls:
    """Measures on one server, round by round. Lives as long as a run."""

    def __init__(self, server: Server, samples: Samples, files: Mapping[str, bytes]) -> None:
        self._server = server
        self._samples = samples
        self._requests = {
            name: _deployed(server, name, package) for name, package in _packages(files).items()
        }

    def measure(self, number: int, other: bytes) -> None:
        """Round *number*, from 0; *other* calls a function that workers have loaded before."""
        with self._samples.attempt(*_IN_WORKERS):
            names = list(self._requests)
            start = number % len(names)
            for name in names[start:] + names[:start]:
                self._server.renew_workers()
                for _ in range(_CALLS_BEFORE):
                    self._server.call(other)
                self._server.settle()
                _called(self._server, self._samples, name, self._requests[name])


def after_restarts(
    folder: Path,
    cache_dir: Path,
    files: Mapping[str, bytes],
    samples: Samples,
    count: int,
    note: Callable[[str], None],
) -> None:
    """The first call after each of *count* restarts of a server on *folder*, of a function that it
    served before."""
    folder.mkdir()
    name = "second-sandbox"
    with running(folder, cache_dir, note) as server:
        _deployed(server, name, imports.package(files, uuid.uuid4().hex))
    for _ in range(count):
        with running(folder, cache_dir, note) as server:
            server.settle()
            request = server.request(name, hello.QUERY)
            _called(server, samples, "second_sandbox_after_restart", request)


def _packages(files: Mapping[str, bytes]) -> dict[str, Package]:
    mark = uuid.uuid4().hex
    return {
        "first_call_python": hello.python_package(mark),
        "first_call_c": hello.c_package(hello.C_MODULE.read_bytes(), mark),
        "second_sandbox": imports.package(files, mark),
    }


def _deployed(server: Server, name: str, package: Package) -> bytes:
    """The request that calls it, after its first sandbox has been, and whatever follows that."""
    server.deploy(name, package)
    request = server.request(name, hello.QUERY)
    server.call(request)
    server.settle()
    return request


def _called(server: Server, samples: Samples, series: str, request: bytes) -> None:
    answer = server.call(request)
    if hello.GREETING.encode() not in answer.body:
        raise BenchFailure(f"A call was answered with {answer.body[:300]!r}")
    samples.add(series, answer.duration_ns, cold=was_cold(answer))
