"""Rust for WebAssembly: this machine's own, or Debian's, fetched once into the cache."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.guest_sdks.toolchain import SDKS, run
from wasmfaas.cli import toolchains
from wasmfaas.cli.failures import Failure
from wasmfaas.store.locks import FileLock

SDK = SDKS / "rust"
FETCH_S_MAX = 500
POLL_S = 0.2
PACKAGES = ("rustc", "libstd-rust-1.63", "libstd-rust-dev-wasm32", "lld-14", "cargo")
#: What those link to; most machines have them.
LIBRARIES = (
    "libbsd0", "libcurl3-gnutls", "libedit2", "libgit2-1.5", "libhttp-parser2.9", "libllvm14",
    "libmbedcrypto7", "libmbedtls14", "libmbedx509-1", "libssh2-1", "libxml2", "libz3-4",
)  # fmt: skip
_NOT_LISTED = re.compile(r"Unable to locate package|no installation candidate|404 +Not Found")
_UNREACHABLE = re.compile(
    r"Temporary failure resolving|Could not (connect|resolve)|Unable to connect"
)
_INSTALL = "install it with: rustup target add wasm32-wasip1"


def environment(cache_dir: Path) -> Mapping[str, str]:
    """Variables under which `cargo` builds for WebAssembly without a network.

    Skips the test where there is no such Rust yet and Debian's cannot be reached.
    """
    own = {
        "CARGO_HOME": str(cache_dir / "cargo-home"),
        "CARGO_NET_OFFLINE": "true",
        # It would make modules smaller, and takes three times as long.
        "CARGO_PROFILE_RELEASE_LTO": "off",
    }
    try:
        toolchains.rust()
        return own
    except Failure:
        root = _debian(cache_dir)
    libraries = sorted({str(path.parent) for path in root.glob("usr/lib/*/*.so*")})
    path = os.pathsep.join([str(root / "usr/bin"), os.environ["PATH"]])
    return own | {"PATH": path, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


def _debian(cache_dir: Path) -> Path:
    digest = hashlib.sha256(" ".join(PACKAGES + LIBRARIES).encode()).hexdigest()
    root = cache_dir / f"rust-{digest[:12]}"
    lock = FileLock(root.with_suffix(".lock"))
    deadline = time.monotonic() + FETCH_S_MAX
    while not root.exists():
        assert time.monotonic() < deadline, f"{lock.path} is held by somebody else"
        if not lock.try_acquire():
            time.sleep(POLL_S)
            continue
        try:
            if not root.exists():
                _fetch(root)
        finally:
            lock.release()
    return root


def _fetch(root: Path) -> None:
    assert shutil.which("apt-get"), f"no Rust for wasm32-wasip1 here; {_INSTALL}"
    with tempfile.TemporaryDirectory(dir=root.parent) as temporary:
        folder, unpacked = Path(temporary), Path(temporary, "unpacked")
        _download(folder)
        extractions = [
            subprocess.Popen(["dpkg", "-x", str(package), str(unpacked)])
            for package in folder.glob("*.deb")
        ]
        assert [process.wait() for process in extractions] == [0] * len(extractions)
        os.rename(unpacked, root)


def _download(folder: Path) -> None:
    """Debian's packages into *folder*; nothing is installed."""
    wanted = [*PACKAGES, *(name for name in LIBRARIES if not _is_installed(name))]
    told = _apt(folder, "download", *wanted)
    if told is not None and _NOT_LISTED.search(told):
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        options = ("-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={folder / 'cache'}")
        told = _apt(folder, *options, "update") or _apt(folder, *options, "download", *wanted)
    if told is not None and _UNREACHABLE.search(told):
        pytest.skip(f"no Rust for wasm32-wasip1 here, and Debian's cannot be reached; {_INSTALL}")
    assert told is None, f"no Rust for wasm32-wasip1 here, and apt-get failed; {_INSTALL}\n{told}"


def _apt(folder: Path, *arguments: str) -> str | None:
    """What apt-get complains of; None where it succeeds."""
    done = subprocess.run(
        ["apt-get", "-q", *arguments],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"LC_ALL": "C"},
    )  # fmt: skip
    return done.stdout if done.returncode else None


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout.startswith("installed")


def programs(sources: Mapping[str, Path], cache_dir: Path) -> Mapping[str, bytes]:
    """The modules of sources on the SDK, by their names, built by one cargo."""
    variables = environment(cache_dir)
    target = "wasm32-wasi" if "PATH" in variables else toolchains.rust()[1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "lib.rs").touch()
        (folder / "Cargo.toml").write_text(_manifest(sources))
        run("cargo", "build", "--quiet", "--release", "--examples", "--target", target,
            "--target-dir", str(folder / "target"),
            folder=folder, **variables)  # fmt: skip
        built = folder / "target" / target / "release" / "examples"
        return {name: (built / f"{name}.wasm").read_bytes() for name in sources}


def tests(folder: Path, cache_dir: Path) -> list[Path]:
    """The SDK's unit tests and its sample's, as commands, built in *folder*."""
    variables = environment(cache_dir)
    target = "wasm32-wasi" if "PATH" in variables else toolchains.rust()[1]
    run("cargo", "test", "--quiet", "--no-run", "--lib", "--example", "hello", "--target", target,
        "--target-dir", str(folder), folder=_copied(folder),
        CARGO_PROFILE_TEST_DEBUG="0", CARGO_PROFILE_TEST_STRIP="true", **variables)  # fmt: skip
    debug = folder / target / "debug"
    found = [*debug.glob("deps/wasmfaas-*.wasm"), *debug.glob("examples/hello-*.wasm")]
    assert len(found) == 2, found
    return found


def _copied(folder: Path) -> Path:
    """The SDK where cargo can leave its lock file."""
    return Path(shutil.copytree(SDK, folder / "sdk", ignore=shutil.ignore_patterns("target")))


def _manifest(sources: Mapping[str, Path]) -> str:
    examples = "".join(
        f'[[example]]\nname = "{name}"\npath = "{path}"\ncrate-type = ["cdylib"]\n'
        for name, path in sources.items()
    )
    return (
        '[package]\nname = "programs"\nversion = "0.0.0"\nedition = "2021"\n'
        f'[lib]\npath = "lib.rs"\n[dependencies]\nwasmfaas = {{ path = "{SDK}" }}\n'
        f'[profile.release]\nopt-level = "s"\npanic = "abort"\nstrip = true\n{examples}'
    )
