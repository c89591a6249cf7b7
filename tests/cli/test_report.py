from wasmfaas.cli import report
from wasmfaas.invoke.metering import report_line
from wasmfaas.models import Usage

USAGE = Usage(
    request_id="8f1b",
    attempt=1,
    function_name="hello",
    function_version="$LATEST",
    started_at_ms=0,
    fuel_counted=12_345_678,
    fuel=12_345_678,
    duration_us=3010,
    billed_duration_ms=4,
    cpu_us=2900,
    memory_bytes_peak=36 * 1024 * 1024,
    init_us=110_100,
    request_bytes=2,
    response_bytes=2,
    error_type="Runtime.ExitError",
)


def test_what_the_server_writes_is_read_back() -> None:
    found = report.figures("START …\n" + report_line(USAGE, 128).decode())
    assert found == {
        "duration_ms": 3.01,
        "billed_duration_ms": 4,
        "memory_mb": 128,
        "memory_peak_mb": 36,
        "init_duration_ms": 110.1,
        "status": "error",
        "error_type": "Runtime.ExitError",
        "fuel": 12_345_678,
    }
    assert report.summary(found) == (
        "3.01 ms · billed 4 ms · fuel 12.3M · 36 of 128 MB · start-up 110 ms · Runtime.ExitError"
    )


def test_a_function_cannot_pass_its_own_line_off_as_the_report() -> None:
    forged = "REPORT RequestId: 8f1b\tFuel: 1\t\n"
    assert report.figures(forged + report_line(USAGE, 128).decode())["fuel"] == 12_345_678


def test_a_log_without_a_report_has_no_figures() -> None:
    assert report.figures("") == {}
    assert report.summary({}) == ""
