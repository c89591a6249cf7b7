"""The system calls that a jailed process may not make: a seccomp-bpf program of our own.

It denies rather than allows by name, so that a new libc or interpreter keeps working; what it
denies is everything that reaches another process, the network, the kernel's configuration or the
metadata of files, of which Landlock knows nothing. Calls newer than the table answer ENOSYS.
"""

import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_INSTRUCTION = struct.Struct("<HBBI")
INSTRUCTION_BYTES = _INSTRUCTION.size
_LOAD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER = 0x25
_JUMP_BITS = 0x45
_RETURN = 0x06

_OFFSET_NUMBER = 0
_OFFSET_ARCHITECTURE = 4
#: The lower halves of the arguments, which is all that the calls below look at.
_OFFSETS_ARGUMENTS = (16, 24)

KILL_PROCESS = 0x8000_0000
ALLOW = 0x7FFF_0000
_ERRNO = 0x0005_0000
DENY = _ERRNO | errno.EPERM
UNKNOWN = _ERRNO | errno.ENOSYS

_NUMBER_NEWEST = 471
_CLONE_THREAD = 0x0001_0000
_PR_SET_PDEATHSIG = 1
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

#: Calls denied whatever their arguments: name → number on x86-64, number on AArch64.
DENIED: dict[str, tuple[int | None, int | None]] = {
    # Sockets: the one a process needs, it inherits.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Other programs and other processes.
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Shared memory and queues, whose names all processes share.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # Mounts and namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "listmount": (458, 458),
    "statmount": (457, 457),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    # Files by other ways than their paths, and the metadata that Landlock leaves alone.
    "mknod": (133, None),
    "mknodat": (259, 33),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    # Who the process is.
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # The kernel, and the parts of it where most of its holes were.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What differs between machines: the kernel's identifier and the numbers of its calls."""

    #: Column of `DENIED`.
    column: int
    audit: int
    seccomp: int
    capset: int
    clone: int
    clone3: int
    kill: int
    tgkill: int
    prlimit64: int
    prctl: int
    ioctl: int


#: By `platform.machine()`.
ARCHITECTURES = {
    "x86_64": Architecture(
        column=0,
        audit=0xC000_003E,
        seccomp=317,
        capset=126,
        clone=56,
        clone3=435,
        kill=62,
        tgkill=234,
        prlimit64=302,
        prctl=157,
        ioctl=16,
    ),
    "aarch64": Architecture(
        column=1,
        audit=0xC000_00B7,
        seccomp=277,
        capset=91,
        clone=220,
        clone3=435,
        kill=129,
        tgkill=131,
        prlimit64=261,
        prctl=167,
        ioctl=29,
    ),
}


def program(architecture: Architecture, own_pid: int) -> bytes:
    """The filter for the process *own_pid*, as an array of `struct sock_filter`.

    Threads may be made, processes not; signals and limits reach the process itself only.
    """
    denied = [numbers[architecture.column] for numbers in DENIED.values()]
    instructions = [
        _instruction(_LOAD, _OFFSET_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, architecture.audit, 1, 0),
        _instruction(_RETURN, KILL_PROCESS),
        _instruction(_LOAD, _OFFSET_NUMBER),
        _instruction(_JUMP_GREATER, _NUMBER_NEWEST, 0, 1),
        _instruction(_RETURN, UNKNOWN),
        # Its flags lie in memory, out of sight; without it, libc falls back to clone.
        *_answer(architecture.clone3, UNKNOWN),
        *(part for number in denied if number is not None for part in _answer(number, DENY)),
        *_when(architecture.clone, 0, _JUMP_BITS, (_CLONE_THREAD,), ALLOW, DENY),
        *_when(architecture.kill, 0, _JUMP_EQUAL, (own_pid,), ALLOW, DENY),
        *_when(architecture.tgkill, 0, _JUMP_EQUAL, (own_pid,), ALLOW, DENY),
        *_when(architecture.prlimit64, 0, _JUMP_EQUAL, (0, own_pid), ALLOW, DENY),
        *_when(architecture.prctl, 0, _JUMP_EQUAL, (_PR_SET_PDEATHSIG,), DENY, ALLOW),
        *_when(architecture.ioctl, 1, _JUMP_EQUAL, (_TIOCSTI, _TIOCLINUX), DENY, ALLOW),
        _instruction(_RETURN, ALLOW),
    ]
    return b"".join(instructions)


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, if_true, if_false, operand)


def _answer(number: int, verdict: int) -> Iterator[bytes]:
    yield _instruction(_JUMP_EQUAL, number, 0, 1)
    yield _instruction(_RETURN, verdict)


def _when(
    number: int, argument: int, test: int, operands: tuple[int, ...], then: int, otherwise: int
) -> Iterator[bytes]:
    """For the call *number*: *then* if its *argument* passes *test* with any operand."""
    yield _instruction(_JUMP_EQUAL, number, 0, 2 + 2 * len(operands))
    yield _instruction(_LOAD, _OFFSETS_ARGUMENTS[argument])
    for operand in operands:
        yield _instruction(test, operand, 0, 1)
        yield _instruction(_RETURN, then)
    yield _instruction(_RETURN, otherwise)
