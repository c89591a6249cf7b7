"""Building and finding the Python runtime. Builds are imitated, as a real one takes half a minute,
except in the last test, which shares its cache with all the others that need Python."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime

from tests.invoke.stubs import Interpreter
from tests.sandbox import wat
from tests.sandbox.conftest import Pool, answer
from wasmfaas.errors import ServiceFailure, StorageFull
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.models import PackageKind
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefact, Artefacts

BUILDER = "wasmfaas.sandbox.componentize"
COMPILER = "wasmfaas.sandbox.compiler"


class Server:
    """The parts of one server that deal with the runtime."""

    def __init__(self, cache_dir: Path) -> None:
        self.steps: list[str] = []
        settings = Settings(cache_dir=cache_dir)
        self.compilers = Compilers(settings, Artefacts(cache_dir))
        self.runtime = PythonRuntime(settings, self.compilers)

    async def ensure(self) -> Artefact:
        return await self.runtime.ensure(lambda step: self.steps.append(step.split()[0]))


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    """Has builds end at once, with a component of ours."""
    component = tmp_path / "component.wasm"
    component.write_bytes(wasmtime.wat2wasm(wat.component(0, b"1")))
    interpreter = Interpreter(tmp_path, monkeypatch)
    build = f"cp {component} result/runtime.wasm; touch result/whole.wasm result/memory.img"
    imitate(interpreter, f"{build}; printf 3.99.1 > app/python-version")
    return interpreter


def imitate(interpreter: Interpreter, build: str) -> None:
    """Have a build do *build*, in shell, and compilers work as ever."""
    interpreter.before(f'case "$*" in *{BUILDER}*) {build}; exit;; esac')


def test_it_is_built_and_compiled_once(tmp_path: Path, interpreter: Interpreter) -> None:
    async def start_several() -> set[Path]:
        servers = [Server(tmp_path / "cache") for _ in range(3)]
        asked = [server.ensure() for server in servers for _ in range(3)]
        artefacts = await asyncio.gather(*asked)
        assert {server.runtime.version for server in servers} == {"3.99.1"}
        assert sum(server.steps.count("Building") for server in servers) == 1
        return {artefact.path for artefact in artefacts}

    (path,) = asyncio.run(start_several())
    assert path.is_file()
    assert interpreter.starts(BUILDER) == 1
    assert interpreter.starts(COMPILER) == 1


def test_the_next_start_finds_it(tmp_path: Path, interpreter: Interpreter) -> None:
    first, second = Server(tmp_path / "cache"), Server(tmp_path / "cache")
    artefact = asyncio.run(first.ensure())
    assert first.steps == ["Building", "Compiling"]
    assert asyncio.run(second.ensure()) == artefact
    assert second.steps == []
    assert second.runtime.version == "3.99.1"
    names = {path.suffix for path in (tmp_path / "cache" / "python-runtime").iterdir()}
    assert names == {"", ".lock"}


def test_what_the_cache_lost_is_made_again(tmp_path: Path, interpreter: Interpreter) -> None:
    server = Server(tmp_path / "cache")

    async def lose() -> None:
        artefact = await server.ensure()
        artefact.path.unlink()
        assert (await server.ensure()).path.is_file()
        assert server.steps == ["Building", "Compiling", "Compiling"]
        for path in (tmp_path / "cache" / "python-runtime").glob("*/runtime.*"):
            path.unlink()
            artefact.path.unlink()
            assert (await server.ensure()).path.is_file()

    asyncio.run(lose())
    assert server.steps == ["Building", "Compiling", "Compiling", *["Building", "Compiling"] * 2]


@pytest.mark.parametrize("version", ["", "{}", '{"python": 3}', '{"python": "../../x"}'])
def test_a_record_that_is_damaged_does_not_count(
    tmp_path: Path, interpreter: Interpreter, version: str
) -> None:
    asyncio.run(Server(tmp_path / "cache").ensure())
    (record,) = (tmp_path / "cache" / "python-runtime").glob("*/runtime.json")
    record.write_text(version)
    server = Server(tmp_path / "cache")
    asyncio.run(server.ensure())
    assert server.steps == ["Building"]
    assert server.runtime.version == "3.99.1"


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        ("echo broken >&2; false", ServiceFailure, "could not be built; the server's log"),
        ("echo 'Error: No space left on device (os error 28)'; false", StorageFull, "100 MB"),
        ("true", ServiceFailure, "could not be built; the server's log"),
        ("printf 3.99.1 > app/python-version", ServiceFailure, "could not be built"),
        ("touch result/runtime.wasm app/python-version", ServiceFailure, "could not be built"),
        ("kill -KILL $$", ServiceFailure, "could not be built; the server's log"),
    ],
)
def test_a_build_that_fails_says_so_and_leaves_nothing(
    tmp_path: Path, interpreter: Interpreter, build: str, error: type[Exception], message: str
) -> None:
    imitate(interpreter, build)
    server = Server(tmp_path / "cache")
    with pytest.raises(error, match=message):
        asyncio.run(server.ensure())
    assert not list((tmp_path / "cache" / "python-runtime").glob("*.building"))
    with pytest.raises(RuntimeError):
        _ = server.runtime.version


def test_what_a_killed_build_left_is_no_obstacle(tmp_path: Path, interpreter: Interpreter) -> None:
    asyncio.run(Server(tmp_path / "cache").ensure())
    (built,) = (tmp_path / "cache" / "python-runtime").glob("*/runtime.wasm")
    leftover = built.parent.with_suffix(".building")
    built.parent.rename(leftover)
    server = Server(tmp_path / "cache")
    asyncio.run(server.ensure())
    assert server.steps == ["Building"]
    assert not leftover.exists()


def test_packages_of_this_environment_stay_out(tmp_path: Path, interpreter: Interpreter) -> None:
    seen = tmp_path / "seen"
    imitate(interpreter, f"(ls -A $VIRTUAL_ENV/lib/*/site-packages; echo $TMPDIR) > {seen}; false")
    with pytest.raises(ServiceFailure):
        asyncio.run(Server(tmp_path / "cache").ensure())
    (line,) = seen.read_text().splitlines()
    assert Path(line).parent == tmp_path / "cache" / "python-runtime"


def test_a_build_ends_with_its_server(tmp_path: Path, interpreter: Interpreter) -> None:
    """The builder is told whose death to die with; see `jail.die_with_parent`."""
    seen = tmp_path / "seen"
    imitate(interpreter, f'echo "$*" > {seen}; false')
    with pytest.raises(ServiceFailure):
        asyncio.run(Server(tmp_path / "cache").ensure())
    arguments = seen.read_text().split()
    assert arguments[arguments.index(BUILDER) + 1] == str(os.getpid())
    orphan = subprocess.run(
        [interpreter.real, "-m", BUILDER, "1", "--version"], capture_output=True, check=True
    )
    assert orphan.stdout == b""


@pytest.fixture
def pool(tmp_path: Path, cache_dir: Path) -> Iterator[Pool]:
    pool = Pool(tmp_path / "data", cache_dir)
    yield pool
    pool.close()


def test_the_real_one_runs_functions_and_tells_its_version(pool: Pool, cache_dir: Path) -> None:
    runtime = PythonRuntime(pool.settings, pool.compilers)
    artefact = pool.runner.run(runtime.ensure(lambda step: None))
    assert artefact.kind is PackageKind.COMPONENT
    assert artefact.inspection.has_init
    target = pool.function(
        """
import platform, sys
def lambda_handler(event, context):
    return {"version": platform.python_version(), "path": sys.path}
"""
    )
    told = answer(pool.invoke(target))
    assert told["version"] == runtime.version
    assert not [path for path in told["path"] if "site-packages" in path]
