"""Asynchronous invocations through a real server: they run, their results go where they are to go,
and no SIGKILL loses one.

WASMFAAS_TEST_KILL_ROUNDS says how often the server is killed.
"""

import contextlib
import json
import os
import random
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import Server
from tests.integration.conftest import Start, kill
from tests.integration.raw import until

ROUNDS = int(os.environ.get("WASMFAAS_TEST_KILL_ROUNDS", "3"))
PRODUCERS = 3
APP = """\
def lambda_handler(event, context):
    if event == "fail" or "requestContext" in event and event["requestPayload"] == "bad":
        raise ValueError("asked to")
    print("ran", event)
    return event
"""


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


class Producer(threading.Thread):
    """Enqueues events until the server is gone; `acknowledged` are the ids of what it took."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.unexpected: list[int] = []
        self._name = name
        self._server = server
        self.start()

    def run(self) -> None:
        url = f"{self._server.url}/2015-03-31/functions/{self._name}/invocations"
        headers = {"X-Amz-Invocation-Type": "Event"}
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.Client(auth=self._server.sign) as http,
        ):
            while True:
                answer = http.post(url, content=b'"e"', headers=headers)
                if answer.status_code != 202:
                    self.unexpected.append(answer.status_code)
                    return
                self.acknowledged.append(answer.headers["x-amzn-requestid"])


def test_no_kill_loses_an_event(start: Start, tmp_path: Path) -> None:
    """Acknowledged ⊆ stored; each in one state; each done one billed by (request, attempt)."""
    acknowledged: set[str] = set()
    server = start(workers_max=2, events_concurrency_max=4)
    server.deploy("f", {"app.py": APP})
    for round_number in range(ROUNDS):
        if round_number:
            server = start(workers_max=2, events_concurrency_max=4)
        producers = [Producer(server, "f") for _ in range(PRODUCERS)]
        until(lambda p=producers: sum(len(each.acknowledged) for each in p) > 20, "it takes events")
        time.sleep(random.Random(round_number).uniform(0, 0.5))
        kill(server)
        for producer in producers:
            producer.join()
            assert producer.unexpected == []
            acknowledged.update(producer.acknowledged)
    server = start(workers_max=2, events_concurrency_max=4)
    until(lambda: set(server.events("f")) == {"done"}, "all is done", 50)
    assert server.stop() == 0
    check(server.data_dir, acknowledged)


def check(data_dir: Path, acknowledged: set[str]) -> None:
    with contextlib.closing(sqlite3.connect(next(data_dir.glob("*.db*")))) as database:

        def rows(query: str) -> list[Any]:
            return database.execute(query).fetchall()

        states = dict(rows("SELECT id, state FROM events"))
        assert acknowledged <= states.keys()
        assert set(states.values()) == {"done"}
        ledger = rows("SELECT request_id, attempt FROM ledger")
        assert len(ledger) == len(set(ledger)), "nothing is billed twice"
        # A completed attempt is billed; one that a kill has cut short is where it got that far.
        history = rows("SELECT event_id, attempt, error_type FROM event_attempts")
        completed = {(event, attempt) for event, attempt, error in history if error is None}
        assert completed <= set(ledger)
        assert len(completed) == len(states), "each was completed once"
        assert set(ledger) <= {(event, attempt) for event, attempt, _ in history}
        assert rows("PRAGMA integrity_check") == [("ok",)]
