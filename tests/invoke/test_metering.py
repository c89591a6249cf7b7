"""The bill's arithmetic and the lines that print it."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.invoke import metering
from wasmfaas.models import Usage
from wasmfaas.settings import MIB, Settings

USAGE = Usage(
    request_id="5f2f2f9e-8a5c-4a57-9f5e-0d7f4b1f2a31",
    attempt=1,
    function_name="f",
    function_version="$LATEST",
    started_at_ms=1_700_000_000_000,
    fuel_counted=1234,
    fuel=1234,
    duration_us=3010,
    billed_duration_ms=4,
    cpu_us=2500,
    memory_bytes_peak=36 * MIB,
    init_us=None,
    request_bytes=2,
    response_bytes=2,
    error_type=None,
)

REPORT = re.compile(
    rb"REPORT RequestId: [0-9a-f-]{36}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
    rb"Memory Size: \d+ MB\tMax Memory Used: \d+ MB\t(?:Init Duration: \d+\.\d\d ms\t)?"
    rb"(?:Status: timeout\t|Status: error\tError Type: [A-Za-z0-9_.]+\t)?Fuel: \d+\t\n"
)
counts = st.integers(min_value=0, max_value=10**18)


@dataclass
class Row:
    requests: int
    fuel: int


rows = st.lists(st.builds(Row, requests=counts, fuel=counts))


def test_start_and_end_lines_are_lambdas() -> None:
    assert metering.start_line("ID", "$LATEST") == b"START RequestId: ID Version: $LATEST\n"
    assert metering.end_line("ID") == b"END RequestId: ID\n"


def test_report_of_a_warm_invocation() -> None:
    assert metering.report_line(USAGE, 128) == (
        b"REPORT RequestId: 5f2f2f9e-8a5c-4a57-9f5e-0d7f4b1f2a31\tDuration: 3.01 ms\t"
        b"Billed Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tFuel: 1234\t\n"
    )


def test_report_of_a_cold_invocation_has_its_init_duration_where_lambda_has_it() -> None:
    line = metering.report_line(replace(USAGE, init_us=110_100), 128)
    assert b"Max Memory Used: 36 MB\tInit Duration: 110.10 ms\tFuel: 1234\t\n" in line


@pytest.mark.parametrize(
    ("error_type", "status"),
    [
        ("Sandbox.Timedout", b"\tStatus: timeout\tFuel"),
        ("Runtime.ExitError", b"\tStatus: error\tError Type: Runtime.ExitError\tFuel"),
        ("Runtime.OutOfMemory", b"\tStatus: error\tError Type: Runtime.OutOfMemory\tFuel"),
        ("ValueError", b"\tMax Memory Used: 36 MB\tFuel"),
    ],
)
def test_report_names_failures_of_the_sandbox_but_not_exceptions(
    error_type: str, status: bytes
) -> None:
    assert status in metering.report_line(replace(USAGE, error_type=error_type), 128)


@given(error_type=st.none() | st.text() | st.text().map("Runtime.".__add__))
def test_no_error_type_can_forge_a_field_or_a_line(error_type: str | None) -> None:
    line = metering.report_line(replace(USAGE, error_type=error_type), 128)
    assert REPORT.fullmatch(line)


@pytest.mark.parametrize(
    "error_type", ["Runtime.A\tFuel: 0", "Runtime.A\n", "Runtime.", "Runtime.é"]
)
def test_an_error_type_of_another_form_is_left_out(error_type: str) -> None:
    assert b"Status" not in metering.report_line(replace(USAGE, error_type=error_type), 128)


@given(counts)
def test_every_started_millisecond_is_billed(duration_us: int) -> None:
    billed = metering.billed_duration_ms(duration_us)
    assert billed >= 1
    assert billed * 1000 >= duration_us
    assert billed == 1 or (billed - 1) * 1000 < duration_us


@given(fuel=counts, cpu_us=counts, rate=st.integers(0, 10**6))
def test_only_a_trap_is_charged_for_its_cpu_time(fuel: int, cpu_us: int, rate: int) -> None:
    assert metering.charge(fuel, cpu_us, False, rate) == fuel
    assert metering.charge(fuel, cpu_us, True, rate) == max(fuel, cpu_us * rate)


def test_headers_show_the_figures_of_the_report() -> None:
    assert metering.usage_headers(replace(USAGE, memory_bytes_peak=36 * MIB + 1)) == {
        "X-Wasmfaas-Fuel": "1234",
        "X-Wasmfaas-Billed-Duration-Ms": "4",
        "X-Wasmfaas-Duration-Ms": "3.01",
        "X-Wasmfaas-Cpu-Ms": "2.50",
        "X-Wasmfaas-Memory-Peak-Mb": "37",
    }


def test_only_a_cold_invocation_has_an_init_duration() -> None:
    headers = metering.usage_headers(replace(USAGE, init_us=20_500))
    assert headers["X-Wasmfaas-Init-Duration-Ms"] == "20.50"


def test_cost_is_exact() -> None:
    settings = Settings(price_per_million_requests=0.20, price_per_billion_fuel=0.000002)
    one = metering.cost([Row(requests=1, fuel=1)], settings)
    assert one == Decimal("0.000000200000002")
    assert metering.cost([], settings) == 0


@given(rows)
def test_the_parts_of_a_bill_add_up_to_its_total(rows: list[Row]) -> None:
    settings = Settings(price_per_million_requests=0.1, price_per_billion_fuel=0.3)
    whole = Row(sum(row.requests for row in rows), sum(row.fuel for row in rows))
    assert metering.cost(rows, settings) == metering.cost([whole], settings)
