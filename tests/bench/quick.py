"""Runs of benchmarks that take seconds, for tests of what they print."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RUN_S_MAX = 500


def document(name: str, cache_dir: Path, folder: Path) -> dict[str, Any]:
    """What a quick run of the benchmark *name* prints; it leaves nothing behind in *folder*."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench", name, "--quick", "--json", f"--cache-dir={cache_dir}"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert ran.stderr == b""
    assert list(folder.iterdir()) == []
    found: dict[str, Any] = json.loads(ran.stdout)
    assert list(found)[-1] == "figures"
    assert {key for key, value in found["figures"].items() if value is None} == set(found["why"])
    return found
