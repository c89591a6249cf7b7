"""Other servers, doing the same work on the same machine; `peers.md` says how to install them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench import hello
from bench.failures import BenchFailure, NotMeasured

_ROOT = Path(__file__).parents[1]
_GUEST = Path(__file__).parent / "peer_guest"
_HOST = "127.0.0.1"
_START_S_MAX = 60.0
_START_POLL_S = 0.02
_BUILD_S_MAX = 600
_INSTALL = "bench/peers.md says how to install it"


class Folder:
    """Where peers are installed, and where what they run is built."""

    def __init__(self, cache_dir: Path) -> None:
        self._path = cache_dir / "bench" / "peers"

    @property
    def wasmtime(self) -> Path:
        """Raises NotMeasured where it is not installed."""
        return self._there("wasmtime", self._path / "python" / "wasmtime_cli" / "wasmtime")

    @property
    def workerd(self) -> Path:
        """Raises NotMeasured where it is not installed."""
        return self._there("workerd", self._path / "node_modules" / "workerd" / "bin" / "workerd")

    @property
    def wit(self) -> Path:
        """The interfaces of wasi:http. Raises NotMeasured where they are not there."""
        return self._there("jco", self._path / "jco/package/lib/wit/builtin/0.2.12")

    @property
    def built(self) -> Path:
        path = self._path / "built"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _there(self, name: str, path: Path) -> Path:
        if not path.exists():
            raise NotMeasured(f"{name} is not installed; {_INSTALL}")
        return path


@contextmanager
def uvicorn() -> Iterator[int]:
    """A bare ASGI hello; the port that it listens on."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "bench.asgi_hello:app"),
        *(f"--host={_HOST}", f"--port={port}", "--loop=uvloop", "--http=httptools"),
        *("--lifespan=off", "--no-access-log", "--log-level=warning"),
    ]
    with _listening("uvicorn", command, port):
        yield port


@contextmanager
def wasmtime_serve(folder: Folder, note: Callable[[str], None]) -> Iterator[int]:
    """`wasmtime serve`, with its defaults, on the Python hello as a component of wasi:http.

    Raises NotMeasured where it cannot be had.
    """
    program = folder.wasmtime
    component = _component(program, folder, note)
    port = _free_port()
    command = [
        *(str(program), "serve", "-S", "cli", "--allow-precompiled"),
        *("--addr", f"{_HOST}:{port}", str(component)),
    ]
    with _listening("wasmtime serve", command, port):
        yield port


@contextmanager
def workerd(folder: Folder, scratch: Path) -> Iterator[int]:
    """workerd, on a hello in JavaScript. Raises NotMeasured where it cannot be had."""
    program = folder.workerd
    port = _free_port()
    template = (_GUEST / "workerd.capnp").read_text()
    (scratch / "worker.js").write_bytes((_GUEST / "worker.js").read_bytes())
    config = scratch / "workerd.capnp"
    config.write_text(template.replace("ADDRESS", f"{_HOST}:{port}"))
    with _listening("workerd", [str(program), "serve", str(config)], port):
        yield port


def _component(program: Path, folder: Folder, note: Callable[[str], None]) -> Path:
    """The hello as a component, compiled; made once per version of Wasmtime."""
    version = _ran([str(program), "--version"], folder.built).split()[1]
    found = folder.built / f"hello-{version}.cwasm"
    if found.exists():
        return found
    note("Building a wasi:http component for wasmtime serve (once per machine, some 30 s)")
    work = folder.built / f"work-{os.getpid()}"
    try:
        shutil.copytree(folder.wit, work / "wit" / "deps")
        shutil.copy(_GUEST / "hello.wit", work / "wit")
        shutil.copy(_GUEST / "app.py", work)
        shutil.copy(hello.PYTHON_SOURCE, work / "hello.py")
        componentize = shutil.which("componentize-py", path=str(Path(sys.executable).parent))
        if componentize is None:
            raise NotMeasured("componentize-py is not installed beside this Python")
        build = [componentize, "-d", "wit", "-w", "hello", "componentize", "app", "-o", "out.wasm"]
        _ran(build, work)
        _ran([str(program), "compile", "out.wasm", "-o", "out.cwasm"], work)
        (work / "out.cwasm").replace(found)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return found


def _ran(command: Sequence[str], folder: Path) -> str:
    """What *command* prints. Raises NotMeasured where it fails."""
    # Without a virtual environment to look into, componentize-py adds no packages of the host.
    environment = {**os.environ, "VIRTUAL_ENV": str(folder)}
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=_BUILD_S_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasured(f"{Path(command[0]).name} failed: {error}") from None
    if ran.returncode != 0:
        said = ran.stderr.decode(errors="replace")[-300:]
        raise NotMeasured(f"{Path(command[0]).name} failed: {said}")
    return ran.stdout.decode()


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def _listening(name: str, command: Sequence[str], port: int) -> Iterator[None]:
    """*command*, once it listens; gone when the block ends. Raises BenchFailure."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=_ROOT) as process:
        try:
            deadline = time.monotonic() + _START_S_MAX
            while not _accepts(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchFailure(f"{name} did not come up: {' '.join(command)}")
                time.sleep(_START_POLL_S)
            yield
        finally:
            process.kill()


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection((_HOST, port), 1.0):
        return True
    return False
