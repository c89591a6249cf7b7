"""`wasmfaas doctor`, on this machine."""

import json
import platform
import subprocess
import sys


def test_doctor_tells_what_holds_here() -> None:
    command = [sys.executable, "-m", "wasmfaas", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found["jail_missing"] else 0)
    assert found["python"] == platform.python_version()
    assert "no-new-privileges" in " ".join([*found["jail_active"], *found["jail_missing"]])
    assert isinstance(found["restores"], bool)


def test_doctor_is_readable() -> None:
    command = [sys.executable, "-m", "wasmfaas", "doctor"]
    shown = subprocess.run(command, capture_output=True, text=True).stdout
    assert "wasmtime" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
