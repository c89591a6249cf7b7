"""The REPORT line of an invocation, read back."""

import re
from typing import Any

from wasmfaas.cli.figures import count, milliseconds, visible

#: Field of the line → our name and type.
_FIELDS: dict[str, tuple[str, type]] = {
    "Duration": ("duration_ms", float),
    "Billed Duration": ("billed_duration_ms", int),
    "Memory Size": ("memory_mb", int),
    "Max Memory Used": ("memory_peak_mb", int),
    "Init Duration": ("init_duration_ms", float),
    "Fuel": ("fuel", int),
    "Status": ("status", str),
    "Error Type": ("error_type", str),
}
_REPORT = re.compile(r"^REPORT RequestId: .*$", re.MULTILINE)


def figures(log: str) -> dict[str, Any]:
    """The figures of the last REPORT line in *log*; empty without one.

    The last, because a function can print what looks like one.
    """
    lines = _REPORT.findall(log)
    found: dict[str, Any] = {}
    for field in lines[-1].split("\t")[1:] if lines else []:
        label, _, value = field.partition(": ")
        if label in _FIELDS:
            name, kind = _FIELDS[label]
            found[name] = value if kind is str else kind(value.split(" ")[0])
    return found


def summary(found: dict[str, Any]) -> str:
    """*found* on one line, for people."""
    parts = [
        milliseconds(found["duration_ms"]) if "duration_ms" in found else "",
        f"billed {found['billed_duration_ms']} ms" if "billed_duration_ms" in found else "",
        f"fuel {count(found['fuel'])}" if "fuel" in found else "",
        _memory(found),
        f"start-up {milliseconds(found['init_duration_ms'])}"
        if "init_duration_ms" in found
        else "",
        visible(found.get("error_type") or found.get("status") or ""),
    ]
    return " · ".join(part for part in parts if part)


def _memory(found: dict[str, Any]) -> str:
    if "memory_peak_mb" not in found:
        return ""
    return f"{found['memory_peak_mb']} of {found.get('memory_mb', '?')} MB"
