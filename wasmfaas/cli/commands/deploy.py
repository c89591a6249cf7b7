"""`wasmfaas deploy`."""

import dataclasses
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from wasmfaas.cli import packaging, project
from wasmfaas.cli.commands.build import built_first
from wasmfaas.cli.deployer import Deployed, Deployer, Order
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import size, visible
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.project import FunctionSettings
from wasmfaas.declaration import InvalidSetting
from wasmfaas.models import Isolation
from wasmfaas.settings import Settings, load

Source = Annotated[
    Path,
    typer.Argument(metavar="PATH", help="A .py file, a folder, a .zip or a .wasm module."),
]
FunctionName = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Name of the function; else that of the path."),
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="Environment variable; can be repeated."),
]


def deploy(
    path: Source,
    name: FunctionName = None,
    handler: Annotated[
        str | None,
        typer.Option("--handler", metavar="MODULE.FUNCTION", help="Where it starts; else found."),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option("--runtime", metavar="RUNTIME", help="python3.x or provided.*; else found."),
    ] = None,
    memory: Annotated[
        int | None, typer.Option("--memory", metavar="MB", help="Memory; 128 at first.")
    ] = None,
    timeout: Annotated[
        int | None, typer.Option("--timeout", metavar="SECONDS", help="Timeout; 3 at first.")
    ] = None,
    env: Variables = None,
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="What it is.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag; can be repeated."),
    ] = None,
    isolation: Annotated[
        Isolation | None,
        typer.Option("--isolation", help="What an invocation sees of earlier ones."),
    ] = None,
    no_url: Annotated[bool, typer.Option("--no-url", help="Do not create a function URL.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Create a function, or update it, and wait until it is served.

    A folder can hold a wasmfaas.toml with these settings; flags win over it.
    What neither says stays as it is deployed. Where it has a [build], the
    folder is built first.
    """
    out = Output(json=json)
    started = time.monotonic()
    wanted = declared(path).overridden(
        name=name,
        handler=handler,
        runtime=runtime,
        memory_mb=memory,
        timeout_s=timeout,
        description=description,
        isolation=isolation and isolation.value,
    )
    with out.steps() as step:
        built_first(path, wanted, step)
    order = order_for(path, wanted, env, tag, with_url=not no_url)
    function = function_name(path, wanted)
    with session(url, data_dir) as client, out.steps() as step:
        deployed = Deployer(client).deploy(function, order, step)
    if json:
        out.document(document(deployed, time.monotonic() - started))
    else:
        _show(out, deployed, order, time.monotonic() - started)


def declared(path: Path) -> FunctionSettings:
    """What a folder's wasmfaas.toml says; nothing for a file."""
    return project.load(path) if path.is_dir() else FunctionSettings()


def order_for(
    path: Path,
    wanted: FunctionSettings,
    env: list[str] | None,
    tag: list[str] | None = None,
    *,
    with_url: bool = True,
) -> Order:
    """The order to deploy *path* as *wanted*, with variables and tags as flags give them."""
    return Order(
        package=packaging.pack(path, wanted, limits()),
        wanted=wanted,
        variables=_pairs(env, "--env"),
        tags=_pairs(tag, "--tag"),
        with_url=with_url,
    )


def function_name(path: Path, wanted: FunctionSettings) -> str:
    """The name that is wanted, else one made of the path's last part."""
    if wanted.name is not None:
        return wanted.name
    return project.name_of(path)


def limits() -> Settings:
    """The limits of packages, as a server started here would have them."""
    try:
        return load(os.environ, {})
    except InvalidSetting as error:
        raise Failure("InvalidSetting", str(error)) from None


def document(deployed: Deployed, seconds: float) -> dict[str, Any]:
    """What --json prints of a deploy."""
    configuration = deployed.configuration
    return {
        "name": deployed.name,
        "action": deployed.action,
        "arn": configuration.get("FunctionArn"),
        "runtime": configuration.get("Runtime"),
        "handler": configuration.get("Handler"),
        "memory_mb": configuration.get("MemorySize"),
        "timeout_s": configuration.get("Timeout"),
        "code_sha256": configuration.get("CodeSha256"),
        "code_size_bytes": configuration.get("CodeSize"),
        "url": deployed.url,
        "host_url": deployed.host_url,
        "schedules": [dataclasses.asdict(each) for each in deployed.schedules],
        "webhooks": [dataclasses.asdict(each) for each in deployed.webhooks],
        "seconds": round(seconds, 3),
    }


def _pairs(written: list[str] | None, flag: str) -> dict[str, str]:
    try:
        return project.pairs(written or [], flag)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _show(out: Output, deployed: Deployed, order: Order, seconds: float) -> None:
    configuration = deployed.configuration
    files = "1 file" if order.package.files == 1 else f"{order.package.files} files"
    rows: list[tuple[str, str | Styled]] = [
        ("runs", f"{configuration.get('Handler')} on {configuration.get('Runtime')}"),
        ("code", f"{files}, {size(len(order.package.data))} zipped"),
        (
            "limits",
            f"{configuration.get('MemorySize')} MB memory · {configuration.get('Timeout')} s",
        ),
    ]
    if deployed.url:
        rows.append(("url", (deployed.url, "cyan")))
    rows += [
        ("schedule", f"{visible(each.name)} {each.action} · {visible(each.expression)}")
        for each in deployed.schedules
    ]
    rows += [
        ("webhook", f"{visible(each.name)} {each.action} · {visible(each.url)}")
        for each in deployed.webhooks
    ]
    took = (f"  in {seconds:.1f} s", "dim")
    out.line(("✓ ", "green"), f"{deployed.action} ", (deployed.name, "bold"), took)
    out.facts(rows)
    out.line()
    command = f"curl {deployed.url}" if deployed.url else f"wasmfaas invoke {deployed.name}"
    out.line("  ", command)
