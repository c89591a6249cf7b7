"""What Wasmtime says of a call that did not return, in Lambda's words."""

import wasmtime


def explained(error: Exception) -> tuple[str, str]:
    """Error type and message for what Wasmtime raised."""
    if isinstance(error, wasmtime.ExitTrap):
        if error.code == 0:
            return "Runtime.ExitError", "Runtime exited without providing a reason"
        return "Runtime.ExitError", f"Runtime exited with error: exit status {error.code}"
    text = str(error)
    if "call stack exhausted" in text:
        return "Runtime.StackOverflow", "Runtime exited with error: call stack exhausted"
    return "Runtime.ExitError", f"Runtime exited with error: {_reason(text)}"


def _reason(text: str) -> str:
    """The cause at the end of Wasmtime's error chain, without addresses and backtrace."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if "wasm trap:" in line:
            return line[line.index("wasm trap:") :]
    return lines[-1][:500] if lines else "unknown"
