"""Reserved concurrency of 0 and of 1 while many call."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Server
from tests.integration.raw import connected, request

CALLERS = 6
CALLS = 20
SLEEP_S = 0.02
SOURCE = f"""
import time

def lambda_handler(event, context):
    time.sleep({SLEEP_S})
    return "done"
"""
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    with contextlib.closing(server.lambda_client()) as client:
        yield client


def statuses(server: Server, path: str, at_once: int = 1) -> Counter[int]:
    """How many of all calls of *path* were answered with which status; each caller sends *at_once*
    requests before it reads the answers."""
    found: list[int] = []

    def call() -> None:
        with connected(server.url) as caller:
            for _ in range(CALLS // at_once):
                caller.send(request("GET", path) * at_once)
                for _ in range(at_once):
                    answer = caller.answer()
                    assert answer is not None
                    found.append(answer.status)
                    if answer.status == 429:
                        assert answer.document["Reason"] == RESERVED
                        assert int(answer.headers["retry-after"]) > 0

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == CALLERS * CALLS
    return Counter(found)


def test_nothing_reserved_is_nobody_served_however_many_ask(
    server: Server, client: Any, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": SOURCE})
    server.deploy(f"{function_name}-other", {"app.py": SOURCE})
    client.put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=0)
    load = threading.Thread(target=lambda: refused.update(statuses(server, path, 20)))
    refused: Counter[int] = Counter()
    path = f"/f/{function_name}/"
    load.start()
    answers = {server.http.get(f"/f/{function_name}-other/").text for _ in range(10)}
    load.join()
    assert refused == {429: CALLERS * CALLS}
    assert answers == {"done"}


def test_one_reserved_is_one_at_a_time_however_many_ask(
    server: Server, client: Any, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": SOURCE})
    client.put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=1)
    began = time.monotonic()
    found = statuses(server, f"/f/{function_name}/")
    elapsed_s = time.monotonic() - began
    assert found.keys() == {200, 429}
    assert found[200] * SLEEP_S <= elapsed_s
    client.delete_function_concurrency(FunctionName=function_name)
    assert statuses(server, f"/f/{function_name}/").keys() == {200}
