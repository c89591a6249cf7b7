"""`wasmfaas up`. Its flags are made from the settings, so that each is written once."""

import dataclasses
import inspect
import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Annotated, Any, get_type_hints

import typer

from wasmfaas import __version__
from wasmfaas.cli.failures import EXIT_USAGE, Failure
from wasmfaas.cli.options import Json
from wasmfaas.cli.output import Output
from wasmfaas.conversion import plain_type
from wasmfaas.declaration import (
    InvalidSetting,
    environment_name,
    flag_name,
    has_flag,
    shown_default,
)
from wasmfaas.errors import WasmfaasError
from wasmfaas.settings import Settings, load


class _UnusableSetting(Failure):
    exit_status = EXIT_USAGE


def up_command() -> Callable[..., None]:
    """The command, with one flag for each setting."""

    def up(**chosen: Any) -> None:
        """Start a server on this machine; Ctrl-C stops it.

        Every setting can also come from the environment: --data-dir from
        WASMFAAS_DATA_DIR, and so on.
        """
        out = Output(json=chosen.pop("json"))
        try:
            _serve(load(os.environ, chosen), out)
        except InvalidSetting as error:
            raise _UnusableSetting("InvalidSetting", str(error)) from None
        except WasmfaasError as error:
            raise Failure(error.code, error.message) from None

    parameters = [*_flags(), _parameter("json", Json, False)]
    up.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    up.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return up


def _flags() -> list[inspect.Parameter]:
    types = get_type_hints(Settings)
    # Text, but for flags: the settings themselves tell what is wrong with a value.
    return [
        _parameter(
            setting.name,
            Annotated[(bool if types[setting.name] is bool else str) | None,
                      _option(setting, types)],
            None,
        )
        for setting in dataclasses.fields(Settings)
        if has_flag(setting)
    ]  # fmt: skip


def _option(setting: "dataclasses.Field[Any]", types: Mapping[str, type]) -> Any:
    kind = plain_type(types[setting.name])
    return typer.Option(
        flag_name(setting.name),
        help=f"{setting.metadata['help']} Default: {shown_default(setting)}.",
        metavar=None if kind is bool else kind.__name__.upper(),
        envvar=environment_name(setting.name),
        show_envvar=False,
    )


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _serve(settings: Settings, out: Output) -> None:
    from wasmfaas import app

    with ExitStack() as starting:
        step = starting.enter_context(out.steps(keep=True))

        def ready(url: str) -> None:
            starting.close()
            _announce(url, settings, out)

        app.serve(settings, ready, step)


def _warn(settings: Settings, out: Output) -> None:
    """Say loudly what is not protected."""
    if settings.dev_no_auth:
        out.line(
            ("WARNING: ", "bold red"),
            "--dev-no-auth: requests are not authenticated. Every program and every user of this "
            "machine can run code as you.",
            notes=True,
        )
    if settings.insecure_http and not settings.is_local:
        out.line(
            ("WARNING: ", "bold red"),
            f"--insecure-http: what is sent to {settings.host} can be read on its way, events and "
            "answers included.",
            notes=True,
        )


def _announce(url: str, settings: Settings, out: Output) -> None:
    _warn(settings, out)
    if out.json:
        document: dict[str, Any] = {
            "url": url,
            "pid": os.getpid(),
            "version": __version__,
            "data_dir": str(settings.data_dir),
        }
        if settings.dev_no_auth:
            document["dev_no_auth"] = True
        out.document(document)
        return
    out.line(("✓ ", "green"), f"wasmfaas {__version__} is ready at ", (url, "bold cyan"))
    out.line()
    out.facts(_next_steps(settings))


def _next_steps(settings: Settings) -> list[tuple[str, str]]:
    steps = [
        ("wasmfaas init python hello", "writes a first function"),
        ("wasmfaas deploy hello", "runs it here and prints its URL"),
        ("wasmfaas --help", "shows what else there is"),
    ]
    found = load(os.environ, {}).data_dir
    if settings.data_dir != found:
        variable = environment_name("data_dir")
        export = f"export {variable}={shlex.quote(str(settings.data_dir.absolute()))}"
        found_by = (export, "lets commands find this server")
        steps = [found_by, *steps[:-1]]
    return steps
