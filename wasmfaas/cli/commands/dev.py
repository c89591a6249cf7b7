"""`wasmfaas dev`."""

import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from wasmfaas.cli import building
from wasmfaas.cli.client import Client
from wasmfaas.cli.commands import logs
from wasmfaas.cli.commands.build import built_first
from wasmfaas.cli.commands.deploy import (
    FunctionName,
    Source,
    Variables,
    declared,
    document,
    function_name,
    order_for,
)
from wasmfaas.cli.deployer import Deployed, Deployer, Progress
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import DataDir, Url, session
from wasmfaas.cli.output import Output
from wasmfaas.cli.sources import printable
from wasmfaas.cli.watching import Watch

_RECONNECT_S = 1.0


def dev(
    path: Source,
    name: FunctionName = None,
    env: Variables = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line per event.")] = False,
) -> None:
    """Build and deploy on every save, and print the log; until Ctrl-C."""
    if not path.exists():
        raise Failure("PathNotFound", f"{printable(path)} does not exist")
    with session(url, data_dir) as client:
        _Development(client, Output(json=json), path, name, env).run()


class _Development:
    """One run of `dev`."""

    def __init__(
        self, client: Client, out: Output, path: Path, name: str | None, env: list[str] | None
    ) -> None:
        self._client = client
        self._out = out
        self._path = path
        self._name = name
        self._env = env
        self._followed: set[str] = set()
        self._written: tuple[str, ...] = ()

    def run(self) -> None:
        watch = Watch(self._path, ignored=self._written_by_builds)
        with self._out.steps() as step:
            first = self._attempt(step)
        self._report(first)
        for _ in watch.changes():
            self._report(self._attempt(lambda _: None))

    def _written_by_builds(self) -> tuple[str, ...]:
        """Patterns of what changes without a save; as they were while wasmfaas.toml is broken."""
        try:
            build = declared(self._path).build
        except Failure:
            return self._written
        self._written = building.written(build) if build is not None else ()
        return self._written

    def _attempt(self, progress: Progress) -> tuple[Deployed | Failure, float]:
        started = time.monotonic()
        try:
            outcome: Deployed | Failure = self._deploy(progress)
        except Failure as failure:
            outcome = failure
        return outcome, time.monotonic() - started

    def _deploy(self, progress: Progress) -> Deployed:
        wanted = declared(self._path).overridden(name=self._name)
        built_first(self._path, wanted, progress)
        order = order_for(self._path, wanted, self._env)
        deployed = Deployer(self._client).deploy(function_name(self._path, wanted), order, progress)
        self._follow(deployed.name)
        return deployed

    def _report(self, attempt: tuple[Deployed | Failure, float]) -> None:
        outcome, seconds = attempt
        if isinstance(outcome, Failure):
            self._report_failure(outcome)
        elif self._out.json:
            self._out.record({"event": "deployed", **document(outcome, seconds)})
        else:
            self._out.line(
                (f"{time.strftime('%H:%M:%S')}      ", "dim"),
                ("✓ ", "green"),
                f"{outcome.action} ",
                (outcome.name, "bold"),
                (f" in {seconds:.1f} s  ", "dim"),
                (outcome.url or "", "cyan"),
            )

    def _report_failure(self, failure: Failure) -> None:
        if self._out.json:
            error = {"code": failure.code, "message": failure.message}
            self._out.record({"event": "failed", "error": error})
        else:
            self._out.line(
                (f"{time.strftime('%H:%M:%S')}      ", "dim"), ("✗ ", "red"), failure.message
            )

    def _follow(self, name: str) -> None:
        """Print the log of *name* from now on, beside what else happens."""
        if name in self._followed:
            return
        self._followed.add(name)
        newest = self._client.logs(name, limit=1)
        after = newest[-1]["position"] if newest else 0
        threading.Thread(target=self._print_log, args=(name, after), daemon=True).start()

    def _print_log(self, name: str, after: int) -> None:
        while True:
            try:
                for entry in self._client.follow(name, after=after):
                    after = entry["position"]
                    if self._out.json:
                        self._out.record({"event": "log", **entry})
                    else:
                        logs.show(self._out, entry)
            except Failure:
                pass  # the server restarts, or the function is deleted
            except (OSError, RuntimeError):
                return  # there is nobody to print for, or the client was closed
            time.sleep(_RECONNECT_S)
