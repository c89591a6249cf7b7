"""Makes objects of a guest's Python immortal: their references are counted no more.

A count is a word of the object, so that every use of an object would write to its page, and each
page that a call writes to is one to put back. The interpreter in the guest leaves counts alone that
are beyond a bound, but offers no way to get them there.
"""

import ctypes
import mmap
from pathlib import Path

from wasmfaas.sandbox.memory import LinearMemory

_WORD_BYTES = 4
#: Of CPython on 32 bits: from the first on a count is left alone, and the second is what it gives
#: to objects of its own.
_IMMORTAL_MIN = 1 << 30
_IMMORTAL = 5 << 28


#: Words of an object, and of a list.
_COUNT, _TYPE, _LENGTH, _ITEMS = range(4)


def immortalize_file(path: Path, addresses: bytes) -> None:
    """Change the objects at *addresses*, 32 bits each, in a file that is a guest's memory."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        size = len(content) // _WORD_BYTES * _WORD_BYTES
        with memoryview(content)[:size] as whole, whole.cast("I") as words:
            for address in memoryview(addresses).cast("I"):
                _immortalize(words, address)


def immortalize_memory(memory: LinearMemory, objects: int, types: int) -> None:
    """Change the objects of the list at address *objects*, where their type is in the list at
    *types*. Whatever a guest has put there, it could do the same by itself."""
    view = memoryview((ctypes.c_char * memory.size).from_address(memory.base))
    words = view.cast("B").cast("I")
    chosen = _items(words, types)
    for address in _items(words, objects):
        word = address // _WORD_BYTES
        if word + _TYPE < len(words) and words[word + _TYPE] in chosen:
            _immortalize(words, address)


def _items(words: "memoryview[int]", address: int) -> set[int]:
    """Addresses of what is in the list at *address*."""
    word = address // _WORD_BYTES
    if word + _ITEMS >= len(words):
        return set()
    first = words[word + _ITEMS] // _WORD_BYTES
    return set(words[first : first + words[word + _LENGTH]])


def _immortalize(words: "memoryview[int]", address: int) -> None:
    word = address // _WORD_BYTES
    if words[word + _COUNT] < _IMMORTAL_MIN:
        words[word + _COUNT] = _IMMORTAL
