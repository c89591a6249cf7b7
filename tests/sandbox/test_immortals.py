"""What of a Python guest is immortal, so that using it writes nothing."""

import ctypes
import struct
from pathlib import Path

import pytest

from tests.sandbox.conftest import Pool, answer
from wasmfaas.sandbox.immortals import immortalize_file, immortalize_memory
from wasmfaas.sandbox.memory import LinearMemory, MemoryAccount

IMMORTAL = 5 << 28
TYPE, OTHER_TYPE = 64, 80

ENDURING = """
import collections, enum, json, sys
class Colour(enum.Enum):
    RED = 1
def helper():
    return "a text in the code", 12345.5, (1000, 2000)
LIST = []
def lambda_handler(event, context):
    known = [json, json.loads, json.loads.__code__, collections.OrderedDict, Colour,
             helper, helper.__code__, lambda_handler, *helper()]
    return [sys._is_immortal(item) for item in known], sys._is_immortal(LIST)
"""

FINALIZERS = """
import weakref
ENDS = []
class Thing:
    def __del__(self):
        ENDS.append("del")
THING, WATCHED, KEPT = Thing(), Thing(), [Thing(), Thing()]
weakref.finalize(WATCHED, ENDS.append, "finalize")
def lambda_handler(event, context):
    global THING, WATCHED
    THING = None
    one = list(ENDS)
    WATCHED = None
    KEPT.clear()
    return one, sorted(ENDS)
"""


def test_what_lives_as_long_as_the_image_is_immortal(pool: Pool) -> None:
    target = pool.function(ENDURING)
    for _ in range(2):
        immortal, a_list = answer(pool.invoke(target))
        assert all(immortal), immortal
        assert not a_list, "it may hold what somebody waits for the end of"


def test_what_has_a_finalizer_still_ends(pool: Pool) -> None:
    target = pool.function(FINALIZERS)
    for _ in range(2):
        assert answer(pool.invoke(target)) == [["del"], ["del", "del", "del", "del", "finalize"]]


def test_classes_that_compare_as_they_like_start_as_others_do(pool: Pool) -> None:
    target = pool.function(
        "class Meta(type):\n"
        "    def __eq__(self, other): raise RuntimeError('compared')\n"
        "    def __instancecheck__(self, other): raise RuntimeError('checked')\n"
        "    __subclasscheck__ = __instancecheck__\n"
        "class Odd(metaclass=Meta):\n"
        "    __slots__ = ()\n"
        "ODD = [Odd()]\n"
        "def lambda_handler(event, context):\n"
        "    return len(ODD)\n"
    )
    assert answer(pool.invoke(target)) == 1


def test_counts_are_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    path.write_bytes(struct.pack("<8I", 1, TYPE, 2, TYPE, IMMORTAL + 1, TYPE, 7, TYPE) + b"odd")
    immortalize_file(path, struct.pack("<3I", 0, 16, 24))
    words = struct.unpack("<8I", path.read_bytes()[:32])
    assert words[::2] == (IMMORTAL, 2, IMMORTAL + 1, IMMORTAL)
    assert path.read_bytes()[32:] == b"odd"


def test_counts_are_written_to_objects_of_the_named_types() -> None:
    memory = LinearMemory(MemoryAccount(65536), 65536, 65536, 0)
    content = content_of(memory)
    content[0:32] = struct.pack("<8I", 1, TYPE, 1, OTHER_TYPE, 1 << 30, TYPE, 5, TYPE)
    content[256:272] = a_list(512, 3)
    content[512:524] = struct.pack("<3I", 0, 8, 16)
    content[320:336] = a_list(640, 1)
    content[640:644] = struct.pack("<I", TYPE)
    immortalize_memory(memory, 256, 320)
    assert struct.unpack("<8I", content[:32])[::2] == (IMMORTAL, 1, 1 << 30, 5)


@pytest.mark.parametrize(
    ("objects", "items", "length"),
    [(256, 65532, 9), (256, 0xFFFF_FFFC, 0xFFFF_FFFF), (65535, 0, 0), (0xFFFF_FFFF, 0, 0),
     (10**30, 0, 0)],
)  # fmt: skip
def test_a_guest_that_lies_reaches_no_further_than_its_memory(
    objects: int, items: int, length: int
) -> None:
    memory = LinearMemory(MemoryAccount(65536), 65536, 65536, 0)
    content = content_of(memory)
    content[256:272] = a_list(items, length)
    content[65532:65536] = struct.pack("<I", 65532)
    immortalize_memory(memory, objects, 256)
    assert content[65532:65536] == struct.pack("<I", 65532)


def a_list(items: int, length: int) -> bytes:
    return struct.pack("<4I", 1, 0, length, items)


def content_of(memory: LinearMemory) -> memoryview:
    return memoryview((ctypes.c_char * memory.size).from_address(memory.base)).cast("B")
