"""Requests signed by botocore, as our verifier gets to see them."""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from wasmfaas.auth.principals import AccessKey, Role
from wasmfaas.auth.sigv4 import Request

REGION = "us-east-1"
NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
HOST = "127.0.0.1:3001"
KEY = AccessKey(id="WFAKTESTTESTTESTTEST", secret="s3cr3t/Key+", name="ada", role=Role.ADMIN)


@contextmanager
def clock_at(moment_s: float) -> Iterator[None]:
    """botocore signs as if it were then."""
    moment = datetime.datetime.fromtimestamp(moment_s, datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        yield


def signed(
    method: str = "POST",
    target: str = "/2015-03-31/functions/f/invocations",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    key: AccessKey = KEY,
    at_s: float = NOW,
    service: str = "lambda",
    region: str = REGION,
    expires_s: int | None = None,
    token: str | None = None,
    params: Mapping[str, str] | None = None,
) -> Request:
    """The request as it arrives; presigned where *expires_s* is given."""
    request = AWSRequest(
        method=method,
        url=f"http://{HOST}{target}",
        data=body,
        headers=dict(headers or {}),
        params=dict(params or {}),
    )
    credentials = Credentials(key.id, key.secret, token)
    if expires_s is None:
        signer: Any = SigV4Auth(credentials, service, region)
    else:
        signer = SigV4QueryAuth(credentials, service, region, expires_s)
    with clock_at(at_s):
        signer.add_auth(request)
    return arrived(request)


def arrived(request: AWSRequest) -> Request:
    """What the server reads of a request of botocore."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    fields = {"Host": HOST} | dict(prepared.headers.items())
    return Request(
        prepared.method,
        parts.path.encode() or b"/",
        parts.query.encode(),
        tuple(
            (name.lower().encode(), value if isinstance(value, bytes) else str(value).encode())
            for name, value in fields.items()
        ),
    )
