"""The built-in queue when its server is killed: what it has acknowledged is there."""

import contextlib
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Server
from tests.integration.conftest import Start, kill

SENDERS = 3


class Sender(threading.Thread):
    """Sends messages until the server is gone; `acknowledged` are the ids of what it took."""

    def __init__(self, server: Server, url: str) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self._client = server.client("sqs")
        self._url = url
        self.start()

    def run(self) -> None:
        with contextlib.closing(self._client), contextlib.suppress(BotoCoreError, ClientError):
            while True:
                sent = self._client.send_message(QueueUrl=self._url, MessageBody="m")
                self.acknowledged.append(sent["MessageId"])


def all_of(client: Any, url: str) -> list[str]:
    found: list[str] = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["MessageId"] for message in messages]
    return found


def test_no_kill_loses_a_message(start: Start) -> None:
    server = start(workers_max=1)
    with contextlib.closing(server.client("sqs")) as client:
        client.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "43200"})
    senders = [Sender(server, f"{server.url}/000000000000/q") for _ in range(SENDERS)]
    deadline = time.monotonic() + 120
    while sum(len(each.acknowledged) for each in senders) < 30:
        assert time.monotonic() < deadline, "it takes messages"
        time.sleep(0.02)
    kill(server)
    for sender in senders:
        sender.join()
    server = start(workers_max=1)
    with contextlib.closing(server.client("sqs")) as client:
        found = all_of(client, f"{server.url}/000000000000/q")
    acknowledged = {each for sender in senders for each in sender.acknowledged}
    assert acknowledged <= set(found)
    assert len(found) == len(set(found)), "none is there twice"
    assert len(found) <= len(acknowledged) + SENDERS
