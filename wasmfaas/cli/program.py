"""The program `wasmfaas`: its commands, and what every way of failing looks like."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from wasmfaas import __version__
from wasmfaas.cli.commands import dlq, key, layer, queues, secret, webhooks
from wasmfaas.cli.commands.build import build
from wasmfaas.cli.commands.delete import delete
from wasmfaas.cli.commands.deploy import deploy
from wasmfaas.cli.commands.describe import describe
from wasmfaas.cli.commands.dev import dev
from wasmfaas.cli.commands.doctor import doctor
from wasmfaas.cli.commands.env import env
from wasmfaas.cli.commands.events import events
from wasmfaas.cli.commands.init import init
from wasmfaas.cli.commands.invoke import invoke
from wasmfaas.cli.commands.list import list_functions
from wasmfaas.cli.commands.logs import logs
from wasmfaas.cli.commands.schedules import schedules
from wasmfaas.cli.commands.top import top
from wasmfaas.cli.commands.up import up_command
from wasmfaas.cli.commands.usage import usage
from wasmfaas.cli.failures import EXIT_FAILURE, EXIT_INTERRUPTED, Failure
from wasmfaas.cli.output import Output

PROGRAM = "wasmfaas"
#: Set to anything, it shows where an internal error comes from.
DEBUG_VARIABLE = "WASMFAAS_DEBUG"

_RUN, _LOOK, _WRITE = "Run", "Look", "Write"
#: Name, help, commands by name, and panel.
_Row = tuple[str, str, tuple[tuple[str, Callable[..., None]], ...], str]


class _Command(typer.core.TyperCommand):
    """A command whose help does not call a flag a `<bool>`."""

    def get_params(self, ctx: Any) -> Any:
        return _untyped_flags(super().get_params(ctx))


class _Group(typer.core.TyperGroup):
    """The same for the program itself."""

    def get_params(self, ctx: Any) -> Any:
        return _untyped_flags(super().get_params(ctx))


def _untyped_flags(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


def application() -> typer.Typer:
    """The program with all of its commands."""
    program = typer.Typer(
        name=PROGRAM,
        help="AWS Lambda for your own machine, with WebAssembly where Lambda has microVMs.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback(cls=_Group)(_options)
    commands = (
        ("up", up_command(), _RUN),
        ("deploy", deploy, _RUN),
        ("invoke", invoke, _RUN),
        ("delete", delete, _RUN),
        ("list", list_functions, _LOOK),
        ("describe", describe, _LOOK),
        ("logs", logs, _LOOK),
        ("top", top, _LOOK),
        ("usage", usage, _LOOK),
        ("events", events, _LOOK),
        ("schedules", schedules, _LOOK),
        ("env", env, _LOOK),
        ("doctor", doctor, _LOOK),
        ("init", init, _WRITE),
        ("build", build, _WRITE),
        ("dev", dev, _WRITE),
    )
    for name, command, panel in commands:
        program.command(name, cls=_Command, rich_help_panel=panel)(command)
    for name, told, members, panel in _groups():
        group = typer.Typer(name=name, help=told, no_args_is_help=True)
        for member, command in members:
            group.command(member, cls=_Command)(command)
        program.add_typer(group, rich_help_panel=panel)
    return program


def _groups() -> tuple[_Row, ...]:
    """Commands with commands of their own."""
    return (
        (
            "layer",
            "Publish, list and delete layers.",
            (("publish", layer.publish), ("list", layer.list_layers), ("delete", layer.delete)),
            _RUN,
        ),
        (
            "dlq",
            "List, show, redrive and purge dead letters.",
            (
                ("list", dlq.list_letters),
                ("show", dlq.show),
                ("redrive", dlq.redrive),
                ("purge", dlq.purge),
            ),
            _RUN,
        ),
        (
            "queues",
            "Make queues, send to them, and look into them.",
            (
                ("list", queues.list_queues),
                ("create", queues.create),
                ("show", queues.show),
                ("send", queues.send),
                ("receive", queues.receive),
                ("redrive", queues.redrive),
                ("purge", queues.purge),
                ("delete", queues.delete),
            ),
            _RUN,
        ),
        (
            "webhooks",
            "List, create, show, delete and rotate webhooks.",
            (
                ("list", webhooks.list_hooks),
                ("create", webhooks.create),
                ("show", webhooks.show),
                ("delete", webhooks.delete),
                ("rotate", webhooks.rotate),
                ("destination", webhooks.destination),
            ),
            _RUN,
        ),
        (
            "key",
            "Create, list and revoke access keys.",
            (("create", key.create), ("list", key.list_keys), ("revoke", key.revoke)),
            _WRITE,
        ),
        (
            "secret",
            "Set, list and delete secrets of functions.",
            (("set", secret.set_secret), ("list", secret.list_secrets), ("delete", secret.delete)),
            _WRITE,
        ),
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status. Nothing but KeyboardInterrupt leaves it."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is no reason to fail.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    out = Output(json=_wants_json(arguments))
    try:
        status = _run(list(arguments) or ["--help"], out)
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else EXIT_FAILURE
    return status


def _run(arguments: list[str], out: Output) -> int:
    command = typer.main.get_command(application())
    try:
        status = command.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except Failure as failure:
        out.failure(failure.code, failure.message)
        return failure.exit_status
    except typer.TyperException as error:
        _wrong_usage(error, out)
        return error.exit_code
    except typer.Abort:
        out.failure("Aborted", "aborted")
        return EXIT_FAILURE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _internal_error(error, out)
    return status if isinstance(status, int) else 0


def _wrong_usage(error: typer.TyperException, out: Output) -> None:
    out.failure("WrongUsage", error.format_message())
    context = getattr(error, "ctx", None)
    if context is not None and not out.json:
        out.line((f"see {context.command_path} --help", "dim"), notes=True)


def _internal_error(error: Exception, out: Output) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exc()
    name = type(error).__name__
    message = f"{name}: {error}; this is a defect of wasmfaas, {DEBUG_VARIABLE}=1 shows where"
    out.failure("InternalError", message)
    return EXIT_FAILURE


def _pipe_closed() -> int:
    """The reader has gone: be quiet, also about what is still buffered."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_FAILURE


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors, those of the command line included, are to be JSON."""
    options = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    return "--json" in options


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass
