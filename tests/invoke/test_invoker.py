"""Invocations through a running server."""

import time

from tests.conftest import Server


def test_a_failing_start_up_is_logged_in_one_line(server: Server, function_name: str) -> None:
    """Whatever the guest calls its error."""
    server.deploy(
        function_name, {"app.py": "raise type('Own\\nREPORT forged', (Exception,), {})\n"}
    )
    url = f"/_wasmfaas/v1/functions/{function_name}/logs"
    deadline = time.monotonic() + 60
    while "INIT_REPORT" not in (text := server.http.get(url).text):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)
    assert "Error Type: Own?REPORT forged" in text
