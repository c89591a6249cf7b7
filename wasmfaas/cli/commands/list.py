"""`wasmfaas list`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from wasmfaas.cli.client import Client
from wasmfaas.cli.figures import age, lambda_time
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document

STATE_STYLES = {"Active": "green", "Pending": "yellow", "Failed": "red"}


def list_functions(url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """List the functions."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        functions = list(_functions(client))
    if json:
        out.document({"functions": [_row(function) for function in functions]})
    elif functions:
        columns = ("NAME", "RUNTIME", "STATE", ">MEMORY", ">TIMEOUT", "MODIFIED")
        now = datetime.now(UTC)
        out.table(columns, [_cells(function, now) for function in functions])
    else:
        out.line("No functions yet. Deploy one with `wasmfaas deploy PATH`.", notes=True)


def _functions(client: Client) -> Iterator[Document]:
    for listed in client.functions():
        found = client.function(listed["FunctionName"])
        if found is not None:  # it may have been deleted meanwhile
            yield found["Configuration"]


def state(function: Document) -> str:
    """State as one word: an update that failed, or is under way, counts."""
    if function.get("State") == "Active" and function.get("LastUpdateStatus") == "InProgress":
        return "Pending"
    return str(function.get("State") or "Active")


def _row(function: Document) -> Document:
    return {
        "name": function["FunctionName"],
        "runtime": function.get("Runtime"),
        "handler": function.get("Handler"),
        "state": state(function),
        "memory_mb": function.get("MemorySize"),
        "timeout_s": function.get("Timeout"),
        "code_size_bytes": function.get("CodeSize"),
        "code_sha256": function.get("CodeSha256"),
        "description": function.get("Description"),
        "last_modified": function.get("LastModified"),
        "arn": function.get("FunctionArn"),
    }


def _cells(function: Document, now: datetime) -> list[str | Styled]:
    shown = state(function)
    return [
        (str(function["FunctionName"]), "bold"),
        str(function.get("Runtime")),
        (shown, STATE_STYLES.get(shown, "")),
        f"{function.get('MemorySize')} MB",
        f"{function.get('Timeout')} s",
        (age(lambda_time(function["LastModified"]), now), "dim"),
    ]
