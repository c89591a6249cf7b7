"""CloudWatch Logs over a real log store, for an unmodified boto3 client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.api.harness import HOST, Answer, Harness
from tests.conftest import REGION
from wasmfaas.api.logs.operations import LogsOperations
from wasmfaas.api.logs.service import LOGS
from wasmfaas.api.targeted import TargetedApi
from wasmfaas.auth.authenticator import AnyoneAuthenticator
from wasmfaas.invoke.logs import LogStore
from wasmfaas.store.log_groups import LogGroups

STREAM = "2026/11/23/[$LATEST]" + "0123456789abcdef" * 2
GROUP = "/aws/lambda/hello"


class LogsHarness(Harness):
    """The Lambda API's harness with CloudWatch Logs in its place, and a function `hello`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._client = super()._new_client()
        self.create("hello")
        self._client = None
        self.now_ms = 1_700_000_000_000
        self.logs = LogStore(self.directory.logs, 8 * 1024 * 1024, clock_ms=lambda: self.now_ms)
        operations = LogsOperations(
            region=REGION,
            account_id=self.settings.account_id,
            groups=LogGroups(self.database, clock_ms=lambda: self.now_ms),
            logs=self.logs,
            clock=lambda: self.now_ms / 1000,
        )
        self.api = TargetedApi(  # type: ignore[assignment]
            LOGS, operations, AnyoneAuthenticator(self.settings.account_id)
        )

    def write(self, text: str, stream: str = STREAM, function: str = "hello") -> None:
        """One entry, a millisecond after the one before."""
        self.now_ms += 1
        self.logs.append(function, "id", text.encode(), stream)

    def call(self, operation: str, body: bytes | Any, **headers: str) -> Answer:
        """A request that boto3 would not send."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        target = {"x-amz-target": f"Logs_20140328.{operation}"}
        return self.request("POST", "/", headers=target | headers, body=[raw])

    def close(self) -> None:
        self.logs.close()
        super().close()

    def _new_client(self) -> Any:
        client = boto3.client(
            "logs",
            endpoint_url=f"http://{HOST}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )
        client.meta.events.register("before-send.cloudwatch-logs", self._before_send)
        return client


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[LogsHarness]:
    harness = LogsHarness(tmp_path / "data")
    yield harness
    harness.close()
