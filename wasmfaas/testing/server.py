"""A server in a process and a directory of its own, for as long as a test needs it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wasmfaas.declaration import default_cache_dir
from wasmfaas.settings import Settings

#: The first start on a machine builds the Python runtime.
START_S_MAX = 300.0
STOP_S_MAX = 30.0
_POLL_S = 0.02
_OUTPUT_CHARACTERS_SHOWN = 10_000
#: Enough for tests, and little enough that many servers fit a machine.
_WORKERS_MAX = 2


class ServerFailed(Exception):
    """The server did not come up. The message has what it said."""


class FunctionFailed(Exception):
    """The function answered with an error: `payload` is what Lambda returns for it."""

    def __init__(self, name: str, payload: Any) -> None:
        told = payload if isinstance(payload, dict) else {}
        super().__init__(f"{name}: {told.get('errorType')}: {told.get('errorMessage')}")
        self.payload = payload


class Server:
    """A running server. Starts in the constructor; `stop`, or the end of `with`, ends it.

    *folder* holds its data and its output; without one it is a temporary folder that goes with the
    server. *cache_dir* holds the Python runtime and should outlive servers; the default is the one
    of `wasmfaas up`. *settings* are those of `wasmfaas up`, by the names of their flags:
    `Server(workers_max=4)`. Raises ServerFailed.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        cache_dir: Path | str | None = None,
        region: str = "us-east-1",
        **settings: Any,
    ) -> None:
        self._temporary = folder is None
        self._folder = Path(tempfile.mkdtemp(prefix="wasmfaas-") if folder is None else folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self.region = region
        self.data_dir = self._folder / "data"
        self._output = self._folder / "server.log"
        chosen = {"workers_max": _WORKERS_MAX, "region": region} | settings
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "wasmfaas", "up", "--port=0"),
                    f"--data-dir={self.data_dir}",
                    f"--cache-dir={cache_dir or default_cache_dir()}",
                    *(_flag(name, value) for name, value in chosen.items() if value is not False),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "NO_COLOR": "1"},
            )
        try:
            #: Such as `http://127.0.0.1:43121`.
            self.url = self._wait_until_ready()
            self.access_key_id, self.secret_access_key = _credentials(self.data_dir)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which AWS's SDKs and command line find this server, and may use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def client(self, service: str = "lambda", **arguments: Any) -> Any:
        """A boto3 client of this server, for `lambda`, `logs` or `sts`; *arguments* are boto3's."""
        import boto3

        ours = {
            "endpoint_url": self.url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }
        return boto3.client(service, **(ours | arguments))

    def deploy(
        self, name: str, path: Path | str, *, handler: str | None = None, **members: Any
    ) -> str:
        """Create the function *name*, or update its code, and wait until it is served.

        *path* is what `wasmfaas deploy` takes: a .py file, a folder, a .zip or a .wasm module.
        *members* are those of CreateFunction, such as `Timeout=10`. Returns the function's ARN.
        """
        # pytest loads this module wherever wasmfaas is installed: it takes little to do so.
        from wasmfaas.cli.packaging import pack
        from wasmfaas.cli.project import FunctionSettings

        package = pack(Path(path), FunctionSettings(handler=handler), Settings())
        with contextlib.closing(self.client()) as client:
            try:
                client.create_function(
                    **{
                        "FunctionName": name,
                        "Runtime": package.runtime,
                        "Handler": package.handler,
                        "Role": "arn:aws:iam::000000000000:role/test",
                        "Code": {"ZipFile": package.data},
                        **members,
                    }
                )
            except client.exceptions.ResourceConflictException:
                client.update_function_code(FunctionName=name, ZipFile=package.data)
            for waiter in ("function_active_v2", "function_updated_v2"):
                client.get_waiter(waiter).wait(
                    FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
                )
            return str(client.get_function_configuration(FunctionName=name)["FunctionArn"])

    def invoke(self, name: str, event: Any = None, **arguments: Any) -> Any:
        """What the function *name* answers to *event*; *arguments* are those of Invoke.

        Raises FunctionFailed where it answers with an error.
        """
        with contextlib.closing(self.client()) as client:
            payload = json.dumps({} if event is None else event)
            response = client.invoke(FunctionName=name, Payload=payload, **arguments)
            answer = json.loads(response["Payload"].read() or b"null")
        if "FunctionError" in response:
            raise FunctionFailed(name, answer)
        return answer

    def output(self) -> str:
        """The end of what the server has printed."""
        return self._output.read_text(errors="replace")[-_OUTPUT_CHARACTERS_SHOWN:]

    def logs(self, name: str, since_ms: int = 0) -> str:
        """The log of the function *name* since that moment, in Unix milliseconds."""
        with contextlib.closing(self.client("logs")) as client:
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/{name}", startTime=since_ms
            )
            return "".join(event["message"] for page in pages for event in page["events"])

    def stop(self) -> None:
        """End the server, which may take the time that its functions still run. Idempotent."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until_ready(self) -> str:
        """The URL, which the server announces once it serves."""
        deadline = time.monotonic() + START_S_MAX
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError, KeyError):
                found = json.loads((self.data_dir / "server.json").read_bytes())
                if found["pid"] == self._process.pid:
                    return str(found["url"])
            time.sleep(_POLL_S)
        raise ServerFailed(f"The server did not come up. It said:\n{self.output()}")


def _flag(name: str, value: Any) -> str:
    flag = f"--{name.replace('_', '-')}"
    return flag if value is True else f"{flag}={value}"


def _credentials(data_dir: Path) -> tuple[str, str]:
    """The key that a server keeps for who shares its machine."""
    document = json.loads((data_dir / "credentials.json").read_bytes())
    return document["access_key_id"], document["secret_access_key"]
