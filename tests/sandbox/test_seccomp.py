"""The filter's programs are run by a small interpreter, so that both machines are covered."""

import errno
import struct

import pytest

from wasmfaas.sandbox.seccomp import (
    ALLOW,
    ARCHITECTURES,
    DENIED,
    DENY,
    INSTRUCTION_BYTES,
    KILL_PROCESS,
    UNKNOWN,
    Architecture,
    program,
)

PID = 4711
CLONE_THREAD = 0x10000


def verdict(code: bytes, audit: int, number: int, *arguments: int) -> int:
    """What the classic BPF program *code* says of a system call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, audit, 0, *padded)
    instructions = list(struct.iter_unpack("<HBBI", code))
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, operand = instructions[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x25:
                at += if_true if accumulator > operand else if_false
            case 0x45:
                at += if_true if accumulator & operand else if_false
            case 0x06:
                return int(operand)
            case _:
                raise AssertionError(f"operation {operation:#x}")


@pytest.fixture(params=sorted(ARCHITECTURES))
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return ARCHITECTURES[request.param]


def test_every_call_of_the_table_is_denied(architecture: Architecture) -> None:
    code = program(architecture, PID)
    numbers = [columns[architecture.column] for columns in DENIED.values()]
    assert {verdict(code, architecture.audit, n) for n in numbers if n is not None} == {DENY}
    assert DENY & 0xFFFF == errno.EPERM


def test_the_table_has_no_number_twice(architecture: Architecture) -> None:
    numbers = [columns[architecture.column] for columns in DENIED.values()]
    numbers = [number for number in numbers if number is not None]
    assert len(set(numbers)) == len(numbers)


def test_a_call_of_another_machine_kills(architecture: Architecture) -> None:
    code = program(architecture, PID)
    (other,) = [a for a in ARCHITECTURES.values() if a != architecture]
    i386 = 0x4000_0003
    assert verdict(code, other.audit, 0) == KILL_PROCESS
    assert verdict(code, i386, 0) == KILL_PROCESS


def test_threads_are_made_and_processes_not(architecture: Architecture) -> None:
    code, audit = program(architecture, PID), architecture.audit
    assert verdict(code, audit, architecture.clone, CLONE_THREAD | 0x100) == ALLOW
    assert verdict(code, audit, architecture.clone, 17) == DENY
    assert verdict(code, audit, architecture.clone, 17 | CLONE_THREAD << 32) == DENY
    assert verdict(code, audit, architecture.clone3, 0) == UNKNOWN


def test_signals_and_limits_reach_the_process_itself(architecture: Architecture) -> None:
    code, audit = program(architecture, PID), architecture.audit
    for number in (architecture.kill, architecture.tgkill, architecture.prlimit64):
        assert verdict(code, audit, number, PID) == ALLOW
        assert verdict(code, audit, number, PID + 1) == DENY
        assert verdict(code, audit, number, 2**32 - 1) == DENY
    assert verdict(code, audit, architecture.kill, 0) == DENY
    assert verdict(code, audit, architecture.prlimit64, 0) == ALLOW


def test_terminals_and_the_parents_death_stay_as_they_are(architecture: Architecture) -> None:
    code, audit = program(architecture, PID), architecture.audit
    assert verdict(code, audit, architecture.ioctl, 0, 0x5412) == DENY
    assert verdict(code, audit, architecture.ioctl, 0, 0x541C) == DENY
    assert verdict(code, audit, architecture.ioctl, 0, 0x5413) == ALLOW
    assert verdict(code, audit, architecture.prctl, 1) == DENY
    assert verdict(code, audit, architecture.prctl, 22) == ALLOW


def test_calls_newer_than_the_table_are_unknown(architecture: Architecture) -> None:
    code, audit = program(architecture, PID), architecture.audit
    assert verdict(code, audit, 472) == UNKNOWN
    # Numbers of the x32 machine, which share the identifier of x86-64.
    assert verdict(code, audit, 0x4000_0000 | 59) == UNKNOWN


def test_the_program_is_as_long_as_the_kernel_takes(architecture: Architecture) -> None:
    assert len(program(architecture, PID)) // INSTRUCTION_BYTES <= 4096
