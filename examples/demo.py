"""`make demo`: starts a server, deploys every example, calls each over HTTP, shows what came back.

The server's data is kept in `.demo/`, so a second run finds everything in place.
"""

import contextlib
import hashlib
import hmac
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
DATA = ROOT / ".demo"
URL = os.environ.get("DEMO_URL", "http://127.0.0.1:3001")
START_S_MAX = 300
WARM_CALLS = 20


@dataclass(frozen=True)
class Call:
    """One example, and a request that shows what it does."""

    example: str
    path: str = ""
    method: str = "GET"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        return f"{URL}/f/{self.example}/{self.path}"


def calls() -> list[Call]:
    """A real request for each example."""
    body = b'{"action": "opened", "number": 7}'
    project = tomllib.loads((EXAMPLES / "webhook" / "wasmfaas.toml").read_text())
    secret = project["environment"]["WEBHOOK_SECRET"].encode()
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    signed = (("content-type", "application/json"), ("x-hub-signature-256", signature))
    return [
        Call("hello-python", "?name=Ada"),
        Call("hello-c", "?name=Grace"),
        Call("hello-wasi"),
        Call("markdown-site"),
        Call("webhook", "", "POST", body, signed),
    ]


def main() -> int:
    console = Console(highlight=False)
    started = time.monotonic()
    # However this is ended, the server ends with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server = start_server()
    try:
        if not wait_until_up(server):
            return server.returncode or 1
        console.print(f"server     {URL}  up in {time.monotonic() - started:.1f} s")
        for name in deploy_all(console):
            console.print(f"deployed   {name}")
        show(console)
        console.print(f"all of it took {time.monotonic() - started:.1f} s")
        console.print("\nThe server keeps running. [bold]Ctrl-C[/] stops it; meanwhile, try:")
        console.print(f"  export WASMFAAS_DATA_DIR={DATA} PATH={Path(sys.executable).parent}:$PATH")
        console.print("  wasmfaas list; wasmfaas usage; wasmfaas logs hello-python")
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def start_server() -> subprocess.Popen[bytes]:
    """The server, in a session of its own so that a Ctrl-C reaches it only through us."""
    port = URL.rpartition(":")[2]
    command = [sys.executable, "-m", "wasmfaas", "up", f"--port={port}"]
    return subprocess.Popen(
        [*command, f"--data-dir={DATA}"], stdin=subprocess.DEVNULL, process_group=0
    )


def wait_until_up(server: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers; it says itself what it is doing until then, and why it ends."""
    deadline = time.monotonic() + START_S_MAX
    while server.poll() is None and time.monotonic() < deadline:
        # Another server may have the port, and answer for ours.
        with contextlib.suppress(OSError, ValueError, httpx.TransportError):
            if json.loads((DATA / "server.json").read_text())["pid"] == server.pid:
                return httpx.get(URL + "/_wasmfaas/v1/health", timeout=5).status_code == 200
        time.sleep(0.02)
    return False


def deploy_all(console: Console) -> list[str]:
    """Deploy what is not there yet, side by side; the names in order."""
    names = [call.example for call in calls()]
    listing = [sys.executable, "-m", "wasmfaas", "list", "--json", f"--data-dir={DATA}"]
    listed = json.loads(subprocess.run(listing, check=True, stdout=subprocess.PIPE).stdout)
    present = {function["name"] for function in listed["functions"]}
    missing = [name for name in names if name not in present]
    running = {name: subprocess.Popen(_deploy_command(name)) for name in missing}
    for name, process in running.items():
        if process.wait():
            console.print(f"[red]{name} could not be deployed[/]")
            raise SystemExit(1)
    return names


def _deploy_command(name: str) -> list[str]:
    folder = EXAMPLES / name
    if (folder / "Makefile").exists():
        make = ["make", "-s", "-C", str(folder), f"PYTHON={sys.executable}"]
        subprocess.run(make, check=True)
    command = [sys.executable, "-m", "wasmfaas", "deploy", str(folder), f"--data-dir={DATA}"]
    return ["sh", "-c", 'exec "$0" "$@" >/dev/null', *command]


def show(console: Console) -> None:
    """Call every example, first cold, then warm, and print a table of what came back."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("EXAMPLE", "STATUS"):
        table.add_column(heading)
    for heading in ("FIRST", "WARM", "FUEL", "BILLED"):
        table.add_column(heading, justify="right")
    answers = []
    with httpx.Client(timeout=60) as client:
        for call in calls():
            row, answer = measure(client, call)
            table.add_row(*row)
            answers.append(answer)
    console.print()
    console.print(table)
    console.print()
    for line in answers:
        console.print(line, markup=False, soft_wrap=True)


def measure(client: httpx.Client, call: Call) -> tuple[list[str], str]:
    """The row of *call*, and what it answered."""
    request = client.build_request(
        call.method, call.url, content=call.body or None, headers=list(call.headers)
    )
    times = []
    for _ in range(1 + WARM_CALLS):
        begun = time.perf_counter()
        response = client.send(request)
        times.append((time.perf_counter() - begun) * 1e3)
    if response.status_code != 200:
        raise SystemExit(f"{call.url} answered {response.status_code}: {response.text}")
    fuel = int(response.headers["x-wasmfaas-fuel"])
    billed = response.headers["x-wasmfaas-billed-duration-ms"]
    row = [call.example, str(response.status_code), f"{times[0]:.1f} ms",
           f"{statistics.median(times[1:]):.1f} ms", f"{fuel:,}", f"{billed} ms"]  # fmt: skip
    text = json.dumps(response.text[:400])[1:-1].replace('\\"', '"')
    return row, f"{call.method} {call.url}\n  {text[:150]}{'…' * (len(text) > 150)}"


if __name__ == "__main__":
    sys.exit(main())
