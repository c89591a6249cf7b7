"""The second wall around a child process: what it may still do once a guest has subverted it.

Wasmtime is the first wall. This one is the kernel's: resource limits, no way to gain privileges,
no capabilities, Landlock for files, TCP and signals, seccomp for system calls. A layer that this
kernel lacks is reported, and the rest is applied.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.sandbox import landlock, seccomp
from wasmfaas.sandbox.kernel import Unavailable, call, system_call

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x2008_0522
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JailPolicy:
    """What the process may still do. Files that are open already stay usable."""

    #: Existing files, or folders with all below them.
    read_paths: tuple[Path, ...] = ()
    write_paths: tuple[Path, ...] = ()
    #: Lambda gives a function 1,024; a worker holds some for each sandbox besides.
    open_files_max: int = 1280
    #: Size of a file that is written, memfds included; the soft limit may be moved below it later.
    file_bytes_max: int | None = None
    #: Address space; None leaves it alone, as linear memories reserve 4 GiB each.
    address_bytes_max: int | None = None
    #: CPU time of all threads; then SIGXCPU and, a second later, SIGKILL.
    cpu_s_max: int | None = None


@dataclass(frozen=True, slots=True)
class JailReport:
    """The layers that hold now, and those that do not, with the reason."""

    active: list[str]
    missing: dict[str, str]

    def add(self, layer: str, apply: Callable[[], object]) -> None:
        """Apply *layer*, or note why it cannot be."""
        try:
            apply()
        except Unavailable as reason:
            self.missing[layer] = str(reason)
        else:
            self.active.append(layer)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    Exits at once where *parent_pid*, the parent's own idea of its pid, is no longer the parent.
    """
    if sys.platform == "linux":
        call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


def enter(policy: JailPolicy) -> JailReport:
    """Confine this process, for good. Call it before any thread starts: Landlock and capabilities
    are those of a thread, and are inherited by the threads that it starts.

    Raises FileNotFoundError if a path of the policy does not exist.
    """
    threads = _thread_count()
    _set_limits(policy)
    report = JailReport(["limits"], {})
    if sys.platform != "linux":
        report.missing["kernel"] = f"the other layers need Linux; this is {sys.platform}"
        return report
    report.add("no-new-privileges", lambda: call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    report.add("capabilities", _drop_capabilities)
    _enter_landlock(policy, report)
    report.add("seccomp", _filter_system_calls)
    if threads > 1:
        report.missing["threads"] = f"{threads - 1} ran before and may keep files and powers"
    return report


def _enter_landlock(policy: JailPolicy, report: JailReport) -> None:
    try:
        version = landlock.restrict(policy.read_paths, policy.write_paths)
    except Unavailable as reason:
        report.missing.update(dict.fromkeys(landlock.PARTS_SINCE, str(reason)))
        return
    for part, since in landlock.PARTS_SINCE.items():
        if version >= since:
            report.active.append(part)
        else:
            report.missing[part] = f"needs version {since} of Landlock's ABI; this is {version}"


def _thread_count() -> int:
    tasks = Path("/proc/self/task")
    return len(os.listdir(tasks)) if tasks.is_dir() else threading.active_count()


def _set_limits(policy: JailPolicy) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: policy.open_files_max,
        resource.RLIMIT_FSIZE: policy.file_bytes_max,
        resource.RLIMIT_AS: policy.address_bytes_max,
    }
    for kind, most in limits.items():
        if most is not None:
            _set_limit(kind, most, most)
    if policy.cpu_s_max is not None:
        _set_limit(resource.RLIMIT_CPU, policy.cpu_s_max, policy.cpu_s_max + 1)


def _set_limit(kind: int, soft: int, hard: int) -> None:
    """Set it, or keep what the process has got if that is less."""
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _architecture() -> seccomp.Architecture:
    try:
        return seccomp.ARCHITECTURES[platform.machine()]
    except KeyError:
        raise Unavailable(f"system calls of {platform.machine()} are not known") from None


def _drop_capabilities() -> None:
    """Root keeps its files but loses its powers, that of raising limits among them."""
    none_of_them = bytes(24)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    system_call(_architecture().capset, header, none_of_them)


def _filter_system_calls() -> None:
    architecture = _architecture()
    program = seccomp.program(architecture, os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    length = len(program) // seccomp.INSTRUCTION_BYTES
    header = struct.pack("@HP", length, ctypes.addressof(buffer))
    thread = system_call(
        architecture.seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, header
    )
    if thread > 0:
        raise Unavailable(f"seccomp: thread {thread} has a filter of its own")
