"""`wasmfaas doctor`."""

import json as json_format
import os
import subprocess
import sys
from typing import Any

from wasmfaas.cli.discovery import SERVER_FILE, locate
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import Json
from wasmfaas.cli.output import Output, Styled

_SURVEY_S_MAX = 60


def doctor(json: Json = False) -> None:
    """Tell what this machine gives to sandboxes, and what is missing.

    Exits with 1 where a layer of protection is missing.
    """
    found = _survey() | {"server": _server()}
    out = Output(json=json)
    if json:
        out.document(found)
    else:
        for label, *shown in _lines(found):
            out.line((f"{label:<10}", "dim"), *shown)
    if found["jail_missing"]:
        raise SystemExit(1)


def _server() -> dict[str, Any] | None:
    """The server that commands find, and who may use it; None where there is none."""
    try:
        address = locate(None, None, os.environ)
    except Failure:
        return None
    is_open = False
    if address.directory is not None:
        document = json_format.loads((address.directory / SERVER_FILE).read_bytes())
        is_open = bool(document.get("dev_no_auth"))
    return {"url": address.url, "authenticated": not is_open}


def _survey() -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "wasmfaas.sandbox.survey"]
    done = subprocess.run(command, capture_output=True, timeout=_SURVEY_S_MAX)
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Failure("SurveyFailed", f"This machine cannot be looked at: {''.join(reason)}")
    found: dict[str, Any] = json_format.loads(done.stdout)
    return found


def _lines(found: dict[str, Any]) -> list[tuple[str, *tuple[str | Styled, ...]]]:
    restores: tuple[str, str] = (
        ("put back page by page (PAGEMAP_SCAN)", "green")
        if found["restores"]
        else ("replaced after every call: putting them back needs Linux 6.7", "yellow")
    )
    lines: list[tuple[str, *tuple[str | Styled, ...]]] = [
        ("kernel", found["kernel"]),
        ("python", found["python"]),
        ("wasmtime", found["wasmtime"]),
        ("sandboxes", restores),
    ]
    lines += [("jail", (f"✓ {layer}", "green")) for layer in found["jail_active"]]
    lines += [
        ("jail", (f"✗ {layer}: {reason}", "red")) for layer, reason in found["jail_missing"].items()
    ]
    server = found["server"]
    if server is not None and server["authenticated"]:
        lines.append(("server", f"{server['url']}, requests are authenticated"))
    elif server is not None:
        told = f"✗ {server['url']}, requests are NOT authenticated (--dev-no-auth)"
        lines.append(("server", (told, "red")))
    return lines
