"""How many invocations may be under way."""

import threading
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Server
from wasmfaas.errors import TooManyRequests
from wasmfaas.invoke.admission import Admission

RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
SHARED = "ConcurrentInvocationLimitExceeded"


def refusal(admission: Admission, name: str) -> str:
    with pytest.raises(TooManyRequests) as caught:
        admission.gate(name).enter()
    assert caught.value.message == "Rate Exceeded."
    assert caught.value.headers() == {"Retry-After": "1"}
    return caught.value.reason


def test_a_reservation_bounds_its_function_and_the_rest() -> None:
    admission = Admission(3)
    admission.reserve("f", 1)
    admission.gate("f").enter()
    assert refusal(admission, "f") == RESERVED
    admission.gate("g").enter()
    admission.gate("h").enter()
    assert refusal(admission, "g") == SHARED
    admission.gate("h").leave()
    admission.gate("g").enter()
    admission.gate("f").leave()
    admission.gate("f").enter()


def test_nothing_reserved_is_nobody_let_in() -> None:
    admission = Admission(3)
    admission.reserve("f", 0)
    assert refusal(admission, "f") == RESERVED
    admission.reserve("f", None)
    admission.gate("f").enter()


@given(st.lists(st.tuples(st.sampled_from("fg"), st.sampled_from([None, 0, 1, 3, "in", "out"]))))
def test_what_is_under_way_counts_through_every_change(
    steps: list[tuple[str, int | str | None]],
) -> None:
    admission, limit = Admission(8), 8
    running, reserved = {"f": 0, "g": 0}, {"f": None, "g": None}
    for name, step in steps:
        gate = admission.gate(name)
        own = reserved[name]
        shared = sum(running[each] for each in running if reserved[each] is None)
        rest = limit - sum(each or 0 for each in reserved.values())
        if step == "in":
            if running[name] < own if own is not None else shared < rest:
                gate.enter()
                running[name] += 1
            else:
                assert refusal(admission, name) == (SHARED if own is None else RESERVED)
        elif step == "out":
            if running[name]:
                gate.leave()
                running[name] -= 1
        else:
            admission.reserve(name, step)
            reserved[name] = step


SLOW = """
import time
def lambda_handler(event, context):
    time.sleep(event.get("s", 0))
    return "done"
"""


def test_under_load_no_more_run_than_are_reserved(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": SLOW}, Timeout=30)
    client = server.lambda_client()
    client.put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=1)
    path = f"/2015-03-31/functions/{function_name}/invocations"
    statuses: list[int] = []

    def call() -> None:
        answer = server.http.post(path, json={"s": 3})
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            assert answer.json() == {
                "Reason": RESERVED,
                "Type": "User",
                "message": "Rate Exceeded.",
            }
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["x-amzn-errortype"] == "TooManyRequestsException"

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(statuses) == [200] + [429] * 7
    assert server.http.post(path, json={}).status_code == 200, "what has ended counts no more"
    client.put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=0)
    assert server.http.post(path, json={}).status_code == 429
    assert server.http.get(f"/f/{function_name}/").status_code == 429
    client.delete_function_concurrency(FunctionName=function_name)
    assert server.http.post(path, json={}).status_code == 200
    client.close()


def test_a_caller_who_leaves_frees_no_place_while_the_guest_runs(
    server: Server, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": SLOW}, Timeout=30)
    client = server.lambda_client()
    client.put_function_concurrency(FunctionName=function_name, ReservedConcurrentExecutions=1)
    path = f"/2015-03-31/functions/{function_name}/invocations"
    with pytest.raises(httpx.ReadTimeout):
        server.http.post(path, json={"s": 6}, timeout=httpx.Timeout(60, read=2))
    assert server.http.post(path, json={}).status_code == 429
    deadline = time.monotonic() + 120
    while server.http.post(path, json={}).status_code == 429:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    client.close()
