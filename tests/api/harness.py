"""The API with real stores behind it, and only the two seams to the sandboxes replaced."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import REGION, ROLE, zip_of
from wasmfaas.api.application import LambdaApi
from wasmfaas.api.downloads import CodeLinks
from wasmfaas.auth.authenticator import AnyoneAuthenticator, Authenticator
from wasmfaas.errors import TooManyRequests, WasmfaasError
from wasmfaas.invoke.packages import Packages
from wasmfaas.invoke.provisioning import Provisioned, Status
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.models import Function, InvocationContext, Outcome, PackageKind, Usage
from wasmfaas.settings import Settings
from wasmfaas.store import bundles
from wasmfaas.store.code import CodeStore
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.layers import Layers
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.registry import Registry

Result = TypeVar("Result")
HOST = "127.0.0.1:3001"
GUEST_PYTHON = "3.14.0"
PACKAGE = zip_of({"app.py": "def lambda_handler(event, context): return event\n"})


@dataclass(frozen=True)
class Answer:
    """A response as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send_request(
    application: Any,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: Iterable[bytes] = (),
) -> Answer:
    """One HTTP request to an ASGI application, its *target* percent-encoded already."""
    raw_path, _, query = target.partition("?")
    chunks = list(body)
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks] + [
        {"type": "http.request", "body": b"", "more_body": False}
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    fields = {"host": HOST, "content-length": str(sum(map(len, chunks)))} | dict(headers or {})
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(k.lower().encode(), v.encode("utf-8")) for k, v in fields.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 3001),
    }
    await application(scope, receive, send)
    start = sent[0]
    return Answer(
        start["status"],
        {name.decode(): value.decode("latin-1") for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


class Deployer:
    """Takes packages in as deployments do and serves them at once, without running anything."""

    def __init__(self, registry: Registry, code: CodeStore, settings: Settings) -> None:
        self._registry = registry
        self._code = code
        self._settings = settings
        #: When set, deployments stay on their way until `finish`.
        self.holds = False

    async def create(
        self,
        configuration: Mapping[str, Any],
        package: bytes,
        tags: Mapping[str, str],
        publish: bool = False,
    ) -> Function:
        bundles.inspect(package, self._settings)
        code = self._code.put(package)
        created = await self._registry.create(configuration, code, tags, publish)
        return await self._served(created)

    async def update_code(
        self,
        name: str,
        package: bytes,
        revision_id: str | None = None,
        dry_run: bool = False,
        publish: bool = False,
    ) -> Function:
        bundles.inspect(package, self._settings)
        if dry_run:
            return await self._registry.get(name)
        code = self._code.put(package)
        return await self._served(
            await self._registry.update(name, code=code, revision_id=revision_id, publish=publish)
        )

    async def update_configuration(
        self, name: str, configuration: Mapping[str, Any], revision_id: str | None = None
    ) -> Function:
        return await self._served(
            await self._registry.update(name, configuration=configuration, revision_id=revision_id)
        )

    async def delete(self, name: str, version: str | None = None) -> None:
        if version is None:
            await self._registry.delete(name)
        else:
            await self._registry.versions.delete(name, version)

    async def finish(self, function: Function) -> None:
        assert function.pending is not None
        await self._registry.activate(
            function.name, function.pending.id, PackageKind.PYTHON, "runtime"
        )

    async def _served(self, function: Function) -> Function:
        if not self.holds:
            await self.finish(function)
        return function


@dataclass
class Invoker:
    """Answers what it is told to, and remembers what it was asked."""

    registry: Registry
    payload: bytes = b'"answer"'
    error_type: str | None = None
    log: bytes = b"START\nEND\n"
    failure: WasmfaasError | None = None
    calls: list[tuple[str, bytes, InvocationContext]] = field(default_factory=list)

    async def stream(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> ResponseStream:
        stream = ResponseStream("$LATEST", 1000)
        try:
            stream.end(await self.invoke(name, event, context, qualifier))
        except TooManyRequests as error:
            stream.end(error)
        return stream

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        version = (await self.registry.require(name, qualifier)).number
        if self.failure is not None:
            raise self.failure
        self.calls.append((name, event, context))
        usage = Usage(
            request_id=context.request_id, attempt=1, function_name=name,
            function_version=version, started_at_ms=0, fuel_counted=7, fuel=7,
            duration_us=1500, billed_duration_ms=2, cpu_us=1000, memory_bytes_peak=1 << 20,
            init_us=None, request_bytes=len(event), response_bytes=len(self.payload),
            error_type=self.error_type,
        )  # fmt: skip
        return Outcome(
            request_id=context.request_id,
            executed_version=version,
            payload=self.payload,
            error_type=self.error_type,
            usage=usage,
            log=self.log,
        )


@dataclass
class Provisioning:
    """Says of everything what it is told to."""

    provisioned: Provisioned = field(default_factory=lambda: Provisioned(0, Status.IN_PROGRESS))

    def state(self, name: str, qualifier: str, requested: int) -> Provisioned:
        return self.provisioned


class Harness:
    """An API in a loop of its own thread, as boto3 blocks the thread it is called in."""

    def __init__(
        self, directory: Path, authenticator: Authenticator | None = None, **settings: Any
    ) -> None:
        self.settings = Settings(data_dir=directory, **settings)
        self._authenticator = authenticator or AnyoneAuthenticator(self.settings.account_id)
        self.now = 1_700_000_000.0
        self._client: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.run(self._open())

    async def _open(self) -> None:
        self.directory = DataDirectory.open(self.settings.data_dir)
        self.database = Database.open(self.directory.database)
        self.registry = Registry(self.database, self.arn)
        self.code = CodeStore(self.directory, self.settings)
        self.packages = Packages(self.settings, self.registry, self.code)
        self.deployer = Deployer(self.registry, self.code, self.settings)
        self.invoker = Invoker(self.registry)
        self.queue = EventQueue(self.database, "server", self.settings.events_max)
        self.provisioning = Provisioning()
        self.links = CodeLinks(lambda: self.now)
        self.api = LambdaApi(
            settings=self.settings,
            registry=self.registry,
            layers=Layers(self.database),
            intake=self.packages,
            deployments=self.deployer,
            invoker=self.invoker,
            queue=self.queue,
            provisioning=self.provisioning,
            links=self.links,
            guest_python=GUEST_PYTHON,
            authenticator=self._authenticator,
            clock=lambda: self.now,
        )

    def arn(self, name: str) -> str:
        return f"arn:aws:lambda:{REGION}:{self.settings.account_id}:function:{name}"

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of *work*, done in the API's loop."""
        done: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(timeout=200)

    def request(self, method: str, target: str, **request: Any) -> Answer:
        return self.run(send_request(self.api, method, target, **request))

    def client(self) -> Any:
        """An unmodified boto3 client whose requests go to the API without a network."""
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def _new_client(self) -> Any:
        client = boto3.client(
            "lambda",
            endpoint_url=f"http://{HOST}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )
        client.meta.events.register("before-send.lambda", self._before_send)
        return client

    def create(self, name: str, **members: Any) -> Any:
        """CreateFunction with what is not in *members* filled in."""
        given = {
            "FunctionName": name,
            "Runtime": "python3.14",
            "Handler": "app.lambda_handler",
            "Role": ROLE,
            "Code": {"ZipFile": PACKAGE},
        }
        return self.client().create_function(**(given | members))

    def close(self) -> None:
        self.run(self.packages.close())
        self.database.close()
        self.directory.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.url.removeprefix(f"http://{HOST}")
        headers = {
            name: value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        body = request.body or b""
        raw = body if isinstance(body, bytes) else body.read() if hasattr(body, "read") else body
        raw = raw.encode() if isinstance(raw, str) else bytes(raw)
        answer = self.request(request.method, target, headers=headers, body=[raw] if raw else [])
        return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))


class _Raw:
    """As much of a urllib3 response as botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterable[bytes]:
        yield self._content

    def read(self, *_: Any, **__: Any) -> bytes:
        content, self._content = self._content, b""
        return content


def refused(code: str, call: Callable[..., Any], **arguments: Any) -> str:
    """Run *call*, which has to be refused with *code*; the message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return str(caught.value.response["Error"]["Message"])
