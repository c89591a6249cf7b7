"""Arranges memory so that an invocation writes to few pages of it: each has to be put back.

Two things spread the writes of a call all over the memory. Every use of an object counts its
references, in the object; so what lives as long as the image becomes immortal, as far as the
interpreter is concerned, by the host's hand: it writes the counts (`sandbox/immortals.py`). And
whatever a call allocates goes to gaps that earlier allocations left; so these are filled.
"""

import gc
import sys
from array import array
from collections.abc import Iterator
from itertools import compress, repeat
from operator import is_
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, BinaryIO

#: That nothing waits for the end of: whoever drops one of these in a call notices no difference.
_ENDURING = frozenset({
    BuiltinFunctionType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType,
    MethodDescriptorType, ModuleType, WrapperDescriptorType, bytes, classmethod, complex, float,
    frozenset, int, property, staticmethod, str, tuple, type,
})  # fmt: skip
_PASSING = frozenset({FrameType, GeneratorType})
#: What code refers to its constants and other code by.
_REFERRING = (FunctionType, tuple)
#: Of libc's allocator, which has all there is: chunks are multiples of 16 bytes, 4 of them its own.
_CHUNK_OVERHEAD_BYTES = 4
#: In a gap of these sizes things do stand side by side.
_LARGE_BYTES = tuple(1 << shift for shift in range(20, 15, -1))
_SMALL_BYTES = (*(1 << shift for shift in range(15, 10, -1)), *range(1024, 0, -16))
_GAPS_MAX = 100_000
_BYTES_OVERHEAD = sys.getsizeof(b"")


class Pages:
    """What must stay where it is. Lives as long as the image."""

    def __init__(self) -> None:
        #: Not to be freed before the host has written the counts, or not at all.
        self._kept: list[Any] = []
        self._listed: tuple[list[Any], list[Any]] = [], []

    def list_runtime(self, file: BinaryIO) -> None:
        """Write the addresses of all objects there are to *file*, 32 bits each."""
        kept: list[Any] = []
        seen: set[int] = set()
        todo: list[Any] = [sys.modules, *gc.get_objects()]
        while todo:
            first = len(kept)
            for item in todo:
                if id(item) not in seen and type(item) not in _PASSING:
                    seen.add(id(item))
                    kept.append(item)
            todo = gc.get_referents(*kept[first:])
            for item in kept[first:]:
                if type(item) is CodeType:  # The collector does not look into these.
                    todo += (item.co_consts, item.co_names, *item.co_consts, *item.co_names)
        file.write(array("I", seen).tobytes())
        self._kept.append(kept)

    def list_function(self) -> tuple[int, int]:
        """The addresses of two lists: of what came since the runtime was settled, or some of it,
        and of the types of what is to become immortal. They stay until `settle`."""
        # There may be many: no line of Python for each. What counts is what code refers to. Types
        # are told apart by identity, as theirs may have an idea of equality of their own.
        found = gc.get_objects()
        all_types = list(map(type, found))
        distinct = dict(zip(map(id, all_types), all_types, strict=True)).values()
        types = [type_ for type_ in distinct if issubclass(type_, type)]
        for referring in _REFERRING:
            found += gc.get_referents(*compress(found, map(is_, all_types, repeat(referring))))
        types += _ENDURING
        self._listed = found, types
        return id(found), id(types)

    def settle(self, top: int) -> None:
        """Use up the small gaps below the address *top*, so that what comes next stands side by
        side."""
        self._listed = [], []
        filling: list[Any] = [None] * _GAPS_MAX
        large = [block for size in _LARGE_BYTES for block in _blocks(size, top)]
        count = 0
        for size in _SMALL_BYTES:
            for block in _blocks(size, top):
                if count == _GAPS_MAX:
                    break
                filling[count] = block
                count += 1
        del large, filling[count:]
        self._kept.append(filling)


def _blocks(size: int, top: int) -> Iterator[Any]:
    """New chunks of *size* bytes, as long as there are any below *top*."""
    length = size - _CHUNK_OVERHEAD_BYTES - _BYTES_OVERHEAD
    while id(block := bytes(length) if length >= 0 else object()) < top:
        yield block
