"""The jail is entered in child processes, which then try what a subverted guest would."""

import json
import platform
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="the jail's kernel layers exist on Linux on x86-64 and AArch64",
)

PREAMBLE = """
import asyncio, errno, json, mmap, os, resource, shutil, signal, socket, subprocess, sys, threading
from pathlib import Path
from wasmfaas.sandbox import jail

outcomes = {}

def attempt(name, action):
    try:
        action()
        outcomes[name] = "allowed"
    except BaseException as error:
        outcomes[name] = type(error).__name__

def enter(**policy):
    return jail.enter(jail.JailPolicy(**policy))

folder = Path(sys.argv[1])
"""


def run_jailed(source: str, folder: Path) -> dict[str, Any]:
    """What the child, jailed by *source*, says in `outcomes`."""
    script = PREAMBLE + textwrap.dedent(source) + "\nprint(json.dumps(outcomes))\n"
    child = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def refusals(outcomes: dict[str, Any]) -> dict[str, Any]:
    return {name: outcome for name, outcome in outcomes.items() if outcome != "PermissionError"}


def test_every_layer_is_active_on_this_kernel_or_says_why_not(tmp_path: Path) -> None:
    report = run_jailed(
        """
        report = enter()
        outcomes = {"active": report.active, "missing": report.missing}
        """,
        tmp_path,
    )
    layers = {*report["active"], *report["missing"]}
    assert layers == {
        "limits",
        "no-new-privileges",
        "capabilities",
        "landlock-files",
        "landlock-network",
        "landlock-scopes",
        "seccomp",
    }
    assert {"limits", "no-new-privileges", "capabilities", "seccomp"} <= set(report["active"])
    assert all(report["missing"].values())


def test_processes_and_sockets_are_out_of_reach(tmp_path: Path) -> None:
    outcomes = run_jailed(
        """
        enter()
        attempt("socket", socket.socket)
        attempt("unix", lambda: socket.socket(socket.AF_UNIX))
        attempt("pair", socket.socketpair)
        attempt("exec", lambda: os.execv("/bin/sh", ["sh", "-c", "echo escaped"]))
        attempt("fork", os.fork)
        attempt("spawn", lambda: subprocess.Popen(["/bin/sh", "-c", "true"]))
        attempt("kill parent", lambda: os.kill(os.getppid(), 0))
        attempt("kill all", lambda: os.kill(-1, 0))
        attempt("limits of parent", lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE))
        attempt("chroot", lambda: os.chroot("/"))
        attempt("setuid", lambda: os.setuid(os.getuid()))
        attempt("nice others", lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 5))
        """,
        tmp_path,
    )
    assert refusals(outcomes) == {}


def test_only_the_policys_files_can_be_opened(tmp_path: Path) -> None:
    for name in ("read", "write", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "one-file").write_text("one")
    outcomes = run_jailed(
        """
        report = enter(
            read_paths=(folder / "read", folder / "one-file"), write_paths=(folder / "write",)
        )
        outcomes["landlock"] = "landlock-files" in report.active
        attempt("passwd", lambda: open("/etc/passwd"))
        attempt("environment of parent", lambda: open(f"/proc/{os.getppid()}/environ"))
        attempt("list /", lambda: os.listdir("/"))
        attempt("list other", lambda: os.listdir(folder / "other"))
        attempt("read other", lambda: (folder / "other/file").read_text())
        attempt("write read", lambda: (folder / "read/file").write_text(""))
        attempt("create in read", lambda: (folder / "read/new").write_text(""))
        attempt("write one file", lambda: (folder / "one-file").write_text(""))
        attempt("truncate other", lambda: os.truncate(folder / "other/file", 0))
        attempt("unlink other", lambda: os.unlink(folder / "other/file"))
        attempt("chmod", lambda: os.chmod(folder / "write/file", 0o777))
        attempt("device", lambda: os.mknod(folder / "write/null", 0o20666, os.makedev(1, 3)))
        denied, outcomes = outcomes, {}
        attempt("read", lambda: (folder / "read/file").read_text())
        attempt("list read", lambda: os.listdir(folder / "read"))
        attempt("read one file", lambda: (folder / "one-file").read_text())
        attempt("write", lambda: (folder / "write/file").write_text("new"))
        attempt("folder", lambda: (folder / "write/new").mkdir())
        attempt("rename", lambda: (folder / "write/file").rename(folder / "write/new/file"))
        attempt("remove", lambda: shutil.rmtree(folder / "write/new"))
        outcomes = {"denied": denied, "allowed": outcomes}
        """,
        tmp_path,
    )
    if not outcomes["denied"].pop("landlock"):
        pytest.skip("this kernel has no Landlock")
    assert refusals(outcomes["denied"]) == {}
    assert set(outcomes["allowed"].values()) == {"allowed"}
    assert (tmp_path / "other/file").read_text() == "other"


def test_a_symlink_out_of_a_granted_folder_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "write").mkdir()
    outcomes = run_jailed(
        """
        report = enter(write_paths=(folder / "write",))
        outcomes["landlock"] = "landlock-files" in report.active
        (folder / "write/link").symlink_to(folder / "secret")
        attempt("through a symlink", lambda: (folder / "write/link").read_text())
        attempt("hard link", lambda: os.link(folder / "secret", folder / "write/hard"))
        attempt("rename", lambda: os.rename(folder / "secret", folder / "write/stolen"))
        """,
        tmp_path,
    )
    if not outcomes.pop("landlock"):
        pytest.skip("this kernel has no Landlock")
    assert {"allowed"}.isdisjoint(outcomes.values())


def test_limits_hold_and_cannot_be_raised_again(tmp_path: Path) -> None:
    (tmp_path / "write").mkdir()
    outcomes = run_jailed(
        """
        enter(write_paths=(folder / "write",), open_files_max=32, file_bytes_max=4096)
        outcomes["core"] = resource.getrlimit(resource.RLIMIT_CORE)
        def open_many():
            copies = []
            try:
                while len(copies) < 64:
                    copies.append(os.dup(1))
            finally:
                for copy in copies:
                    os.close(copy)
        attempt("open files", open_many)
        target = folder / "write/file"
        attempt("within the size", lambda: target.write_bytes(bytes(4096)))
        attempt("over the size", lambda: target.write_bytes(bytes(8192)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 4096))
        attempt("over the lowered size", lambda: target.write_bytes(bytes(4096)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        attempt("within the size again", lambda: target.write_bytes(bytes(4096)))
        attempt("raise", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
        """,
        tmp_path,
    )
    assert outcomes == {
        "core": [0, 0],
        "open files": "OSError",
        "within the size": "allowed",
        "over the size": "OSError",
        "over the lowered size": "OSError",
        "within the size again": "allowed",
        "raise": "ValueError",
    }


def test_what_a_worker_needs_still_works(tmp_path: Path) -> None:
    outcomes = run_jailed(
        """
        inherited, peer = socket.socketpair()
        pagemap = os.open("/proc/self/pagemap", os.O_RDONLY)
        enter()
        def thread():
            started = threading.Thread(target=lambda: outcomes.update(thread="allowed"))
            started.start()
            started.join()
        thread()
        attempt("channel", lambda: (inherited.sendall(b"x"), peer.recv(1)))
        attempt("memfd", lambda: os.ftruncate(os.memfd_create("image"), 4096))
        attempt("executable memory", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_EXEC))
        attempt("pagemap", lambda: os.pread(pagemap, 8, 0))
        attempt("random", lambda: os.urandom(8))
        attempt("signal itself", lambda: os.kill(os.getpid(), 0))
        attempt("lower a limit", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        """,
        tmp_path,
    )
    assert set(outcomes.values()) == {"allowed"}


def test_a_guest_is_loaded_and_runs_inside(tmp_path: Path) -> None:
    outcomes = run_jailed(
        """
        import wasmtime
        engine = wasmtime.Engine()
        wat = '(module (memory 1) (func (export "answer") (result i32) i32.const 42))'
        (folder / "guest.cwasm").write_bytes(wasmtime.Module(engine, wat).serialize())
        # In a process that compiles nothing, as a worker does.
        if "child" not in sys.argv:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "child"])
        enter(read_paths=(folder,))
        module = wasmtime.Module.deserialize_file(engine, str(folder / "guest.cwasm"))
        store = wasmtime.Store(engine)
        instance = wasmtime.Linker(engine).instantiate(store, module)
        outcomes["answer"] = instance.exports(store)["answer"](store)
        """,
        tmp_path,
    )
    assert outcomes == {"answer": 42}


def test_threads_that_ran_before_are_reported(tmp_path: Path) -> None:
    outcomes = run_jailed(
        """
        release = threading.Event()
        thread = threading.Thread(target=release.wait)
        thread.start()
        outcomes["missing"] = list(enter().missing)
        release.set()
        thread.join()
        """,
        tmp_path,
    )
    assert "threads" in outcomes["missing"]


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    outcomes = run_jailed(
        """
        attempt("enter", lambda: enter(read_paths=(folder / "absent",)))
        """,
        tmp_path,
    )
    assert outcomes == {"enter": "FileNotFoundError"}


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed, so that it can tell its child nothing; the child holds a pipe whose
    other end we read: it ends when the child does."""
    parent = textwrap.dedent(
        """
        import os, subprocess, sys
        child = '''
        import os, sys, time
        from wasmfaas.sandbox import jail
        jail.die_with_parent(int(sys.argv[1]))
        jail.enter(jail.JailPolicy())
        print("ready", flush=True)
        time.sleep(600)
        '''
        import textwrap
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(child), str(os.getpid())])
        child.wait()
        """
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        started.kill()
        assert started.stdout.read() == b""


def test_a_child_of_a_parent_that_is_gone_exits() -> None:
    script = "from wasmfaas.sandbox import jail; jail.die_with_parent(1); print('still here')"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert child.stdout == b""
