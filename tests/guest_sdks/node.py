"""A project with its npm packages installed, once for all test processes of a machine."""

import functools
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

import pytest

from wasmfaas.cli import building, toolchains
from wasmfaas.cli.building import BuildSettings
from wasmfaas.cli.commands.init import write
from wasmfaas.store.locks import FileLock

TEMPLATE = "typescript"
INSTALL_S_MAX = 600
POLL_S = 0.2
#: What npm says where it gets no connection; what a registry answers is told otherwise.
_UNREACHABLE = re.compile(
    r"\b(EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|ETIMEDOUT"
    r"|ERR_SOCKET_TIMEOUT)\b"
)


def project(cache_dir: Path, template: str = TEMPLATE) -> Path:
    """The folder of a project as `wasmfaas init` writes it of *template*, built once, as
    `wasmfaas build` does: so its packages are those of the template's lock file. TypeScript's has
    what JavaScript's has and the compiler. Not to be changed.

    Skips the test where the packages are not there yet and their registry cannot be reached.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir) as temporary:
        fresh = Path(temporary) / template
        write(template, fresh)
        folder = cache_dir / "node-projects" / f"{template}-{_digest(fresh)}"
        lock = FileLock(folder.with_suffix(".lock"))
        folder.parent.mkdir(exist_ok=True)
        deadline = time.monotonic() + INSTALL_S_MAX
        while not folder.exists():
            assert time.monotonic() < deadline, f"{lock} is held by somebody else"
            if not lock.try_acquire():
                time.sleep(POLL_S)
                continue
            try:
                if not folder.exists():
                    if (reason := unreachable()) is not None:
                        pytest.skip(reason)
                    building.build(fresh, BuildSettings(language=template))
                    os.rename(fresh, folder)
            finally:
                lock.release()
    return folder


@functools.cache
def unreachable() -> str | None:
    """Why npm's registry cannot be reached; None where it answers, whatever it answers."""
    _, npm = toolchains.node()
    told = toolchains.run(npm, ("ping", "--fetch-retries=1"), Path()).stdout
    found = _UNREACHABLE.search(told)
    return f"npm's registry cannot be reached: {found[0]}" if found else None


def node(*arguments: str, folder: Path) -> str:
    """Run Node.js in *folder*; what it printed, which is in the AssertionError when it fails."""
    program, _ = toolchains.node()
    done = toolchains.run(program, arguments, folder)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]
