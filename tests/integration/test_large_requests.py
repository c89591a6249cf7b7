"""Requests of 70 MB: answered from their head where that says enough, and bounded where not."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Server
from tests.integration.raw import Answer, connected, request, signed_head
from tests.integration.test_load import most_resident_bytes, resident_bytes

FUNCTIONS = "/2015-03-31/functions"
BYTES = 70_000_000
BYTES_MAX = 70_167_211
MIB = 1024 * 1024


def answer_to_head(server: Server, head: bytes) -> Answer:
    """What is said before anything of the body has been sent."""
    with connected(server.url) as client:
        client.send(head)
        answer = client.answer()
        assert answer is not None
        return answer


@pytest.mark.parametrize(
    ("path", "length", "said"),
    [
        (FUNCTIONS, BYTES_MAX + 1, f"{BYTES_MAX} bytes for the CreateFunction operation"),
        (f"{FUNCTIONS}/f/invocations", BYTES, "6291456 bytes for the InvokeFunction operation"),
        (f"{FUNCTIONS}/f/versions", 10**18, f"{BYTES_MAX} bytes for the PublishVersion operation"),
    ],
)
def test_what_is_announced_too_large_is_refused_at_once(
    server: Server, path: str, length: int, said: str
) -> None:
    announced = b"Content-Length: %d\r\n\r\n" % length
    answer = answer_to_head(server, signed_head(server, path) + announced)
    assert answer.status == 413
    assert json.dumps(answer.document).find(f"Request must be smaller than {said}") > 0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "AWS4-HMAC-SHA256 Credential=a"}])
def test_who_is_not_let_in_sends_no_70_mb(server: Server, headers: dict[str, str]) -> None:
    announced = {"Content-Length": str(BYTES)}
    answer = answer_to_head(server, request("POST", FUNCTIONS, headers=headers | announced))
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"].endswith("Exception")


def documents() -> Iterator[bytes]:
    """Bodies of as much as may be sent, none of which is a function."""
    yield b'{"FunctionName":"f","Code":{"ZipFile":"%b"}}' % (b"A" * BYTES)
    yield b'{"FunctionName":"%b"}' % (b"f" * BYTES)
    yield b"[" * BYTES


def test_70_mb_cost_no_more_than_a_few_copies(server: Server) -> None:
    before = resident_bytes(server)
    for body in documents():
        with most_resident_bytes(server) as most:
            answer = server.http.post(FUNCTIONS, content=body)
            assert answer.status_code in (400, 413)
            assert answer.json()["message"]
            assert len(answer.content) < 2000
        assert most() - before < 4 * BYTES
    assert server.http.get("/_wasmfaas/v1/health").status_code == 200
