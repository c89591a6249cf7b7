"""A function that leaves a canary wherever it can ("plant"), or looks for one wherever it can.

The canary comes in two halves, each XORed with a mask. Who looks for it unmasks only the first, so
that it never holds what it looks for.
"""

import atexit
import builtins
import codecs
import contextvars
import decimal
import json
import linecache
import logging
import opcode
import os
import random
import re
import struct
import sys

_HITS_MAX = 1000
_BYTES_HEADER = 16
_DESCRIPTORS = range(64)
_SIZES = [2**exponent for exponent in range(4, 23)]

KEPT = []
VARIABLE = contextvars.ContextVar("variable", default="")


class Kept:
    """Has an attribute to leave something in."""

    text = ""


def lambda_handler(event, context, default=[]):  # noqa: B006
    mask, head, tail = (bytes.fromhex(event[name]) for name in ("mask", "head", "tail"))
    if event["do"] == "hunt":
        return hunt(all_memory(event["bytes"]), unmasked(head, mask), tail, mask)
    if event["do"] == "reach":
        return all_memory(event["bytes"])[event["bytes"] - 1]
    canary = (unmasked(head, mask) + unmasked(tail, mask)).decode()
    plant(canary, default)
    recurse(canary, 150)
    for size in _SIZES:
        leave_in_freed_memory(canary, size)
    if "grow" in event:
        KEPT.append(canary * (event["grow"] // len(canary)))
    print(canary, end="")
    return end(event["end"], canary)


def end(how, canary):
    if how == "raise":
        raise ValueError(canary)
    if how == "exit":
        sys.exit(3)
    if how == "trap":
        return all_memory(2**31 - 1)[2**31 - 2]
    while how == "spin":
        pass
    return [canary, lambda_handler] if how == "marshal" else canary


def plant(canary, default):
    KEPT.extend([canary, canary.encode(), bytearray(canary.encode()), sys.intern(canary + "!")])
    Kept.text = lambda_handler.text = builtins.text = json.text = canary
    default.append(canary)
    sys.modules[canary] = sys
    sys.path.append(f"/tmp/{canary}")
    sys.last_value = ValueError(canary)
    os.environ["CANARY"] = os.environ[canary] = canary
    os.putenv("PUT", canary)
    random.seed(canary)
    decimal.getcontext().Emax = int.from_bytes(canary.encode()[:3])
    re.compile(canary)
    struct.pack(f"{len(canary)}s", canary.encode())
    codecs.register(lambda name: canary)
    atexit.register(print, canary)
    linecache.cache[canary] = (1, None, [canary], canary)
    logging.getLogger(canary).setLevel(5)
    VARIABLE.set(canary)
    KEPT.append(suspended(canary))
    next(KEPT[-1])
    os.makedirs(f"/tmp/{canary}/folder")
    os.chdir(f"/tmp/{canary}")
    for number in range(8):
        KEPT.append(open(f"/tmp/{canary}/{number}", "w"))  # noqa: SIM115
        KEPT[-1].write(canary)
    os.open(f"/tmp/{canary}/raw", os.O_RDWR | os.O_CREAT)
    os.utime("/tmp", ns=(12, 34))
    sys.stdout.write(canary)
    sys.stderr.write(canary)


def suspended(canary):
    yield canary
    yield canary * 2


def recurse(canary, depth):
    mine = f"{canary}{depth}"
    return recurse(canary, depth - 1) if depth else sorted([mine, canary], key=lambda text: mine)


def leave_in_freed_memory(canary, size):
    """Blocks of one size, all of which go when this returns."""
    times = max(size // len(canary), 1)
    return len([canary * times for _ in range(max(2**20 // size, 1))])


def hunt(memory, head, tail, mask):
    """What there is of the canary, by place; "sees" shows that memory is what is searched."""
    own = b"my own mark"
    start = id(own) + _BYTES_HEADER
    found = {
        "sees": memory[start : start + len(own)] == own,
        "memory": count(memory, head, tail, mask),
        "files": sum(1 for _ in os.walk("/tmp")) - 1 + len(os.listdir("/tmp")),
        "folder": os.getcwd() != "/var/task" or os.stat("/tmp").st_mtime_ns == 34,
        "streams": b"".join(map(read, range(3))).decode(),
        "descriptors": [*set(map(is_open, _DESCRIPTORS)) - OPEN],
    }
    return {place: what for place, what in found.items() if what}


def count(memory, head, tail, mask):
    hits, at = 0, memory.find(head)
    while at >= 0 and hits < _HITS_MAX:
        hits += follows(memory, at, tail, mask)
        at = memory.find(head, at + 1)
    return hits


def follows(memory, at, tail, mask):
    rest = memory[at + len(mask) : at + len(mask) + len(tail)]
    return unmasked(rest, mask) == tail


def unmasked(data, mask):
    return bytes(left ^ right for left, right in zip(data, mask, strict=False))


def read(descriptor):
    """What a standard stream holds, if it can be read."""
    try:
        return os.read(descriptor, 2**16)
    except OSError:
        return b""


def is_open(descriptor):
    """The descriptor, if it is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return None
    return descriptor


def all_memory(size):
    """The sandbox's memory from its first byte to its last, as a bytearray that nobody made.

    The interpreter takes a constant from where the code says, however far behind the tuple of
    constants that is: here, a bytearray of our own making that begins at address 0.
    """
    made = struct.pack("<7I", 2**20, id(bytearray), size, size, 0, 0, 0)
    pointer = struct.pack("<I", id(made) + _BYTES_HEADER)
    constants = (None,)
    KEPT.extend([made, pointer, constants])
    distance = id(pointer) + _BYTES_HEADER - id(constants) - tuple.__basicsize__
    index = (distance % 2**32 // 4).to_bytes(4)
    extended = [byte for part in index[:3] for byte in (opcode.opmap["EXTENDED_ARG"], part)]
    last = [opcode.opmap["LOAD_CONST"], index[3], opcode.opmap["RETURN_VALUE"], 0]
    code = bytes([opcode.opmap["RESUME"], 0, *extended, *last])

    def taken():
        return None

    taken.__code__ = taken.__code__.replace(co_code=code, co_consts=constants, co_stacksize=4)
    return taken()


#: Descriptors that were open at the start-up.
OPEN = set(map(is_open, _DESCRIPTORS))
