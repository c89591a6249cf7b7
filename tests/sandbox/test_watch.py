import subprocess
import sys

FAILS = """
import threading
import wasmtime
from wasmfaas.sandbox.watch import Watch

def fail(deadline):
    raise ValueError("the tick failed")

Watch(wasmtime.Engine(), fail).start(1000.0)
threading.Event().wait()
"""


def test_a_worker_does_not_outlive_its_watch() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FAILS], capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == 1
    assert "the tick failed" in ended.stderr
