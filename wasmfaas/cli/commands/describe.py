"""`wasmfaas describe`."""

from collections.abc import Mapping

from wasmfaas.cli import plan
from wasmfaas.cli.commands.list import STATE_STYLES, state
from wasmfaas.cli.failures import Refused
from wasmfaas.cli.figures import count, size, visible
from wasmfaas.cli.options import DataDir, Json, Name, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document


def describe(name: Name, url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Show everything about a function."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        found = client.function(name)
        if found is None:
            raise Refused("ResourceNotFoundException", f"there is no function {name}", 404)
        details = client.details(name)
        permissions = client.permissions(name)
    configuration = found["Configuration"]
    tags = found.get("Tags") or {}
    if json:
        out.document(
            {
                **details,
                "permissions": permissions,
                "configuration": configuration,
                "tags": tags,
            }
        )
        return
    out.line((name, "bold"), "  ", *_state(configuration))
    rows = _rows(configuration, details)
    rows += _permissions(permissions)
    rows += _pairs("env", plan.deployed_environment(configuration)) + _pairs("tag", tags)
    out.facts(rows)


def _state(configuration: Document) -> list[str | Styled]:
    shown = state(configuration)
    parts: list[str | Styled] = [(shown, STATE_STYLES.get(shown, ""))]
    if configuration.get("State") != "Active" and configuration.get("StateReason"):
        parts.append(f": {visible(configuration['StateReason'])}")
    elif configuration.get("LastUpdateStatus") == "Failed":
        parts.append((", last update failed", "red"))
        parts.append(f": {visible(str(configuration.get('LastUpdateStatusReason')))}")
    return parts


def _rows(configuration: Document, details: Document) -> list[tuple[str, str | Styled]]:
    runtime = str(configuration.get("Runtime"))
    if details.get("guest_python"):
        runtime += f", run by Python {details['guest_python']}"
    limits = (
        f"{configuration.get('MemorySize')} MB memory · {configuration.get('Timeout')} s timeout"
    )
    if tmp_mb := (configuration.get("EphemeralStorage") or {}).get("Size"):
        limits += f" · {tmp_mb} MB /tmp"
    if details.get("fuel_max"):
        limits += f" · {count(details['fuel_max'])} fuel"
    rows: list[tuple[str, str | Styled]] = [
        ("about", visible(configuration.get("Description") or "")),
        ("url", (details.get("url") or "", "cyan")),
        ("host url", details.get("host_url") or ""),
        ("runtime", runtime),
        ("handler", str(configuration.get("Handler"))),
        ("kind", details.get("kind") or ""),
        ("isolation", details.get("isolation") or ""),
        ("limits", limits),
        ("code", f"{size(configuration.get('CodeSize', 0))} · {configuration.get('CodeSha256')}"),
        ("layers", ", ".join(layer["Arn"] for layer in configuration.get("Layers") or ())),
        ("modified", str(configuration.get("LastModified"))),
        ("arn", (str(configuration.get("FunctionArn")), "dim")),
    ]
    return [row for row in rows if (row[1] if isinstance(row[1], str) else row[1][0])]


def _permissions(permissions: Document) -> list[tuple[str, str | Styled]]:
    """What it may ask the server for, a row for each kind."""
    shown = {
        kind: ", ".join(
            each if isinstance(each, str) else f"{each['origin']} (private)" for each in entries
        )
        for kind, entries in permissions.items()
        if entries
    }
    return [
        ("permits" if index == 0 else "", f"{kind}: {visible(text)}")
        for index, (kind, text) in enumerate(shown.items())
    ]


def _pairs(label: str, pairs: Mapping[str, str]) -> list[tuple[str, str | Styled]]:
    return [
        (label if index == 0 else "", f"{key}={visible(value)}")
        for index, (key, value) in enumerate(sorted(pairs.items()))
    ]
