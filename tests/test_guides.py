"""What the guides tell users to write does what they say."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from wasmfaas.hooks.signatures import key_of
from wasmfaas.services.webhooks import DestinationSecrets, signature

ROOT = Path(__file__).parents[1]


def files_of(guide: str) -> dict[str, str]:
    """The files that a guide shows: blocks of Python whose first line is a comment with a path."""
    text = (ROOT / "docs" / guide).read_text()
    return dict(re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def test_the_tests_of_the_guide_pass(tmp_path: Path, cache_dir: Path) -> None:
    files = files_of("testing-in-ci.md")
    assert list(files) == ["src/app.py", "test_app.py", "conftest.py", "by_hand.py"]
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    # Where the fixture finds the runtime that has been built for these tests.
    (tmp_path / "xdg").mkdir()
    (tmp_path / "xdg" / "wasmfaas").symlink_to(cache_dir)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "wasmfaas.testing.plugin"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert "4 passed" in run.stdout, run.stdout + run.stderr
    by_hand = subprocess.run(
        [sys.executable, "by_hand.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert by_hand.stdout == "{'hello': 'Ada', 'by': 'hello'}\n", by_hand.stderr


def test_the_verifier_of_the_guide_knows_ours_from_others() -> None:
    text = (ROOT / "docs" / "webhooks.md").read_text()
    [source] = re.findall(r"^```python\n(import base64.*?)^```$", text, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(source, names)
    is_genuine = names["is_genuine"]
    secret = DestinationSecrets("master").of("https://a.test/")[1]
    now = int(time.time())

    def headers(timestamp: int) -> dict[str, str]:
        return {
            "webhook-id": "m",
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1,x {signature(key_of(secret), 'm', timestamp, b'{}')}",
        }

    assert is_genuine(secret, headers(now), b"{}")
    assert not is_genuine(secret, headers(now), b"{ }")
    assert not is_genuine(secret, headers(now - 3600), b"{}")
    other = DestinationSecrets("master").of("https://a.test/other")[1]
    assert not is_genuine(other, headers(now), b"{}")
