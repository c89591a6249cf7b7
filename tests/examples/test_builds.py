"""The modules that are committed are what their sources build to."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.guest_sdks.reference_host import envelope, run, run_command

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The C examples, built anew by their own Makefiles."""
    folder = tmp_path_factory.mktemp("built")
    modules = {name: folder / f"{name}.wasm" for name in ("hello-c", "hello-wasi")}
    for name, module in modules.items():
        command = ["make", "-s", "-C", str(EXAMPLES / name), "wasm", f"OUT={module}"]
        subprocess.run([*command, f"PYTHON={sys.executable}"], check=True)
    return modules


# Not byte by byte: another version of the compiler may write the same program differently.
def test_hello_c_behaves_as_a_fresh_build(built: dict[str, Path]) -> None:
    events = [b"{}", b'{"name": "Ada"}', b'{"queryStringParameters": {"name": "\xc3\xa9"}}']
    requests = [envelope(event) for event in [*events, b'{"name": "%s"}' % (b"x" * 256)]]
    fresh = run(built["hello-c"], requests)
    committed = run(EXAMPLES / "hello-c" / "bootstrap.wasm", requests)
    assert committed == fresh
    assert [answer.error is None for answer in fresh.answers] == [False, True, True, False]


def test_hello_wasi_behaves_as_a_fresh_build(built: dict[str, Path]) -> None:
    committed = EXAMPLES / "hello-wasi" / "bootstrap.wasm"
    for event in (b"", b"{}", b"x" * 200_000):
        environment = {"AWS_LAMBDA_FUNCTION_NAME": "f"}
        fresh = run_command(built["hello-wasi"], event, environment)
        assert run_command(committed, event, environment) == fresh
        assert fresh[:2] == (0, b"Hello from f: the event has %d bytes\n" % len(event))


def test_the_modules_are_small_enough_to_commit() -> None:
    modules = list(EXAMPLES.glob("*/*.wasm"))
    assert len(modules) == 2
    assert all(module.stat().st_size < 64 * 1024 for module in modules)
