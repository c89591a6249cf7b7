"""The pytest plugin: the fixture `wasmfaas_server`, and its logs in the reports of failed tests."""

import contextlib
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from wasmfaas.testing.server import Server

_STARTED = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def wasmfaas_settings() -> dict[str, Any]:
    """What the server of `wasmfaas_server` is made with; override it to choose: `{"region": …}`."""
    return {}


@pytest.fixture(scope="session")
def wasmfaas_server(
    tmp_path_factory: pytest.TempPathFactory, wasmfaas_settings: dict[str, Any]
) -> Iterator[Server]:
    """A server for the tests of this session, and where tests run in parallel, of this process."""
    with Server(tmp_path_factory.mktemp("wasmfaas"), **wasmfaas_settings) as server:
        yield server


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_STARTED] = time.time_ns() // 1_000_000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        server = getattr(item, "funcargs", {}).get("wasmfaas_server")
        if isinstance(server, Server):
            report.sections += _told(server, item.stash[_STARTED])
    return report


def _told(server: Server, since_ms: int) -> Iterator[tuple[str, str]]:
    """What functions logged during the test, and what the server said at any time."""
    try:
        with contextlib.closing(server.client("logs")) as client:
            pages = client.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix="/aws/lambda/"
            )
            groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        names = [group.removeprefix("/aws/lambda/") for group in groups]
        logs = {name: server.logs(name, since_ms) for name in names}
    except Exception as error:
        # The report of the test matters more, whatever has become of the server.
        logs = {"logs": f"could not be read: {error}"}
    for name, text in logs.items():
        if text:
            yield f"log of {name}", text
    if output := server.output().strip():
        yield "output of wasmfaas", output
