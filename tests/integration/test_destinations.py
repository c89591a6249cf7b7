"""Results of asynchronous invocations on their way out of a real server: to queues and topics of
moto's, to a webhook, and to the dead letters when there is nobody."""

import hashlib
import hmac
import http.server
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.cli.command import wasmfaas
from tests.conftest import REGION, Server, start_server
from tests.integration.raw import until

APP = """\
def lambda_handler(event, context):
    if event == "fail":
        raise ValueError("asked to")
    return event
"""
SECRET = "a-secret-of-two-parties"


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook that is busy the first time."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        taken: list[Any] = self.server.taken  # type: ignore[attr-defined]
        taken.append((self.path, dict(self.headers.items()), body))
        self.send_response(503 if len(taken) == 1 else 204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hook() -> Iterator[Any]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.taken = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def boto(service: str, url: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION,
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, cache_dir: Any, moto: str, hook: Any
) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WASMFAAS_WEBHOOK_SIGNING_SECRET", SECRET)
        environment.setenv("WASMFAAS_AWS_ACCESS_KEY_ID", "a")
        environment.setenv("WASMFAAS_AWS_SECRET_ACCESS_KEY", "b")
        server = start_server(
            tmp_path_factory.mktemp("destinations") / "data", cache_dir, workers_max=1,
            sqs_endpoint_url=moto, sns_endpoint_url=moto,
            webhook_private_origins=f"http://127.0.0.1:{hook.server_address[1]}",
        )  # fmt: skip
    server.deploy("f", {"app.py": APP})
    yield server
    assert server.stop() == 0
    log = server.data_dir.with_name(server.data_dir.name + ".log").read_text()
    assert "Traceback" not in log
    assert SECRET not in log


def configure(server: Server, **destinations: str) -> None:
    config = {name: {"Destination": arn} for name, arn in destinations.items()}
    client = server.lambda_client()
    client.put_function_event_invoke_config(
        FunctionName="f", MaximumRetryAttempts=0, DestinationConfig=config
    )
    client.close()


def send(server: Server, event: str) -> str:
    client = server.lambda_client()
    answer = client.invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps(event))
    client.close()
    return str(answer["ResponseMetadata"]["RequestId"])


def queue(moto: str, name: str) -> tuple[str, str]:
    """Its ARN and its URL."""
    sqs = boto("sqs", moto)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    sqs.close()
    return arn["Attributes"]["QueueArn"], url


def received(moto: str, url: str) -> Any:
    sqs = boto("sqs", moto)

    def messages() -> Any:
        answer = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        return answer.get("Messages")

    [message] = until(messages, "the message arrives")
    sqs.close()
    return message


def test_results_reach_queues_and_topics(server: Server, moto: str) -> None:
    success, success_url = queue(moto, "success")
    failure, failure_url = queue(moto, "failure")
    sns = boto("sns", moto)
    topic = sns.create_topic(Name="failures")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=failure)
    sns.close()
    configure(server, OnSuccess=success, OnFailure=topic)
    request = send(server, "good")
    record = json.loads(received(moto, success_url)["Body"])
    assert record["requestContext"]["requestId"] == request
    assert record["responsePayload"] == "good"
    send(server, "fail")
    notification = json.loads(received(moto, failure_url)["Body"])
    record = json.loads(notification["Message"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"]["errorMessage"] == "asked to"


def test_a_dead_letter_queue_gets_the_event(server: Server, moto: str) -> None:
    arn, url = queue(moto, "dead")
    client = server.lambda_client()
    client.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": arn})
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    shown = client.get_function_configuration(FunctionName="f")
    assert shown["DeadLetterConfig"] == {"TargetArn": arn}
    configure(server)
    request = send(server, "fail")
    message = received(moto, url)
    assert json.loads(message["Body"]) == "fail"
    attributes = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": request, "ErrorCode": "200", "ErrorMessage": "asked to"}
    client.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": ""})
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    assert "DeadLetterConfig" not in client.get_function_configuration(FunctionName="f")
    client.close()


def test_a_webhook_gets_it_signed_and_again_where_it_was_busy(server: Server, hook: Any) -> None:
    configure(server, OnSuccess=f"http://127.0.0.1:{hook.server_address[1]}/hook")
    request = send(server, "good")
    until(lambda: len(hook.taken) >= 2, "it is sent again")
    (_, first, _), (path, again, body) = hook.taken[:2]
    assert path == "/hook"
    assert json.loads(body)["requestContext"]["requestId"] == request
    assert first["webhook-id"] == again["webhook-id"]
    signed = f"{again['webhook-id']}.{again['webhook-timestamp']}.".encode() + body
    url = f"http://127.0.0.1:{hook.server_address[1]}/hook?token=t"
    told = wasmfaas("webhooks", "destination", url, f"--data-dir={server.data_dir}", "--json").json
    assert told["url"] == url.partition("?")[0]
    key = b64decode(told["secret"].removeprefix("whsec_"))
    expected = b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert again["webhook-signature"] == f"v1,{expected}"
    shown = until(
        lambda: [
            each
            for each in server.http.get(f"/_wasmfaas/v1/events/{request}").json()["deliveries"]
            if each["state"] == "done"
        ],
        "its end is known",
    )
    assert shown[0]["attempt"] >= 2


def test_what_cannot_be_sent_is_a_dead_letter_and_can_be_sent_again(
    server: Server, moto: str
) -> None:
    missing = f"arn:aws:sqs:{REGION}:123456789012:later"
    configure(server, OnSuccess=missing)
    request = send(server, "good")

    def letters() -> Any:
        found = server.http.get("/_wasmfaas/v1/dead-letters").json()["dead_letters"]
        return [letter for letter in found if letter.get("event_id") == request]

    [letter] = until(letters, "it is given up")
    assert letter["condition"] == "DeliveryFailed"
    assert "NonExistentQueue" in letter["error"]
    shown = wasmfaas("dlq", "show", letter["id"], f"--data-dir={server.data_dir}")
    assert f"not sent to  {missing}" in shown.out
    assert missing in wasmfaas("events", f"--data-dir={server.data_dir}").out
    assert missing in wasmfaas("events", "show", request, f"--data-dir={server.data_dir}").out
    _, url = queue(moto, "later")
    assert wasmfaas("dlq", "redrive", letter["id"], f"--data-dir={server.data_dir}").status == 0
    assert json.loads(received(moto, url)["Body"])["responsePayload"] == "good"
