"""`wasmfaas invoke`."""

import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from wasmfaas.cli import report
from wasmfaas.cli.client import Invocation
from wasmfaas.cli.failures import EXIT_FAILURE
from wasmfaas.cli.figures import visible
from wasmfaas.cli.options import DataDir, Json, Name, Url, session
from wasmfaas.cli.output import Output


def invoke(
    name: Name,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="EVENT", help="The event as JSON; - reads standard input; {} unless given."
        ),
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", "-e", metavar="JSON", help="The event, as an option.")
    ] = None,
    event_file: Annotated[
        Path | None, typer.Option("--event-file", metavar="FILE", help="A file with the event.")
    ] = None,
    tail: Annotated[bool, typer.Option("--tail", help="Print the end of the log, too.")] = False,
    client_context: Annotated[
        str | None,
        typer.Option("--client-context", metavar="JSON", help="Becomes context.client_context."),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Call a function and print its answer.

    NAME may end in a version or an alias: app:3, app:prod.
    The answer goes to standard output, what it took to standard error.
    The exit status is 1 if the function failed.
    """
    out = Output(json=json)
    body = _event(source, event, event_file)
    if client_context is not None:
        _check_json(client_context.encode(), "--client-context")
    with session(url, data_dir) as client:
        answer = client.invoke(name, body, client_context)
    if json:
        out.document(_document(name, answer))
    else:
        _show(out, answer, tail)
    if answer.function_error:
        raise typer.Exit(EXIT_FAILURE)


def _event(source: str | None, event: str | None, event_file: Path | None) -> bytes:
    if sum(given is not None for given in (source, event, event_file)) > 1:
        raise typer.BadParameter("give one of EVENT, --event and --event-file")
    if source == "-":
        return _check_json(sys.stdin.buffer.read(), "standard input")
    if event_file is not None:
        try:
            return _check_json(event_file.read_bytes(), str(event_file))
        except OSError as error:
            raise typer.BadParameter(f"cannot read {event_file}: {error.strerror}") from None
    text = source or event or "{}"
    return _check_json(text.encode(errors="surrogateescape"), "the event")


def _check_json(text: bytes, said_by: str) -> bytes:
    try:
        jsonlib.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{said_by} is not JSON: {error}") from None
    return text


def _document(name: str, answer: Invocation) -> dict[str, Any]:
    try:
        payload = jsonlib.loads(answer.payload) if answer.payload else None
    except ValueError:
        payload = answer.payload.decode(errors="replace")
    return {
        "name": name,
        "request_id": answer.request_id,
        "executed_version": answer.executed_version,
        "function_error": answer.function_error,
        "payload": payload,
        "figures": report.figures(answer.log_tail),
        "log_tail": answer.log_tail,
    }


def _show(out: Output, answer: Invocation, tail: bool) -> None:
    sys.stdout.buffer.write(answer.payload + b"\n")
    sys.stdout.flush()
    if tail:
        shown = visible(answer.log_tail) if sys.stderr.isatty() else answer.log_tail
        out.line((shown.rstrip("\n"), "dim"), notes=True)
    if answer.function_error:
        out.line(("✗ ", "red"), _reason(answer.payload), notes=True)
    out.line((report.summary(report.figures(answer.log_tail)), "dim"), notes=True)


def _reason(payload: bytes) -> str:
    try:
        error = jsonlib.loads(payload)
        return visible(f"{error['errorType']}: {error['errorMessage']}")
    except (ValueError, TypeError, KeyError):
        return "the function failed"
