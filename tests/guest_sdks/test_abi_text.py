"""What guest-sdks/README.md states as fact, against the code and the other files that say it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest

from wasmfaas import abi
from wasmfaas.sandbox import engine
from wasmfaas.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "guest-sdks" / "README.md").read_text()
WIT = ROOT / "guest-sdks" / "wit" / "function.wit"


def blocks(language: str) -> list[str]:
    """The fenced blocks of the text in *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def dump(lines: str) -> Any:
    """The msgpack value that an annotated hex dump shows."""
    rows = re.findall(r"^ *((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:  |$)", lines, re.MULTILINE)
    return msgpack.unpackb(bytes.fromhex(" ".join(rows)))


def test_the_worked_examples_are_what_they_say() -> None:
    request, answers, calls = blocks("text")
    ok, error = answers.split("\n\n")
    assert dump(request) == {"event": b'{"n":1}', "context": b"{}"}
    assert dump(ok) == {"ok": b"2"}
    assert dump(error) == {"error": {"errorType": "Odd", "errorMessage": "1 is odd"}}
    asked, answered, failed = calls.split("\n\n")
    assert dump(asked) == {"key": "a"}
    assert dump(answered) == {"value": b"7", "version": 1, "expiresAtMs": None}
    assert dump(failed) == {"errorType": "NotFound", "errorMessage": "no"}


def test_the_wit_in_the_text_is_the_wit_file_without_its_comments() -> None:
    bare = re.sub(r"^ *///.*\n", "", WIT.read_text(), flags=re.MULTILINE)
    [shown] = blocks("wit")
    assert shown.split() == bare.split()
    package, world = re.fullmatch(r"(.*)/(.*)@.*", abi.WORLD).groups()  # type: ignore[union-attr]
    assert f"package {package}@{abi.WORLD.partition('@')[2]};" in bare
    assert f"world {world} {{" in bare


@pytest.mark.parametrize(
    ("world", "exports"),
    [
        ("function", ["handle"]),
        ("function-with-init", ["handle", "init"]),
        ("function-with-parts", ["handle", "init"]),
    ],
)
def test_the_wit_file_makes_bindings(world: str, exports: list[str], tmp_path: Path) -> None:
    tool = Path(sys.executable).with_name("componentize-py")
    command = [str(tool), "-d", str(WIT), "-w", world, "bindings", str(tmp_path / "bindings")]
    subprocess.run(command, check=True, capture_output=True)
    generated = (tmp_path / "bindings" / "wit_world" / "__init__.py").read_text()
    assert sorted(re.findall(r"^    def (\w+)\(", generated, re.MULTILINE)) == exports


@pytest.mark.parametrize(
    "name",
    [abi.EXPORT_HANDLE, abi.EXPORT_INIT, abi.EXPORT_MEMORY, abi.EXPORT_REACTOR_ALLOC,
     abi.EXPORT_REACTOR_HANDLE, abi.EXPORT_REACTOR_INITIALIZE,
     abi.EXPORT_REACTOR_FRESH, abi.EXPORT_COMMAND_START,
     abi.TASK_PATH, abi.TMP_PATH, *abi.CORE_IMPORT_MODULES,
     *(prefix.rstrip("/") for prefix in abi.COMPONENT_IMPORT_PREFIXES)],
)  # fmt: skip
def test_every_name_that_the_host_looks_for_is_in_the_text(name: str) -> None:
    assert f"`{name}`" in TEXT


def test_the_version_and_the_limits_are_those_of_the_code() -> None:
    limits = TEXT[TEXT.index("## 9. Limits") : TEXT.index("## 10.")]
    defaults = Settings()
    assert TEXT.startswith(f"# The guest ABI, version {abi.ABI_VERSION}\n")
    for number in (
        defaults.event_bytes_max,
        defaults.response_bytes_max,
        defaults.log_bytes_invocation_max,
    ):
        assert f"| {number:,} bytes |" in limits
    assert f"killed {defaults.kill_grace_ms} ms later" in limits
    assert defaults.fuel_max == 10**13
    assert engine.STACK_BYTES_MAX == 1024 * 1024
    assert "| 10^13 unless" in limits
    assert "| 1 MiB |" in limits


def worlds(wit: str) -> dict[str, set[str]]:
    """The exports of each world, those that it includes among them."""
    text = re.sub(r"//[^\n]*", "", wit)
    found: dict[str, set[str]] = {}
    for name, body in re.findall(r"world ([\w-]+) \{(.*?)\}", text, re.DOTALL):
        statements = [" ".join(line.split()) for line in body.split(";") if line.strip()]
        exports = {line for line in statements if line.startswith(("export ", "import "))}
        for line in statements:
            if line.startswith("include "):
                exports |= found[line.removeprefix("include ")]
        found[name] = exports
    return found


def test_the_python_runtime_implements_the_published_world() -> None:
    published = worlds((ROOT / "guest-sdks" / "wit" / "function.wit").read_text())
    own = worlds((ROOT / "wasmfaas" / "sandbox" / "guest" / "function.wit").read_text())
    assert published == own
    assert len(own["function-with-parts"]) == 4
