"""A real server, for the tests that go through the front door."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests import postgres
from wasmfaas.auth.signer import Credentials, Signer
from wasmfaas.cli.signing import signing
from wasmfaas.store.database import Database

START_S_MAX = 300
ROLE = "arn:aws:iam::000000000000:role/lambda"
REGION = "us-east-1"

# A shell starts background jobs with interrupts ignored, and every process here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """A package with these files; of the same files, the same one at any time."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return package.getvalue()


@dataclass
class Server:
    """A running server process, and clients of it."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    #: The admin key that the server made for its command line.
    credentials: Credentials = field(init=False)
    signer: Signer = field(init=False)
    #: Signs what goes to the API and to our own routes.
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.credentials = Credentials.read(self.data_dir)
        self.signer = Signer(self.credentials, REGION)
        self.http = httpx.Client(base_url=self.url, timeout=120, auth=self.sign)

    def sign(self, request: httpx.Request) -> httpx.Request:
        """*request* with a signature, unless it is for a function URL; for `auth` of httpx."""
        is_url = request.url.path.startswith("/f/") or ".lambda-url." in request.headers["host"]
        return request if is_url else signing(self.signer)(request)

    @property
    def variables(self) -> dict[str, str]:
        """What tells an AWS client in a process of its own about this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def lambda_client(self, **config: Any) -> Any:
        """An unmodified boto3 client."""
        return self.client("lambda", **config)

    def client(self, service: str, **config: Any) -> Any:
        """The same for another *service*."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret,
            config=Config(retries={"max_attempts": 0}, **config),
        )

    def deploy(self, name: str, files: Mapping[str, str | bytes], **settings: Any) -> str:
        """Create the function, wait until it is active, give it a URL; returns its name."""
        members = {
            "Runtime": "python3.14",
            "Handler": "app.lambda_handler",
            "Role": ROLE,
            "Code": {"ZipFile": zip_of(files)},
            # A busy machine may take a while.
            "Timeout": 30,
        }
        with contextlib.closing(self.lambda_client()) as client:
            client.create_function(FunctionName=name, **(members | settings))
            client.get_waiter("function_active_v2").wait(
                FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 3000}
            )
            client.create_function_url_config(FunctionName=name, AuthType="NONE")
            open_url(client, name)
        return name

    def invoke(self, name: str, event: Any = None, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Invoke *name*; the parsed payload and boto3's response."""
        payload = json.dumps({} if event is None else event)
        with contextlib.closing(self.lambda_client(read_timeout=120)) as client:
            response = client.invoke(FunctionName=name, Payload=payload, **arguments)
            return json.loads(response["Payload"].read() or b"null"), response

    def events(self, name: str) -> dict[str, int]:
        """How many events of *name* there are in each state, but for those that have none."""
        found = self.http.get(f"/_wasmfaas/v1/events?function={name}").json()["functions"]
        return {state: n for each in found for state, n in each.items() if state != "name" and n}

    def await_events(self, name: str, within_s: float = 120, **counts: int) -> None:
        """Wait until there are as many events of *name* in each state."""
        deadline = time.monotonic() + within_s
        while (found := self.events(name)) != counts:
            assert time.monotonic() < deadline, f"not within {within_s} s: {found}"
            time.sleep(0.02)

    def stop(self) -> int:
        """Ask the server to stop; its exit status."""
        self.http.close()
        self.process.terminate()
        return self.process.wait(timeout=120)


def open_url(client: Any, name: str) -> None:
    """Permit everybody to call the URL of *name*."""
    client.add_permission(
        FunctionName=name,
        StatementId="FunctionURLAllowPublicAccess",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )


def start_server(data_dir: Path, cache_dir: Path, **settings: Any) -> Server:
    """Start `wasmfaas up` on a free port and wait until it answers."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    log_path = data_dir.with_name(data_dir.name + ".log")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "wasmfaas", "up", "--port=0", f"--data-dir={data_dir}",
             f"--cache-dir={cache_dir}", *flags],
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, KeyError, httpx.TransportError):
            found = json.loads((data_dir / "server.json").read_text())
            if found["pid"] == process.pid and httpx.get(found["url"] + "/_wasmfaas/v1/health"):
                return Server(found["url"], data_dir, process)
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"the server did not come up: {log_path.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """Shared by all servers of all runs, as building the Python runtime takes half a minute."""
    chosen = os.environ.get("WASMFAAS_TEST_CACHE_DIR")
    path = Path(chosen) if chosen else Path(__file__).parents[1] / ".venv" / "wasmfaas-cache"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    """One server for all the tests that need no settings of their own."""
    server = start_server(tmp_path_factory.mktemp("server") / "data", cache_dir, workers_max=2)
    yield server
    assert server.stop() == 0


@pytest.fixture
def function_name() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for all tests of this process."""
    if postgres.programs() is None:
        pytest.skip("there is no PostgreSQL on this machine (initdb was not found)")
    with postgres.running() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database'}"
    return postgres.create(request.getfixturevalue("postgres_server"))


@pytest.fixture
def any_database(database_url: str) -> Iterator[Database]:
    """The same, open; use it as `database` in a module that has to hold on both."""
    database = Database.open(database_url)
    yield database
    database.close()
