"""What an invocation used, as the log's lines, the response's headers and the bill show it.

Pure functions: nothing here measures, stores or knows the time.
"""

import re
from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Protocol

from wasmfaas.models import Usage
from wasmfaas.settings import MIB, Settings

TIMEOUT_ERROR_TYPE = "Sandbox.Timedout"
#: The failures that a REPORT line names. Exceptions of the function have other names, and the
#: name of an exception is the guest's to choose, so nothing else may reach the line.
_REPORTED_ERROR_TYPE = re.compile(r"(?:Runtime|Sandbox|Function)\.[A-Za-z0-9_]{1,64}", re.ASCII)


class Metered(Protocol):
    """Anything that is priced: a row of the ledger, or a sum of them."""

    @property
    def requests(self) -> int: ...

    @property
    def fuel(self) -> int: ...


def charge(fuel_counted: int, cpu_us: int, trapped: bool, rate: int) -> int:
    """The fuel to charge for.

    A trap loses Wasmtime's count, so what trapped is charged its CPU time at *rate* units per
    microsecond where that is more.
    """
    return max(fuel_counted, cpu_us * rate) if trapped else fuel_counted


def billed_duration_ms(duration_us: int) -> int:
    """*duration_us* in milliseconds, every started one counted, and at least one."""
    return max(1, -(-duration_us // 1000))


def start_line(request_id: str, version: str) -> bytes:
    """The line that opens an invocation's log."""
    return f"START RequestId: {request_id} Version: {version}\n".encode()


def end_line(request_id: str) -> bytes:
    """The line after the function's own output."""
    return f"END RequestId: {request_id}\n".encode()


def report_line(usage: Usage, memory_mb: int) -> bytes:
    """Lambda's REPORT line, every field ending in a tab, with the fuel charged as a last field."""
    fields = [
        f"REPORT RequestId: {usage.request_id}",
        f"Duration: {_milliseconds(usage.duration_us)} ms",
        f"Billed Duration: {usage.billed_duration_ms} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {_megabytes(usage.memory_bytes_peak)} MB",
    ]
    if usage.init_us is not None:
        fields.append(f"Init Duration: {_milliseconds(usage.init_us)} ms")
    fields += _status(usage.error_type)
    fields.append(f"Fuel: {usage.fuel}")
    return ("\t".join(fields) + "\t\n").encode()


def usage_headers(usage: Usage) -> dict[str, str]:
    """The same figures as response headers."""
    headers = {
        "X-Wasmfaas-Fuel": str(usage.fuel),
        "X-Wasmfaas-Billed-Duration-Ms": str(usage.billed_duration_ms),
        "X-Wasmfaas-Duration-Ms": _milliseconds(usage.duration_us),
        "X-Wasmfaas-Cpu-Ms": _milliseconds(usage.cpu_us),
        "X-Wasmfaas-Memory-Peak-Mb": str(_megabytes(usage.memory_bytes_peak)),
    }
    if usage.init_us is not None:
        headers["X-Wasmfaas-Init-Duration-Ms"] = _milliseconds(usage.init_us)
    return headers


def cost(rows: Iterable[Metered], settings: Settings) -> Decimal:
    """What *rows* cost together, exact and unrounded, in `settings.price_currency`."""
    with localcontext(prec=80):
        per_request = Decimal(str(settings.price_per_million_requests)).scaleb(-6)
        per_fuel = Decimal(str(settings.price_per_billion_fuel)).scaleb(-9)
        return sum((row.requests * per_request + row.fuel * per_fuel for row in rows), Decimal(0))


def _status(error_type: str | None) -> list[str]:
    if error_type == TIMEOUT_ERROR_TYPE:
        return ["Status: timeout"]
    if error_type is not None and _REPORTED_ERROR_TYPE.fullmatch(error_type):
        return ["Status: error", f"Error Type: {error_type}"]
    return []


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:.2f}"


def _megabytes(size_bytes: int) -> int:
    return -(-size_bytes // MIB)
