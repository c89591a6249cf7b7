"""What a deploy does when the server is slow, busy, or fails. The server is scripted, as a real one
is none of that on demand."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from wasmfaas.cli.client import Client
from wasmfaas.cli.deployer import Deployed, Deployer, Order
from wasmfaas.cli.discovery import Address
from wasmfaas.cli.failures import Failure, Refused
from wasmfaas.cli.packaging import Package
from wasmfaas.cli.project import FunctionSettings

URL = "http://127.0.0.1:3001"
PACKAGE = Package(data=b"zip", handler="app.lambda_handler", runtime="python3.14", files=1)
ACTIVE = {"State": "Active", "LastUpdateStatus": "Successful"}
BUSY = {"State": "Active", "LastUpdateStatus": "InProgress"}
CONFLICT = httpx.Response(
    409,
    headers={"x-amzn-errortype": "ResourceConflictException"},
    json={"Type": "User", "message": "An update is in progress"},
)


class Lambda:
    """A server with one function, which is in *states* one after the other and then stays in the
    last; the first updates are answered with *updates*."""

    def __init__(self, *states: dict[str, str], updates: Iterable[httpx.Response] = ()) -> None:
        self._states = list(states)
        self._updates = iter(updates)
        self.sent: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/2015-03-31")
        if request.method == "GET":
            return httpx.Response(200, json=self._seen(path))
        self.sent.append(f"{request.method} {path}")
        return next(self._updates, httpx.Response(200, json={}))

    def _seen(self, path: str) -> dict[str, Any]:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        configuration = {"FunctionArn": "arn", "Runtime": "python3.14", "CodeSha256": "other"}
        configuration |= {"Handler": "app.lambda_handler", **state}
        return (
            configuration if path.endswith("/configuration") else {"Configuration": configuration}
        )


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def deploy(server: Callable[[httpx.Request], httpx.Response], time: Time | None = None) -> Deployed:
    time = time or Time()
    with httpx.Client(transport=httpx.MockTransport(server), base_url=URL) as http:
        deployer = Deployer(Client(Address(URL, "--url"), http), clock=time, sleep=time.sleep)
        order = Order(
            package=PACKAGE, wanted=FunctionSettings(), variables={}, tags={}, with_url=False
        )
        return deployer.deploy("hello", order, lambda _: None)


def test_an_update_is_over_when_it_is_served() -> None:
    server, time = Lambda(ACTIVE, ACTIVE, BUSY, BUSY, BUSY, ACTIVE), Time()
    assert deploy(server, time).action == "updated"
    assert server.sent == ["PUT /functions/hello/code"]
    assert time.now > 0


def test_an_update_waits_for_one_that_is_under_way() -> None:
    server = Lambda(BUSY, BUSY, BUSY, ACTIVE)
    assert deploy(server).action == "updated"
    assert len(server.sent) == 1


def test_an_update_that_another_one_got_ahead_of_is_sent_again_once() -> None:
    server = Lambda(ACTIVE, ACTIVE, BUSY, ACTIVE, updates=[CONFLICT])
    assert deploy(server).action == "updated"
    assert server.sent == ["PUT /functions/hello/code"] * 2
    with pytest.raises(Refused) as refused:
        deploy(Lambda(ACTIVE, updates=[CONFLICT, CONFLICT]))
    assert refused.value.code == "ResourceConflictException"


def test_a_failed_update_ends_with_the_servers_reason() -> None:
    failed = ACTIVE | {
        "LastUpdateStatus": "Failed",
        "LastUpdateStatusReason": "Compiling took over 120 s of CPU time.",
        "LastUpdateStatusReasonCode": "InvalidCode",
    }
    with pytest.raises(Failure, match="hello was not deployed: Compiling took over 120 s") as error:
        deploy(Lambda(ACTIVE, ACTIVE, BUSY, failed))
    assert error.value.code == "InvalidCode"


def test_a_failed_function_is_deployed_again_even_if_nothing_changed() -> None:
    failed = {"State": "Failed", "CodeSha256": PACKAGE.sha256}
    server = Lambda(failed, failed, ACTIVE)
    assert deploy(server).action == "updated"
    assert server.sent == ["PUT /functions/hello/code"]


def test_a_server_that_never_gets_there_is_given_up_on() -> None:
    time = Time()
    with pytest.raises(Failure, match="hello is not served after 600 s"):
        deploy(Lambda(BUSY), time)
    assert 600 < time.now < 610


def test_errors_without_a_body_still_say_something() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>")

    with pytest.raises(Refused, match="the server answered 502 Bad Gateway"):
        deploy(server)


def test_answers_that_are_no_documents_are_not_ours() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=json.dumps([1]))

    with pytest.raises(Failure, match="is not wasmfaas"):
        deploy(server)


def test_a_connection_that_breaks_is_told() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("peer closed connection", request=request)

    with pytest.raises(Failure, match=f"the connection to {URL} broke: peer closed"):
        deploy(server)
