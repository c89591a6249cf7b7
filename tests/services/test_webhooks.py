"""Messages to webhooks: signed, to who they are for, and no further."""

import base64
import hashlib
import hmac

import pytest

from tests.services.test_client import answering, response
from wasmfaas.hooks.signatures import key_of
from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.reach import Reach
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.services.webhooks import DestinationSecrets, Webhooks

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_message_is_signed_so_that_its_receiver_can_tell() -> None:
    async with answering(response(204, b"")) as (url, requests):
        webhooks = Webhooks(Reach([url]), OutgoingClient(), "secret", lambda: 1234.9)
        await webhooks.send(f"{url}/hook?x=1", "msg", b'{"a": 1}')
        head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?x=1 HTTP/1.1")
    lines = head.decode().lower().split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in lines)
    text = DestinationSecrets("secret").of(url + "/hook")[1]
    key = base64.b64decode(text.removeprefix("whsec_"))
    expected = hmac.digest(key, b"msg.1234." + body, hashlib.sha256)
    assert f"webhook-signature: v1,{base64.b64encode(expected).decode()}" in head.decode()
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg", "1234")
    assert headers["host"] == url.removeprefix("http://")


def test_each_receiver_has_a_secret_of_its_own() -> None:
    secrets = DestinationSecrets("secret")
    urls = ("https://a.test/x", "https://a.test/y", "https://b.test/x", "http://a.test/x",
            "https://a.test:8443/x")  # fmt: skip
    assert len({secrets.of(url)[1] for url in urls}) == len(urls)
    assert DestinationSecrets("other").of(urls[0]) != secrets.of(urls[0])
    # Fixed: receivers keep it.
    text = hmac.digest(b"secret", b"wasmfaas webhook destination\0https://a.test/x", "sha256")
    expected = "whsec_" + base64.b64encode(text).decode()
    for same in ("https://a.test/x", "HTTPS://A.test:443/x", "https://a.test/x?token=t"):
        assert secrets.of(same) == ("https://a.test/x", expected)


def test_the_master_secret_may_be_written_as_the_specification_has_it() -> None:
    encoded = "whsec_" + base64.b64encode(b"\0key").decode()
    assert key_of(encoded) == b"\0key"
    assert key_of("whsec_*") == b"whsec_*"
    assert not DestinationSecrets("")


@pytest.mark.parametrize(
    ("answer", "is_final"),
    [(response(500, b""), False), (response(404, b""), False), (response(410, b""), True),
     (response(301, b"", location="http://127.0.0.1:1/"), False), (b"garbage\r\n\r\n", False)],
)  # fmt: skip
async def test_only_success_is_success(answer: bytes, is_final: bool) -> None:
    async with answering(answer) as (url, requests):
        webhooks = Webhooks(Reach([url]), OutgoingClient(), "secret")
        with pytest.raises(RemoteFailed) as failure:
            await webhooks.send(f"{url}/hook?token=t", "msg", b"{}")
    assert failure.value.is_final == is_final
    assert len(requests) == 1
    assert "token" not in failure.value.message


async def test_nothing_goes_where_it_may_not_or_unsigned() -> None:
    async with answering(response(200, b"")) as (url, requests):
        refused = Webhooks(Reach(()), OutgoingClient(), "secret")
        unsigned = Webhooks(Reach([url]), OutgoingClient(), "")
        for webhooks in (refused, unsigned):
            with pytest.raises(RemoteFailed) as failure:
                await webhooks.send(url, "msg", b"{}")
            assert failure.value.is_final
        https = url.replace("http://", "https://")
        with pytest.raises(RemoteFailed, match="is not a public address"):
            await refused.send(https, "msg", b"{}")
        assert requests == []
