"""Asynchronous invocations through a real server: they run, their results go where they are to go,
and no SIGKILL loses one.

WASMFAAS_TEST_KILL_SECONDS says for how long servers and workers are killed.
"""

import contextlib
import json
import os
import signal

from tests.conftest import Server
from tests.integration.conftest import Start, workers_of
from tests.integration.kill_run import KillRun

SECONDS = float(os.environ.get("WASMFAAS_TEST_KILL_SECONDS", "8"))
APP = """\
def lambda_handler(event, context):
    if event == "fail" or "requestContext" in event and event["requestPayload"] == "bad":
        raise ValueError("asked to")
    print("ran", event)
    return event
"""
SLEEPS = "import time\n\n\ndef lambda_handler(event, context):\n    time.sleep(60)\n"


def test_a_result_goes_from_function_to_function(server: Server, function_name: str) -> None:
    first, second = function_name, f"{function_name}-next"
    for name in (first, second):
        server.deploy(name, {"app.py": APP})
    client = server.lambda_client()
    arn = client.get_function(FunctionName=second)["Configuration"]["FunctionArn"]
    client.put_function_event_invoke_config(
        FunctionName=first,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}},
    )
    for event in ("good", "fail"):
        client.invoke(FunctionName=first, InvocationType="Event", Payload=json.dumps(event))
    server.await_events(first, done=1, dead=1)
    server.await_events(second, done=2)
    assert server.http.get(f"/_wasmfaas/v1/dead-letters?function={first}").json() == {
        "dead_letters": [],
        "next": None,
    }
    client.close()


def test_no_kill_loses_an_event(start: Start) -> None:
    """The short form of `python -m tests.integration.kill_run --seconds 60`."""
    tally = KillRun(start).run(SECONDS)
    assert tally.states["done"] > 0
    assert tally.states["dead"] > 0


def test_a_worker_that_stands_still_is_replaced(server: Server, function_name: str) -> None:
    """Its attempt ends once, as a timeout; what it would have said is never heard."""
    stuck, other = function_name, f"{function_name}-other"
    server.deploy(stuck, {"app.py": SLEEPS}, Timeout=6)
    server.deploy(other, {"app.py": APP})
    client = server.lambda_client()
    client.put_function_event_invoke_config(FunctionName=stuck, MaximumRetryAttempts=0)
    request = client.invoke(FunctionName=stuck, InvocationType="Event", Payload="1")
    client.close()
    server.await_events(stuck, running=1)
    stopped = workers_of(server)
    for worker in stopped:
        os.kill(worker, signal.SIGSTOP)
    try:
        server.await_events(stuck, dead=1)
    finally:
        for worker in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)
    assert server.invoke(other, "alive")[0] == "alive"
    event_id = request["ResponseMetadata"]["RequestId"]
    shown = server.http.get(f"/_wasmfaas/v1/events/{event_id}").json()
    assert (shown["state"], len(shown["attempts"])) == ("dead", 1)
